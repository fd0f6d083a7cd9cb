-- Who is at it is told by locks that nobody else may take. PostgreSQL's advisory locks may be taken by every role that connects, also by one
-- that may only read: whoever held ours kept the notary from looking, and everybody from writing, for as long as they liked.
--
-- A row is locked by whoever may change it: the right to change `taken` is the right to have the turn. It is never changed.
CREATE TABLE notary_turn (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  taken   boolean
);
INSERT INTO notary_turn DEFAULT VALUES;

-- Quiet sessions are closed by one gateway at a time.
CREATE TABLE closing_turn (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  taken   boolean
);
INSERT INTO closing_turn DEFAULT VALUES;

-- Approvals are asked for one after the other of each principal; a row serves many, so that there are as many rows as now for good.
CREATE TABLE approval_turn (
  n     integer PRIMARY KEY CHECK (n BETWEEN 0 AND 255),
  taken boolean
);
INSERT INTO approval_turn (n) SELECT * FROM generate_series(0, 255);

CREATE OR REPLACE FUNCTION append(writing uuid, sessions json, touched uuid[], events json, statements json, outcomes json, begins json, ends json, counted text[])
RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  heads json;
  counts json;
  ended bigint;
  begun text[];
  ended_by uuid[];
  ran uuid[];
  told uuid[];
BEGIN
  -- Tells followers of earlier versions who writes, and waits for nobody: whoever connects may take such a lock. What tells it for good is
  -- the lock on the table that INSERT takes before it takes a number, and that nobody but this function's owner gets in that mode.
  PERFORM pg_try_advisory_xact_lock_shared(7016644);
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
  SELECT (SELECT json_agg(json_build_array(s, before_length, encode(before_hash, 'hex'), length, encode(hash, 'hex'), sequences)) FROM moved),
         array_agg(s::text || st::text) FILTER (WHERE k IN ('statement_submitted', 'estimate_asked', 'approval_used')),
         array_agg(st) FILTER (WHERE k IN ('statement_submitted', 'approval_asked', 'approval_released', 'statement_refused', 'statement_completed',
           'statement_failed', 'statement_cancelled', 'statement_settled', 'approval_decided', 'approval_expired', 'approval_withdrawn')),
         array_agg(st) FILTER (WHERE k IN ('statement_completed', 'statement_failed', 'statement_cancelled', 'statement_settled')),
         array_agg(st) FILTER (WHERE k IN ('statement_submitted', 'statement_refused'))
  INTO heads, begun, ended_by, ran, told FROM given;

  IF cardinality(touched) <> coalesce(json_array_length(heads), 0) THEN
    RAISE EXCEPTION 'an event belongs to no session' USING ERRCODE = 'SF002';
  END IF;

  IF EXISTS (SELECT FROM json_to_recordset(begins) AS b (statement_id uuid, session_id uuid)
      WHERE b.session_id::text || b.statement_id::text = ANY(begun) IS NOT TRUE)
    OR EXISTS (SELECT FROM json_to_recordset(ends) AS b (id uuid) WHERE b.id = ANY(ended_by) IS NOT TRUE)
    OR EXISTS (SELECT FROM json_to_recordset(outcomes) AS b (id uuid) WHERE b.id = ANY(ended_by) IS NOT TRUE)
    OR EXISTS (SELECT FROM json_to_recordset(statements) AS b (id uuid) WHERE b.id = ANY(told) IS NOT TRUE) THEN
    RAISE EXCEPTION 'what is said of a statement follows from none of its events' USING ERRCODE = 'SF005';
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
    -- What has run is told by its event, not by whoever calls.
    SELECT count(*) INTO ended FROM json_to_recordset(ends) AS b (id uuid)
    WHERE b.id = ANY(ran) AND b.id NOT IN (SELECT statement_id FROM gone);
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

-- Heads that the leaves from `first` on have the whole of are covered. Whoever keeps a head for longer than any write takes keeps the notary
-- from signing, and not for long from saying so.
CREATE OR REPLACE FUNCTION cover_heads(first bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '20s' AS $$
DECLARE
  covered bigint;
BEGIN
  UPDATE chain SET is_covered = true FROM leaf
  WHERE leaf.position >= first AND chain.session_id = leaf.session_id AND chain.length = leaf.length AND NOT chain.is_covered;
  GET DIAGNOSTICS covered = ROW_COUNT;
  RETURN covered;
END $$;

-- As before, and no reader and no writer is in its way or waits for it: a table is made by itself and then taken in, which locks the whole
-- against nothing but another such change (PostgreSQL, "ALTER TABLE", ATTACH PARTITION). That nobody but the owner of the tables may take.
CREATE OR REPLACE FUNCTION ensure_partitions(since timestamptz, weeks integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '3s' AS $$
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
  FOR week IN 0..weeks LOOP
    following := monday + interval '7 days';
    suffix := to_char(monday, 'YYYY_MM_DD');
    IF to_regclass('event_' || suffix) IS NULL THEN
      LOCK TABLE ONLY event IN SHARE UPDATE EXCLUSIVE MODE;
    END IF;
    -- Another may have made it meanwhile.
    IF to_regclass('event_' || suffix) IS NULL THEN
      -- The first 48 bits of a UUID of version 7 are milliseconds.
      low := lpad(to_hex((extract(epoch FROM monday) * 1000)::bigint), 12, '0') || repeat('0', 20);
      high := lpad(to_hex((extract(epoch FROM following) * 1000)::bigint), 12, '0') || repeat('0', 20);
      EXECUTE format('CREATE TABLE %I (LIKE event INCLUDING ALL EXCLUDING INDEXES)', 'event_' || suffix);
      EXECUTE format('ALTER TABLE event ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', 'event_' || suffix, monday, following);
      EXECUTE format('CREATE TABLE %I (LIKE statement INCLUDING ALL EXCLUDING INDEXES)', 'statement_' || suffix);
      EXECUTE format('ALTER TABLE statement ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', 'statement_' || suffix, low::uuid, high::uuid);
      EXECUTE format('CREATE TABLE %I (LIKE outcome INCLUDING ALL EXCLUDING INDEXES)', 'outcome_' || suffix);
      EXECUTE format('ALTER TABLE outcome ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', 'outcome_' || suffix, low::uuid, high::uuid);
      made := made + 1;
    END IF;
    monday := following;
  END LOOP;
  RETURN made;
END $$;
