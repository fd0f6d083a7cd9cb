/**
 * That a checkpoint covers an event, where its batch can't be checked any more since a part of it went to an archive: the session's chain
 * leads from the event to a head that was signed. The notary read it, with all that was written with it, before that.
 */
import type { Pool } from 'pg';
import { contentOf, firstHash, nextHash } from './chain.js';
import { inSnapshot, proofsOf, rowsOf } from './export.js';
import type { VerifierKey } from './keys.js';
import { EVENT_COLUMNS, type RawEvent } from './reader.js';
import { openProof } from './verify-export.js';

const HAS_ARCHIVES = 'SELECT EXISTS (SELECT FROM archive) AS has';
const BEFORE = `
  SELECT encode(e.hash, 'hex') AS hash FROM event e WHERE e.session_id = $1 AND e.position = $2 - 1
  UNION ALL SELECT encode(a.hash, 'hex') FROM archived_session a WHERE a.session_id = $1 AND a.length = $2`;
const FROM_THERE = `
  SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position >= $2 AND e.position < $3 ORDER BY e.position`;

/** Reads the whole tree, so it is for what is rare. Throws where the store does not answer. */
export function isCovered(
  pool: Pool,
  { session, position, hash: wanted }: RawEvent,
  keys: readonly VerifierKey[],
): Promise<boolean> {
  return inSnapshot(pool, async (client) => {
    const { rows: archives } = await client.query<{ has: boolean }>(HAS_ARCHIVES);
    if (archives[0]?.has !== true) return false;
    let leaf: ReturnType<typeof openProof>;
    try {
      const proof = (await proofsOf(client, new Map([[session, Number.POSITIVE_INFINITY]]), keys)).get(session)?.proof;
      if (proof === undefined) return false;
      leaf = openProof(proof, keys);
    } catch (error) {
      // A store that does not answer proves nothing, but nothing against an event either.
      if (error instanceof Error && 'code' in error) throw error;
      return false;
    }
    const before = (await client.query<{ hash: string }>(BEFORE, [session, position])).rows[0]?.hash;
    let at = position === 0 ? firstHash(session) : before;
    if (leaf.session !== session || at === undefined) return false;
    let next = position;
    for await (const rows of rowsOf<RawEvent>(client, FROM_THERE, [session, position, leaf.length]))
      for (const event of rows) {
        at = nextHash(at, contentOf(event), BigInt(event.sequence), event.signature);
        if (event.position !== next || at !== event.hash || (next === position && at !== wanted)) return false;
        next++;
      }
    return next > position && next === leaf.length && at === leaf.hash;
  });
}
