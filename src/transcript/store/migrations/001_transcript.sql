-- The transcript: sessions and what happened in them. Rows are only ever added.

CREATE TABLE session (
  id           uuid PRIMARY KEY,
  opened_at    timestamptz NOT NULL DEFAULT now(),
  issuer       text NOT NULL,
  subject      text NOT NULL,
  client_id    text NOT NULL,
  groups       text[] NOT NULL,
  token_id     text,
  transport    text NOT NULL,
  client       jsonb NOT NULL,
  address      text,
  -- What finds a session again when the client sends no handle: issuer, subject, client and token id.
  key          text NOT NULL
);

CREATE INDEX session_by_key ON session (key, opened_at DESC);
CREATE INDEX session_by_subject ON session (subject, opened_at DESC);

CREATE TABLE event (
  sequence     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id           uuid NOT NULL UNIQUE,
  at           timestamptz NOT NULL,
  session_id   uuid REFERENCES session (id),
  statement_id uuid,
  kind         text NOT NULL,
  body         jsonb NOT NULL
);

CREATE INDEX event_by_session ON event (session_id, sequence);
CREATE INDEX event_by_statement ON event (statement_id, sequence) WHERE statement_id IS NOT NULL;
CREATE INDEX event_by_time ON event (at);

-- Statements of a principal in one hour, for statements_per_hour; replicas share it.
CREATE TABLE statement_count (
  principal    text NOT NULL,
  hour         timestamptz NOT NULL,
  statements   integer NOT NULL,
  PRIMARY KEY (principal, hour)
);
