-- Results that are not read to their end: what the next rows need, and whose they are. Rows themselves stay in Snowflake.
CREATE TABLE cursor (
  id           uuid PRIMARY KEY,
  issuer       text NOT NULL,
  subject      text NOT NULL,
  client_id    text NOT NULL,
  session_id   uuid NOT NULL,
  statement_id uuid NOT NULL,
  query_id     text NOT NULL,
  statement    text NOT NULL,
  binds        jsonb NOT NULL,
  purpose      text,
  -- SHA-256 of how it was allowed and the text as it was sent: rules that have changed since make another.
  granted      bytea NOT NULL,
  -- Rows from this one on are beyond the principal's limit.
  end_row      integer NOT NULL,
  bytes_left   bigint NOT NULL,
  expires_at   timestamptz NOT NULL
);
CREATE INDEX cursor_expires ON cursor (expires_at);
