-- Statements that wait for a person.

CREATE TABLE approval (
  id             uuid PRIMARY KEY,
  statement_id   uuid NOT NULL,
  session_id     uuid NOT NULL REFERENCES session (id),
  asked_at       timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL,
  state          text NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'used')),
  issuer         text NOT NULL,
  subject        text NOT NULL,
  client_id      text NOT NULL,
  -- Exactly what would run, and under which rules: a change of either needs a new approval.
  statement      text NOT NULL,
  sent           text NOT NULL,
  binds          jsonb NOT NULL,
  purpose        text,
  policy_version text NOT NULL,
  reviewer_groups text[] NOT NULL,
  needed         integer NOT NULL CHECK (needed > 0),
  rule           text NOT NULL
);

CREATE UNIQUE INDEX approval_pending ON approval (issuer, subject, client_id, md5(sent), md5(binds::text), policy_version) WHERE state = 'pending';
CREATE INDEX approval_by_state ON approval (state, asked_at);

CREATE TABLE approval_decision (
  approval_id uuid NOT NULL REFERENCES approval (id),
  reviewer    text NOT NULL,
  decided_at  timestamptz NOT NULL DEFAULT now(),
  decision    text NOT NULL CHECK (decision IN ('approve', 'deny')),
  reason      text,
  -- One person counts once, in however many groups.
  PRIMARY KEY (approval_id, reviewer)
);
