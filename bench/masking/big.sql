-- One hundred thousand rows of ten columns, for the streamed result.
CREATE SCHEMA IF NOT EXISTS ANALYTICS.BENCH;
CREATE TABLE ANALYTICS.BENCH.BIG AS
  SELECT i::BIGINT AS "ID", 'Customer ' || i AS "NAME", 'user' || i || '@example.com' AS "EMAIL",
         ((i * 7919) % 100000 / 100)::DECIMAL(12,2) AS "TOTAL", DATE '2020-01-01' + (i % 1000)::INTEGER AS "DAY",
         'a note about parcel ' || i AS "NOTE", (i % 7)::INTEGER AS "KIND", 'DE' AS "COUNTRY",
         (i * 1.5)::DECIMAL(12,2) AS "PRICE", i % 2 = 0 AS "ACTIVE"
  FROM range(100000) t(i);
