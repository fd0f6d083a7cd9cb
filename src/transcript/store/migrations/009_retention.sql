-- What must not be archived or dropped: a session, or everything of a principal.
CREATE TABLE hold (
  id        uuid PRIMARY KEY,
  -- Either of both.
  session_id uuid,
  subject   text,
  reason    text NOT NULL,
  placed_by text NOT NULL,
  placed_at timestamptz NOT NULL DEFAULT now(),
  lifted_at timestamptz,
  CHECK ((session_id IS NULL) <> (subject IS NULL))
);

-- What went to files: of each session the length up to which it went, and the hash there, which the rest hangs on.
CREATE TABLE archive (
  id         uuid PRIMARY KEY,
  file       text NOT NULL,
  -- SHA-256 of the file.
  digest     bytea NOT NULL,
  -- SHA-256 of the lines of archived_session, as the event events_archived has it.
  manifest   bytea NOT NULL,
  before     timestamptz NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE archived_session (
  archive_id uuid NOT NULL REFERENCES archive (id),
  session_id uuid NOT NULL,
  -- From this event on, up to before that one.
  from_position bigint NOT NULL,
  length     bigint NOT NULL,
  hash       bytea NOT NULL,
  -- The event that opened the session, where later ones stay: what its row and its statements' terms follow from.
  opened_at  timestamptz,
  opening    json,
  PRIMARY KEY (archive_id, session_id)
);
CREATE INDEX archived_session_by_session ON archived_session (session_id, length DESC);
