-- The transcript as chains of signed events that only the function append() can lengthen.
--
-- event      what happened; each session's events form a hash chain
-- session    who; written when a session opens
-- chain      how long each session's chain is, and its last hash: what the next event is hung on
-- statement  one row for each statement, for search
-- outcome    what became of it
-- running    statements that may run at this moment, and which process runs them
-- writer     processes that write, and when they were last heard of
-- leaf       heads of chains in the order in which checkpoints took them up: the leaves of an RFC 6962 tree
-- checkpoint signed tree heads
--
-- Times are in UTC. Partitions hold a week each and begin on Mondays.

-- What earlier versions recorded had no chain; it stays readable under these names and is no part of the transcript.
ALTER TABLE approval DROP CONSTRAINT approval_session_id_fkey;
ALTER TABLE event RENAME TO event_unchained;
ALTER TABLE session RENAME TO session_unchained;
ALTER INDEX session_by_key RENAME TO session_unchained_by_key;
ALTER INDEX session_by_subject RENAME TO session_unchained_by_subject;
ALTER INDEX event_by_session RENAME TO event_unchained_by_session;
ALTER INDEX event_by_statement RENAME TO event_unchained_by_statement;
ALTER INDEX event_by_time RENAME TO event_unchained_by_time;
ALTER SEQUENCE event_sequence_seq RENAME TO event_unchained_sequence;

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE session (
  id         uuid PRIMARY KEY,
  opened_at  timestamptz NOT NULL,
  -- agent, gateway (a process's own events) or operator (somebody at the command line).
  actor      text NOT NULL,
  issuer     text NOT NULL,
  subject    text NOT NULL,
  client_id  text NOT NULL,
  groups     text[] NOT NULL,
  token_id   text,
  transport  text NOT NULL,
  client     jsonb NOT NULL,
  address    text,
  -- What finds a session again when the client sends no handle: issuer, subject, client and token id.
  key        text NOT NULL,
  -- agent:…, client:… and group:… of every statement of this session.
  terms      text[] NOT NULL
);
CREATE INDEX session_by_key ON session (key, opened_at DESC);
CREATE INDEX session_by_subject ON session (subject, opened_at DESC);
CREATE INDEX session_by_time ON session (opened_at DESC);

-- What a session's personal data and secrets are encrypted with, itself encrypted. Without its row the texts are gone for good.
CREATE TABLE session_key (
  session_id uuid PRIMARY KEY,
  -- Which of the operator's keys encrypted it.
  key_id     text NOT NULL,
  wrapped    bytea NOT NULL
);

CREATE TABLE chain (
  session_id uuid PRIMARY KEY,
  length     bigint NOT NULL,
  hash       bytea NOT NULL,
  last_at    timestamptz NOT NULL,
  is_open    boolean NOT NULL DEFAULT true,
  -- Whether the last checkpoint has the whole of it.
  is_covered boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);
-- Their conditions change seldom, so that most changes of a head touch no index.
CREATE INDEX chain_uncovered ON chain (session_id) WHERE NOT is_covered;
CREATE INDEX chain_open ON chain (session_id) WHERE is_open;

CREATE SEQUENCE event_sequence;
CREATE TABLE event (
  session_id   uuid NOT NULL,
  -- In its session, from 0.
  position     bigint NOT NULL,
  at           timestamptz NOT NULL,
  -- In the order of writing over all sessions; has gaps.
  sequence     bigint NOT NULL,
  -- The process that wrote it, and the how-manieth of that process it is, from 0 without a gap.
  writer       uuid NOT NULL,
  n            bigint NOT NULL,
  statement_id uuid,
  kind         text NOT NULL,
  -- Canonical JSON (RFC 8785), kept to the letter.
  body         json NOT NULL,
  hash         bytea NOT NULL,
  -- At the last event of what was written at once: Ed25519 over all of it.
  signature    bytea,
  PRIMARY KEY (session_id, position, at)
) PARTITION BY RANGE (at);
CREATE INDEX event_by_sequence ON event (sequence);

-- Statement ids are UUIDs of version 7: in the order of time, so they serve as partition key as well.
CREATE TABLE statement (
  id          uuid PRIMARY KEY,
  at          timestamptz NOT NULL,
  session_id  uuid NOT NULL,
  agent       text NOT NULL,
  kind        text,
  verdict     text NOT NULL,
  fingerprint text,
  -- Statement and purpose as readers see them: without what the detectors found.
  text        text NOT NULL,
  purpose     text,
  terms       text[] NOT NULL
) PARTITION BY RANGE (id);
-- What is new waits in a list until it is worth sorting in, at most so many kilobytes; searches read that list, too.
CREATE INDEX statement_by_terms ON statement USING gin (terms) WITH (gin_pending_list_limit = 8192);
CREATE INDEX statement_by_text ON statement USING gin ((text || E'\n' || coalesce(purpose, '')) gin_trgm_ops)
  WITH (gin_pending_list_limit = 8192);
CREATE INDEX statement_by_agent ON statement (agent, id);
CREATE INDEX statement_by_session ON statement (session_id, id);

CREATE TABLE outcome (
  id          uuid PRIMARY KEY,
  at          timestamptz NOT NULL,
  -- ok, denied, failed, cancelled, unknown
  state       text NOT NULL,
  rows        bigint,
  bytes       bigint,
  duration_ms bigint,
  query_id    text
) PARTITION BY RANGE (id);
CREATE INDEX outcome_by_duration ON outcome (duration_ms, id);
CREATE INDEX outcome_by_rows ON outcome (rows, id);
CREATE INDEX outcome_by_state ON outcome (state, id) WHERE state <> 'ok';

CREATE TABLE running (
  statement_id uuid PRIMARY KEY,
  session_id   uuid NOT NULL,
  writer       uuid NOT NULL,
  since        timestamptz NOT NULL
);

CREATE TABLE writer (
  id         uuid PRIMARY KEY,
  seen_at    timestamptz NOT NULL DEFAULT now(),
  -- Its statements were settled without it: whatever it still wants to write comes too late.
  settled_at timestamptz
);

CREATE TABLE leaf (
  position   bigint PRIMARY KEY,
  session_id uuid NOT NULL,
  length     bigint NOT NULL,
  hash       bytea NOT NULL,
  at         timestamptz NOT NULL
);
CREATE INDEX leaf_by_session ON leaf (session_id, position);

CREATE TABLE checkpoint (
  size     bigint PRIMARY KEY,
  -- A signed note (C2SP): origin, size and root of the tree, and the signature.
  note     text NOT NULL,
  -- The complete subtrees of the tree, largest first: what the next root is computed from.
  frontier bytea NOT NULL
);

-- The hash of an event: SHA-256 over the one before it, its own canonical JSON, its sequence in eight bytes, and its signature if any.
CREATE FUNCTION chain_step(before bytea, head bytea, content text, sequence bigint, signature bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN sha256(coalesce(before, head) || convert_to(content, 'UTF8') || int8send(sequence) || coalesce(signature, ''));
END $$;
CREATE AGGREGATE chain_hash(bytea, text, bigint, bytea) (SFUNC = chain_step, STYPE = bytea);

CREATE FUNCTION first_hash(session_id uuid) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN sha256(convert_to('snowfence session ' || session_id::text, 'UTF8'));

-- An event's canonical JSON; body is canonical already.
CREATE FUNCTION event_content(session_id uuid, at text, writer uuid, n bigint, statement_id uuid, kind text, body text)
RETURNS text LANGUAGE sql IMMUTABLE
RETURN '{"at":"' || at || '","body":' || body || ',"kind":"' || kind || '","n":' || n::text
  || ',"session":"' || session_id::text || '"'
  || CASE WHEN statement_id IS NULL THEN '' ELSE ',"statement":"' || statement_id::text || '"' END
  || ',"v":1,"writer":"' || writer::text || '"}';

-- Partitions for this week and some to come. Called by the gateway, which may not make tables.
CREATE FUNCTION ensure_partitions(since timestamptz, weeks integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  monday timestamptz := date_trunc('week', since AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
  following timestamptz;
  made integer := 0;
  suffix text;
  low text;
  high text;
BEGIN
  IF weeks NOT BETWEEN 0 AND 60 OR since < '2020-01-01' OR since > now() + interval '1 year' THEN
    RAISE EXCEPTION 'partitions of no sensible time were asked for';
  END IF;
  PERFORM pg_advisory_xact_lock(7016643);
  FOR week IN 0..weeks LOOP
    following := monday + interval '7 days';
    suffix := to_char(monday, 'YYYY_MM_DD');
    IF to_regclass('event_' || suffix) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF event FOR VALUES FROM (%L) TO (%L)', 'event_' || suffix, monday, following);
      -- The first 48 bits of a UUID of version 7 are milliseconds.
      low := lpad(to_hex((extract(epoch FROM monday) * 1000)::bigint), 12, '0');
      high := lpad(to_hex((extract(epoch FROM following) * 1000)::bigint), 12, '0');
      EXECUTE format('CREATE TABLE %I PARTITION OF statement FOR VALUES FROM (%L) TO (%L)', 'statement_' || suffix,
        (low || repeat('0', 20))::uuid, (high || repeat('0', 20))::uuid);
      EXECUTE format('CREATE TABLE %I PARTITION OF outcome FOR VALUES FROM (%L) TO (%L)', 'outcome_' || suffix,
        (low || repeat('0', 20))::uuid, (high || repeat('0', 20))::uuid);
      made := made + 1;
    END IF;
    monday := following;
  END LOOP;
  RETURN made;
END $$;

-- Adds what happened, all or nothing. Locks the heads of the sessions, so that any number of processes may write to one session.
-- touched: the sessions of the events. The others are JSON arrays of rows, NULL for none.
-- Answers {"heads": [[session, length before, hash before, length, hash, [sequence of each event]]…],
-- "counts": {principal: statements of this hour}}.
CREATE FUNCTION append(writing uuid, sessions json, touched uuid[], events json, statements json, outcomes json, begins json, ends json, counted text[])
RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  heads json;
  counts json;
  ended bigint;
BEGIN
  -- Checkpoints wait for writers under way: what was written at once is covered at once.
  PERFORM pg_advisory_xact_lock_shared(7016644);
  PERFORM FROM writer WHERE id = writing AND settled_at IS NOT NULL;
  IF FOUND THEN
    RAISE EXCEPTION 'this process was taken for dead, and its statements were settled' USING ERRCODE = 'SF001';
  END IF;

  IF sessions IS NOT NULL THEN
    INSERT INTO session (id, opened_at, actor, issuer, subject, client_id, groups, token_id, transport, client, address, key, terms)
    SELECT id, opened_at, actor, issuer, subject, client_id, groups, token_id, transport, client, address, key, terms
    FROM json_to_recordset(sessions) AS s (id uuid, opened_at timestamptz, actor text, issuer text, subject text, client_id text,
      groups text[], token_id text, transport text, client jsonb, address text, key text, terms text[]);
    INSERT INTO chain (session_id, length, hash, last_at)
    SELECT id, 0, first_hash(id), opened_at FROM json_to_recordset(sessions) AS s (id uuid, opened_at timestamptz);
    INSERT INTO session_key (session_id, key_id, wrapped)
    SELECT id, key_id, decode(wrapped, 'base64') FROM json_to_recordset(sessions) AS s (id uuid, key_id text, wrapped text)
    WHERE wrapped IS NOT NULL;
    INSERT INTO writer (id) SELECT id FROM json_to_recordset(sessions) AS s (id uuid) WHERE id = writing;
  END IF;

  -- Always in the same order, so that two writers never wait for each other.
  PERFORM FROM chain WHERE session_id = ANY(touched) ORDER BY session_id FOR UPDATE;

  WITH given AS (
    SELECT e.*, nextval('event_sequence') AS sequence, decode(e.sig, 'base64') AS signature FROM ROWS FROM (json_to_recordset(events)
      AS (s uuid, at text, n bigint, st uuid, k text, body json, sig text)) WITH ORDINALITY AS e (s, at, n, st, k, body, sig, place)
  ), hung AS (
    SELECT given.*, chain.length - 1 + row_number() OVER same AS position,
           chain.hash AS before_hash, chain.length AS before_length,
           event_content(given.s, given.at, writing, given.n, given.st, given.k, given.body::text) AS content
    FROM given JOIN chain ON chain.session_id = given.s AND chain.session_id = ANY(touched)
    WINDOW same AS (PARTITION BY given.s ORDER BY given.place)
  ), hashed AS (
    SELECT hung.*, chain_hash(hung.before_hash, hung.content, hung.sequence, hung.signature) OVER (PARTITION BY hung.s ORDER BY hung.place) AS hash FROM hung
  ), added AS (
    INSERT INTO event (session_id, position, at, sequence, writer, n, statement_id, kind, body, hash, signature)
    SELECT s, position, at::timestamptz, sequence, writing, n, st, k, body, hash, signature FROM hashed
  ), last AS (
    SELECT DISTINCT ON (s) s, position + 1 AS length, hash, at, before_length, before_hash FROM hashed ORDER BY s, position DESC
  ), seen AS (
    SELECT s, bool_or(k = 'session_closed') AS closes, json_agg(sequence ORDER BY place) AS sequences FROM given GROUP BY s
  ), moved AS (
    UPDATE chain SET length = last.length, hash = last.hash, last_at = last.at::timestamptz, is_covered = false,
           is_open = chain.is_open AND NOT seen.closes
    FROM last JOIN seen USING (s) WHERE chain.session_id = last.s AND chain.session_id = ANY(touched)
    RETURNING last.s, last.before_length, last.before_hash, last.length, last.hash, seen.sequences
  )
  SELECT json_agg(json_build_array(s, before_length, encode(before_hash, 'hex'), length, encode(hash, 'hex'), sequences)) INTO heads FROM moved;

  IF cardinality(touched) <> coalesce(json_array_length(heads), 0) THEN
    RAISE EXCEPTION 'an event belongs to no session' USING ERRCODE = 'SF002';
  END IF;

  IF statements IS NOT NULL THEN
    INSERT INTO statement (id, at, session_id, agent, kind, verdict, fingerprint, text, purpose, terms)
    SELECT b.id, b.at, b.session_id, session.subject, b.kind, b.verdict, b.fingerprint, b.text, b.purpose, session.terms || string_to_array(b.terms, E'\x1e')
    FROM json_to_recordset(statements) AS b (id uuid, at timestamptz, session_id uuid, kind text, verdict text, fingerprint text,
      text text, purpose text, terms text)
    JOIN session ON session.id = b.session_id
    -- One that is refused after it was submitted, or at each look at an approval that is over, is known.
    ON CONFLICT (id) DO NOTHING;
  END IF;

  IF begins IS NOT NULL THEN
    INSERT INTO running (statement_id, session_id, writer, since)
    SELECT statement_id, session_id, writing, now()
    FROM json_to_recordset(begins) AS b (statement_id uuid, session_id uuid)
    ON CONFLICT (statement_id) DO UPDATE SET writer = excluded.writer;
  END IF;

  IF ends IS NOT NULL THEN
    WITH gone AS (
      DELETE FROM running WHERE statement_id IN (SELECT b.id FROM json_to_recordset(ends) AS b (id uuid)) RETURNING statement_id
    )
    SELECT count(*) INTO ended FROM json_to_recordset(ends) AS b (id uuid, has_run boolean)
    WHERE b.has_run AND b.id NOT IN (SELECT statement_id FROM gone);
    IF ended > 0 THEN
      RAISE EXCEPTION 'a statement has no intent, or an outcome already' USING ERRCODE = 'SF003';
    END IF;
  END IF;

  IF outcomes IS NOT NULL THEN
    INSERT INTO outcome (id, at, state, rows, bytes, duration_ms, query_id)
    SELECT id, at, state, rows, bytes, duration_ms, query_id
    FROM json_to_recordset(outcomes) AS b (id uuid, at timestamptz, state text, rows bigint, bytes bigint, duration_ms bigint, query_id text)
    -- Only a refusal may come again; of what ran there is one outcome, see above.
    ON CONFLICT (id) DO NOTHING;
  END IF;

  IF counted IS NOT NULL THEN
    WITH added AS (
      INSERT INTO statement_count AS c (principal, hour, statements)
      SELECT principal, date_trunc('hour', now()), count(*) FROM unnest(counted) AS given (principal)
      GROUP BY principal ORDER BY principal
      ON CONFLICT (principal, hour) DO UPDATE SET statements = c.statements + excluded.statements
      RETURNING c.principal, c.statements
    )
    SELECT json_object_agg(added.principal, added.statements) INTO counts FROM added;
  END IF;
  RETURN json_build_object('heads', heads, 'counts', counts);
END $$;

-- Takes up the heads that have moved since the last checkpoint as new leaves, in one snapshot. Nobody else may be at it.
-- Answers the new leaves. The gateway hashes and signs them; they count for nothing before.
CREATE FUNCTION take_heads(most integer) RETURNS SETOF leaf
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7016644);
  RETURN QUERY
  WITH moved AS (
    SELECT session_id FROM chain WHERE NOT is_covered ORDER BY session_id LIMIT most FOR UPDATE
  ), covered AS (
    UPDATE chain SET is_covered = true FROM moved WHERE chain.session_id = moved.session_id
    RETURNING chain.session_id, chain.length, chain.hash
  )
  INSERT INTO leaf (position, session_id, length, hash, at)
  SELECT coalesce((SELECT max(position) + 1 FROM leaf), 0) + row_number() OVER (ORDER BY session_id) - 1,
         session_id, length, hash, date_trunc('milliseconds', now())
  FROM covered RETURNING *;
END $$;

-- Marks a process as gone, once: whoever does that settles its statements.
CREATE FUNCTION settle_writer(quiet interval) RETURNS TABLE (id uuid)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE writer SET settled_at = now() WHERE settled_at IS NULL AND seen_at < now() - quiet RETURNING id
$$;

-- May be called by those to whom it is granted, not by everybody.
REVOKE ALL ON FUNCTION append(uuid, json, uuid[], json, json, json, json, json, text[]), take_heads(integer), ensure_partitions(timestamptz, integer), settle_writer(interval) FROM PUBLIC;

SELECT ensure_partitions(now() - interval '7 days', 9);
