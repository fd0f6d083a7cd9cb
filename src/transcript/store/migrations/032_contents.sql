-- What verdicts were made from is kept once: found by its hash without reading the record.
CREATE INDEX event_content ON event (left(body->>'digest', 64)) WHERE kind = 'content_kept';
