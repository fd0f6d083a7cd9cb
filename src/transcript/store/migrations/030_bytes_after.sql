-- To how much a day's bytes came with each taking: a row that says less was put back, whichever process wrote it, and two takings of the same
-- bytes are found at once. Of events only gateways write that it is told here; what is no number counts for nothing.
CREATE INDEX event_bytes_after ON event (left(body->>'principal', 200), left(body->>'day', 10),
    (CASE WHEN body->>'after' ~ '^[0-9]{1,16}$' THEN (body->>'after')::numeric END)) WHERE kind = 'bytes_taken';
