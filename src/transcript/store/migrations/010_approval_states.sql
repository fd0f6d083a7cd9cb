-- Approvals as a state machine that any replica can drive: pending → approved | denied | expired | withdrawn, approved → used | expired,
-- and used → approved where the process that used it died before the statement left.
ALTER TABLE approval DROP CONSTRAINT approval_state_check;
ALTER TABLE approval ADD CONSTRAINT approval_state_check CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'withdrawn', 'used'));
UPDATE approval SET state = 'expired' WHERE state IN ('pending', 'approved');
DROP INDEX approval_pending;
ALTER TABLE approval
  -- SHA-256 over what the statement reads and writes, as the catalog had it, and how it is masked: it runs only while that is so.
  ADD COLUMN fits bytea,
  ADD COLUMN fingerprint text,
  -- What reviewers look at besides the text: kind, objects, columns, masks, rules, estimate.
  ADD COLUMN about jsonb,
  -- Names that nobody may decide under: the agent's own, and those of whom it acts for.
  ADD COLUMN persons text[] NOT NULL DEFAULT '{}',
  ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
-- The same statement of the same agent waits once.
CREATE UNIQUE INDEX approval_open ON approval (issuer, subject, client_id, digest) WHERE state IN ('pending', 'approved');
CREATE INDEX approval_due ON approval (expires_at) WHERE state IN ('pending', 'approved');
CREATE INDEX approval_by_statement ON approval (statement_id);
CREATE INDEX approval_by_subject ON approval (subject, asked_at DESC);

-- For how long the reviewer would let the same agent run statements of the same shape.
ALTER TABLE approval_decision ADD COLUMN standing_ms bigint CHECK (standing_ms > 0);

-- "This fingerprint, for this agent, for two hours": given with an approval by the people whom it asked for.
CREATE TABLE standing_approval (
  id             uuid PRIMARY KEY,
  approval_id    uuid NOT NULL UNIQUE REFERENCES approval (id),
  fingerprint    text NOT NULL,
  issuer         text NOT NULL,
  subject        text NOT NULL,
  client_id      text NOT NULL,
  policy_version text NOT NULL,
  requirements   jsonb NOT NULL,
  granted_at     timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL,
  revoked_at     timestamptz
);
CREATE INDEX standing_in_force ON standing_approval (issuer, subject, client_id, fingerprint, expires_at) WHERE revoked_at IS NULL;

-- Whoever waits for a decision is woken, on whichever replica.
CREATE FUNCTION tell_of_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('snowfence_approval', NEW.id::text);
  RETURN NULL;
END $$;
CREATE TRIGGER approval_changed AFTER INSERT OR UPDATE OF state ON approval FOR EACH ROW EXECUTE FUNCTION tell_of_approval();
