-- Whoever looks for downloads without an end goes by what the record says was opened, not by rows.
CREATE INDEX event_download_opened ON event (sequence) WHERE kind = 'download_opened';
