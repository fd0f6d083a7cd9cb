/**
 * Whose a session is, from the signed event that opened it. The row says the same, until somebody changes it, if only for a moment: what
 * a principal does must never be written into another's session.
 */
import { hash, verify as verifySignature } from 'node:crypto';
import type { Pool } from 'pg';
import { z } from 'zod';
import { batchMessageOf, contentOf, firstHash, nextHash } from './chain.js';
import { publicPart, type VerifierKey } from './keys.js';
import { EVENT_COLUMNS, type RawEvent } from './reader.js';

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
/** What was written at once stands close together in the order of writing. */
const NEAR = 2000;
const WITH_IT = `
  SELECT ${EVENT_COLUMNS} FROM event e WHERE e.sequence BETWEEN $1::bigint - ${NEAR} AND $1::bigint + ${NEAR} AND e.writer = $2 ORDER BY e.n`;
/** Slow, for where it does not. Further than any process writes at once. */
const FAR = 1000;
const OF_WRITER = `
  SELECT ${EVENT_COLUMNS} FROM event e WHERE e.writer = $1 AND e.n BETWEEN $2::bigint - ${FAR} AND $2::bigint + ${FAR} ORDER BY e.n`;
const HAS_ARCHIVES = 'SELECT EXISTS (SELECT FROM archive) AS has';

/** Whether one of our keys has signed the batch that an event was written in; `events` of its writer, in order of their numbers. */
function isSigned(event: RawEvent, events: readonly RawEvent[], keys: readonly VerifierKey[]): boolean {
  const at = events.findIndex(({ hash: of }) => of === event.hash);
  const follows = (index: number): boolean => events[index]?.n === (events[index - 1]?.n ?? Number.NaN) + 1;
  let from = at;
  while (from > 0 && follows(from) && events[from - 1]?.signature === null) from--;
  let to = at;
  while (events[to]?.signature === null && follows(to + 1)) to++;
  const [first, last] = [events[from], events[to]];
  if (at < 0 || !first || !last?.signature) return false;
  const digests = events.slice(from, to + 1).map((one) => hash('sha256', contentOf(one), 'buffer'));
  const message = batchMessageOf(first.writer, first.n, digests);
  const signature = Buffer.from(last.signature, 'base64');
  return keys.some(({ key }) => verifySignature(null, message, publicPart(key), signature));
}

/**
 * Whose session it is; undefined where nothing proves that. `onForged` hears of a session that another than a gateway of ours has made,
 * or whose first event was changed. Throws where the store does not answer.
 */
export async function ownerOf(
  pool: Pool,
  session: string,
  keys: readonly VerifierKey[],
  onForged: (problem: string) => void,
): Promise<Owner | undefined> {
  const { rows } = await pool.query<RawEvent>({ name: 'session_opening', text: FIRST, values: [session] });
  const [event] = rows;
  const owner = event === undefined ? undefined : ownerIn(event);
  if (event && owner && (await isOurs(pool, event, keys))) return owner;
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

async function isOurs(pool: Pool, event: RawEvent, keys: readonly VerifierKey[]): Promise<boolean> {
  const near = await pool.query<RawEvent>({
    name: 'session_opening_batch',
    text: WITH_IT,
    values: [event.sequence, event.writer],
  });
  if (isSigned(event, near.rows, keys)) return true;
  const { rows } = await pool.query<RawEvent>(OF_WRITER, [event.writer, event.n]);
  return isSigned(event, rows, keys);
}
