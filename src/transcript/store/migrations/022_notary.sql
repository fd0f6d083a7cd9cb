-- The notary signs what it has read. The leaves that it takes up are those that it has verified, not what the heads say at that moment.
DROP FUNCTION take_heads(integer);

-- Adds leaves at the end of the tree: [{"s": session, "l": length, "h": hash in hexadecimal}…], of which the first is at `first`.
CREATE FUNCTION take_heads(first bigint, heads json, taken_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  taken bigint;
BEGIN
  IF first <> coalesce((SELECT max(position) + 1 FROM leaf), 0) THEN
    RAISE EXCEPTION 'leaves are added at the end of the tree only' USING ERRCODE = 'SF004';
  END IF;
  INSERT INTO leaf (position, session_id, length, hash, at)
  SELECT take_heads.first + h.place - 1, h.s, h.l, decode(h.h, 'hex'), taken_at
  FROM ROWS FROM (json_to_recordset(heads) AS (s uuid, l bigint, h text)) WITH ORDINALITY AS h (s, l, h, place);
  GET DIAGNOSTICS taken = ROW_COUNT;
  RETURN taken;
END $$;

-- Heads that the leaves from `first` on have the whole of are covered. At the end, so that writers wait for it but a moment.
CREATE FUNCTION cover_heads(first bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  covered bigint;
BEGIN
  UPDATE chain SET is_covered = true FROM leaf
  WHERE leaf.position >= first AND chain.session_id = leaf.session_id AND chain.length = leaf.length AND NOT chain.is_covered;
  GET DIAGNOSTICS covered = ROW_COUNT;
  RETURN covered;
END $$;

-- The number up to which the notary has read each writer, signed with the record's key: where the next one goes on.
CREATE TABLE notarised (
  writer    uuid PRIMARY KEY,
  n         bigint NOT NULL,
  signature bytea NOT NULL
);

-- As texts, so that `verify` can hold every function against these files to the letter.
CREATE OR REPLACE FUNCTION first_hash(session_id uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(convert_to('snowfence session ' || session_id::text, 'UTF8'))
$$;

CREATE OR REPLACE FUNCTION event_content(session_id uuid, at text, writer uuid, n bigint, statement_id uuid, kind text, body text)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '{"at":"' || at || '","body":' || body || ',"kind":"' || kind || '","n":' || n::text
    || ',"session":"' || session_id::text || '"'
    || CASE WHEN statement_id IS NULL THEN '' ELSE ',"statement":"' || statement_id::text || '"' END
    || ',"v":1,"writer":"' || writer::text || '"}'
$$;

-- Whoever makes a function lets everybody call it; here nobody may but those to whom setup gives it.
REVOKE ALL ON FUNCTION take_heads(bigint, json, timestamptz), cover_heads(bigint), first_hash(uuid),
  event_content(uuid, text, uuid, bigint, uuid, text, text), chain_step(bytea, bytea, text, bigint, bytea),
  chain_hash(bytea, text, bigint, bytea), tell_of_approval() FROM PUBLIC;
