-- A statement begins, ends and is found by its events alone: append() takes no row about a statement without the event that it follows
-- from, in the same call. Which kinds begin, end or tell of one is what lane.ts and projection.ts make of them.
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
