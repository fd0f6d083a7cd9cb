-- Rows that decide something carry an HMAC over all of themselves, by a key that the store does not have: one that was put in or changed
-- by anybody but a gateway counts for nothing. What earlier versions left carries none; the record has what became of it.
DELETE FROM standing_approval;
DELETE FROM approval_decision;
DELETE FROM approval;
DELETE FROM person_session;
DELETE FROM cursor;

ALTER TABLE approval
  -- HMAC over everything that makes the statement what it is: texts, binds, kinds, objects, rules, whose it is.
  ADD COLUMN binding bytea NOT NULL,
  -- The same over its shape, for those that may hold for a while; NULL where it has none.
  ADD COLUMN standing bytea,
  ADD COLUMN mac bytea NOT NULL;
ALTER TABLE approval_decision ADD COLUMN mac bytea NOT NULL, ADD COLUMN standing_uses integer CHECK (standing_uses > 0);

DROP INDEX standing_in_force;
ALTER TABLE standing_approval
  DROP COLUMN fingerprint,
  ADD COLUMN binding bytea NOT NULL,
  ADD COLUMN uses integer NOT NULL DEFAULT 0 CHECK (uses >= 0),
  ADD COLUMN max_uses integer NOT NULL CHECK (max_uses > 0),
  ADD COLUMN mac bytea NOT NULL;
CREATE INDEX standing_in_force ON standing_approval (issuer, subject, client_id, binding, expires_at) WHERE revoked_at IS NULL;

ALTER TABLE person_session ADD COLUMN mac bytea NOT NULL;
