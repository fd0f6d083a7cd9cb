/** What of whole weeks goes to an archive: of each session everything up to the first event that stays. */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { ACT_KINDS } from '../verify/acts.js';

/**
 * Sessions stay, whatever is archived, whose events prove what went, what was erased, and what may not go, or what a row is held against
 * for as long as it is there: from when on events are a webhook's.
 */
const PROVES = `(${[...ACT_KINDS, 'webhook_added'].map((kind) => `'${kind}'`).join(', ')})`;

/**
 * What of these weeks goes: of each session that is not held everything up to the first event that stays, or that a statement of it
 * has. `cut` is the first position that stays; NULL where nothing does.
 */
const GOING = `
  CREATE TEMP TABLE going ON COMMIT DROP AS
  SELECT e.session_id, min(e.position) AS from_position, (SELECT min(l.position) FROM event l WHERE l.session_id = e.session_id AND l.at >= $2) AS cut
  FROM event e
  WHERE e.at >= $1 AND e.at < $2
    AND NOT EXISTS (SELECT FROM session s, hold h WHERE s.id = e.session_id AND h.lifted_at IS NULL AND (h.session_id = s.id OR (h.subject = s.subject AND coalesce(h.issuer = s.issuer, true))))
    AND NOT EXISTS (SELECT FROM event p WHERE p.session_id = e.session_id AND p.kind IN ${PROVES})
  GROUP BY e.session_id`;

const STRADDLES = `
  UPDATE going g SET cut = early.position
  FROM (
    SELECT e.session_id, min(e.position) AS position FROM event e JOIN going ON going.session_id = e.session_id AND e.position < going.cut
    WHERE e.at < $1 AND EXISTS (SELECT FROM event l WHERE l.session_id = e.session_id AND l.statement_id = e.statement_id AND l.position >= going.cut)
    GROUP BY e.session_id
  ) early
  WHERE early.session_id = g.session_id AND early.position < g.cut`;

/** Each session goes up to what some leaf covers, so that the file has a proof of all of it, and the store's tree tells of what is gone. */
const ALIGNED = `
  UPDATE going g SET cut = aligned.length
  FROM (
    SELECT g.session_id, coalesce(max(l.length), 0) AS length, ends.at
    FROM going g
    CROSS JOIN LATERAL (SELECT coalesce(g.cut, max(e.position) + 1) AS at FROM event e WHERE e.session_id = g.session_id) ends
    LEFT JOIN leaf l ON l.session_id = g.session_id AND l.length <= ends.at
    GROUP BY g.session_id, ends.at
  ) aligned
  WHERE aligned.session_id = g.session_id AND aligned.length <> aligned.at`;

const LISTED = `
  SELECT g.session_id AS session, g.from_position::float8 AS from_position, (last.position + 1)::float8 AS length, encode(last.hash, 'hex') AS hash,
         CASE WHEN over.is_over THEN NULL ELSE first.at END AS opened_at, CASE WHEN over.is_over THEN NULL ELSE first.body END::text AS opening, over.is_over
  FROM going g
  CROSS JOIN LATERAL (SELECT g.cut IS NULL AND NOT c.is_open AS is_over FROM chain c WHERE c.session_id = g.session_id) over
  CROSS JOIN LATERAL (SELECT position, hash FROM event e WHERE e.session_id = g.session_id AND (g.cut IS NULL OR e.position < g.cut) ORDER BY position DESC LIMIT 1) last
  LEFT JOIN LATERAL (
    SELECT at, body::text AS body FROM event e WHERE e.session_id = g.session_id AND e.position = 0
    UNION ALL SELECT opened_at, opening::text FROM archived_session a WHERE a.session_id = g.session_id AND a.opening IS NOT NULL
    LIMIT 1
  ) first ON true
  WHERE g.cut IS NULL OR g.cut > g.from_position
  ORDER BY g.session_id`;

const listedRow = z.object({
  session: z.string(),
  from_position: z.number(),
  length: z.number(),
  hash: z.string(),
  opened_at: z.date().nullable(),
  opening: z.string().nullable(),
  /** Closed, and nothing of it stays. */
  is_over: z.boolean(),
});
export type Listed = z.infer<typeof listedRow>;

/** By session. Within a transaction: until its end GOES tells the same of each event. */
export async function listGoing(client: PoolClient, from: Date, to: Date): Promise<readonly Listed[]> {
  await client.query(GOING, [from, to]);
  // Each takes back what the other cut through.
  for (let moved = 1; moved > 0; ) {
    while ((await client.query(STRADDLES, [to])).rowCount !== 0);
    moved = (await client.query(ALIGNED)).rowCount ?? 0;
  }
  return z.array(listedRow).parse((await client.query(LISTED)).rows);
}

/** Of an event, by the name that its table has. */
export const GOES = (alias: string): string =>
  `EXISTS (SELECT FROM going g WHERE g.session_id = ${alias}.session_id AND (g.cut IS NULL OR ${alias}.position < g.cut))`;
