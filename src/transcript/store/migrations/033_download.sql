-- Results that may be downloaded as a file, once: whose they are, and what is needed to read them. Rows themselves stay in Snowflake.
CREATE TABLE download (
  id           uuid PRIMARY KEY,
  issuer       text NOT NULL,
  subject      text NOT NULL,
  client_id    text NOT NULL,
  session_id   uuid NOT NULL,
  statement_id uuid NOT NULL,
  query_id     text NOT NULL,
  -- Its name, and what has to be read to judge it anew.
  format       text NOT NULL,
  sealed       bytea NOT NULL,
  -- SHA-256 of how it was allowed and the text as it was sent: rules that have changed since make another.
  granted      bytea NOT NULL,
  -- Rows from this one on are not given out, nor more bytes than these.
  end_row      integer NOT NULL,
  bytes        bigint NOT NULL,
  -- When it was opened: from then on nobody else can.
  opened_at    timestamptz,
  expires_at   timestamptz NOT NULL,
  mac          bytea NOT NULL
);
CREATE INDEX download_expires ON download (expires_at);
CREATE INDEX download_by_principal ON download (issuer, subject, expires_at) WHERE opened_at IS NULL;
