-- Bytes that a principal's statements would scan in one day (UTC), for bytes_scanned_per_day; replicas share it.
CREATE TABLE scan_budget (
  principal text NOT NULL,
  day       date NOT NULL,
  bytes     numeric(30) NOT NULL,
  PRIMARY KEY (principal, day)
);
