-- What approvals and cursors hold of statements is encrypted with the session's key, like the record's own.
UPDATE approval SET state = 'expired' WHERE state IN ('pending', 'approved');
DROP INDEX approval_pending;
ALTER TABLE approval
  DROP COLUMN statement, DROP COLUMN sent, DROP COLUMN binds, DROP COLUMN purpose,
  -- {"statement", "sent", "binds", "purpose"}; NULL for those of earlier versions.
  ADD COLUMN sealed bytea,
  -- HMAC of sent and binds: the same statement is asked for once.
  ADD COLUMN digest bytea;
CREATE UNIQUE INDEX approval_pending ON approval (issuer, subject, client_id, digest, policy_version) WHERE state = 'pending';

DELETE FROM cursor;
ALTER TABLE cursor
  DROP COLUMN statement, DROP COLUMN binds, DROP COLUMN purpose,
  -- {"statement", "binds", "purpose"}
  ADD COLUMN sealed bytea NOT NULL;
