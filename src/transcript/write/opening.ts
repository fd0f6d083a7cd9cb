/**
 * Whose a session is, from the signed event that opened it. The row says the same, until somebody changes it, if only for a moment: what
 * a principal does must never be written into another's session.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import { contentOf, firstHash, nextHash } from '../form/chain.js';
import type { RawEvent } from '../form/event.js';
import type { BatchesOptions } from '../read/batches.js';
import { EVENT_COLUMNS } from '../read/columns.js';
import { isOurs } from '../read/signed-events.js';

export interface Owner {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly tokenId: string | null;
  /** The client's name. */
  readonly client: string | null;
}

const openingBody = z.object({
  actor: z.literal('agent'),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  token_id: z.string().nullable(),
  client: z.object({ name: z.string().nullable() }),
});

const FIRST = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position = 0`;
const HAS_ARCHIVES = 'SELECT EXISTS (SELECT FROM archive) AS has';

/**
 * Whose session it is; undefined where nothing proves that. `onForged` hears of a session that another than a gateway of ours has made,
 * or whose first event was changed. Throws where the store does not answer.
 */
export async function ownerOf(
  pool: Pool,
  session: string,
  proving: BatchesOptions,
  onForged: (problem: string) => void,
): Promise<Owner | undefined> {
  const { rows } = await pool.query<RawEvent>({ name: 'session_opening', text: FIRST, values: [session] });
  const [event] = rows;
  // Somebody has looked into it, and said so.
  if (event && proving.forged.has(event.hash)) return undefined;
  const owner = event === undefined ? undefined : ownerIn(event);
  if (event && owner && (await isOurs(pool, event, proving))) return owner;
  // What proved it may have gone to an archive; then another session is opened, and nobody has done anything.
  const { rows: archives } = await pool.query<{ has: boolean }>(HAS_ARCHIVES);
  if (archives[0]?.has !== true)
    onForged(`The session ${session} was opened by no event of ours: nothing is written into it.`);
  return undefined;
}

function ownerIn(event: RawEvent): Owner | undefined {
  const expected = nextHash(firstHash(event.session), contentOf(event), BigInt(event.sequence), event.signature);
  if (event.kind !== 'session_opened' || expected !== event.hash) return undefined;
  const { data } = openingBody.safeParse(JSON.parse(event.body));
  return (
    data && {
      issuer: data.issuer,
      subject: data.subject,
      clientId: data.client_id,
      tokenId: data.token_id,
      client: data.client.name,
    }
  );
}
