-- Sessions of people who signed in to the console. State, no record: that they signed in and out is in the transcript.
CREATE TABLE person_session (
  id           uuid PRIMARY KEY,
  -- SHA-256 of what the cookie holds; the one before stays good for a moment, for requests that are under way.
  token        bytea NOT NULL UNIQUE,
  former       bytea,
  former_until timestamptz,
  issuer       text NOT NULL,
  subject      text NOT NULL,
  name         text NOT NULL,
  groups       text[] NOT NULL,
  claims       jsonb NOT NULL,
  opened_at    timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz NOT NULL DEFAULT now(),
  rotated_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL
);
CREATE INDEX person_session_by_former ON person_session (former) WHERE former IS NOT NULL;
CREATE INDEX person_session_by_expiry ON person_session (expires_at);
