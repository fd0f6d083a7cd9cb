-- Rows of later pages and files are summed by day without reading all events of it.
CREATE INDEX event_pages_by_time ON event (at) WHERE kind = 'rows_fetched';
