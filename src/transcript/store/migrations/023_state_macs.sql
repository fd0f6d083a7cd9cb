-- Rows about budgets, cursors, deliveries and sign-ins: each carries an HMAC over all of itself, by a key that the store does not have, and
-- the record holds what they follow from.
--
-- Rows of earlier versions carry none. A budget of the day counts for at least what it says, since nothing in the record does yet; a
-- webhook's beginning is taken up once, and written into the record; its sessions are delivered again from there, since nobody can say how
-- far they were (receivers know doubles by their id). Cursors are over, and people sign in again.
DELETE FROM scan_budget WHERE day < (now() AT TIME ZONE 'UTC')::date;
ALTER TABLE scan_budget ADD COLUMN mac bytea NOT NULL DEFAULT '';
ALTER TABLE scan_budget ALTER COLUMN mac DROP DEFAULT;

DELETE FROM cursor;
ALTER TABLE cursor
  -- How often the row was changed: one that was changed before is none.
  ADD COLUMN changes integer NOT NULL,
  ADD COLUMN mac bytea NOT NULL;

ALTER TABLE webhook ADD COLUMN mac bytea NOT NULL DEFAULT '';
ALTER TABLE webhook ALTER COLUMN mac DROP DEFAULT;

DELETE FROM delivery;
ALTER TABLE delivery ADD COLUMN mac bytea NOT NULL;

-- What was given up and what was sent after all are events: the list is made from them.
DROP TABLE dead_letter;

DELETE FROM person_session;
-- How often the token was changed: the record has each.
ALTER TABLE person_session ADD COLUMN rotations integer NOT NULL;

-- What these rows are held against, found without reading the record.
CREATE INDEX event_bytes_taken ON event (left(body->>'principal', 200), at) WHERE kind = 'bytes_taken';
CREATE INDEX event_of_sign_in ON event (left(body->>'sign_in', 36), at)
  WHERE kind IN ('person_signed_in', 'person_signed_out', 'person_token_changed');
CREATE INDEX event_of_webhook ON event (kind, left(body->>'webhook', 100), left(body->>'session', 36), left(body->>'position', 20))
  WHERE kind IN ('webhook_added', 'delivery_given_up', 'delivery_retried');
