/**
 * What the notary reads before it signs: every event since the last checkpoint, in one snapshot with the heads. Each chain has to go on
 * from the leaf that was signed, each writer from the number that was read last, each batch has to bear a signature of ours.
 */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { Breaks } from '../checks/breaks.js';
import { WritersVerifier } from '../checks/writers.js';
import { misplaced, principalOf, strangerIn } from '../form/belonging.js';
import { contentOf, firstHash, nextHash } from '../form/chain.js';
import { type RecordKeys, signWith, type VerifierKey } from '../form/keys.js';
import { isNotarised, notarisedMessage } from '../form/notarised.js';
import { AS_PRINTED, eventOf, PRINTED_EVENT, PRINTING, type PrintedEvent } from '../read/printed.js';
import { rowsOf } from '../store/snapshot.js';

/** The store is not what was written: nothing is signed from here on. */
export class Difference extends Error {}

/** Sessions that have moved, with the last leaf of each. */
const MOVED = `
  FROM chain c
  LEFT JOIN LATERAL (SELECT l.length, l.hash FROM leaf l WHERE l.session_id = c.session_id ORDER BY l.position DESC LIMIT 1) s ON true`;
const NEW_EVENTS = 'JOIN event e ON e.session_id = c.session_id AND e.position >= coalesce(s.length, 0)';

const IN_ORDER = `SELECT ${PRINTED_EVENT} ${MOVED} ${NEW_EVENTS} WHERE NOT c.is_covered ORDER BY e.sequence`;
const BY_SESSION = `
  SELECT ${PRINTED_EVENT}, c.session_id, c.length, c.hash, s.length, s.hash, coalesce(f.body, a.opening)::text
  ${MOVED} LEFT ${NEW_EVENTS}
  LEFT JOIN LATERAL (SELECT f.body FROM event f WHERE f.session_id = c.session_id AND f.position = 0) f ON true
  LEFT JOIN LATERAL (SELECT a.opening FROM archived_session a WHERE a.session_id = c.session_id AND a.opening IS NOT NULL LIMIT 1) a ON true
  WHERE NOT c.is_covered ORDER BY c.session_id, e.position`;
const KNOWN = 'SELECT n::float8 AS n, signature FROM notarised WHERE writer = $1';
const KNOWS_ANY = 'SELECT EXISTS (SELECT FROM notarised) AS known';
/** For a store of before there was a notary that reads: what checkpoints cover by now is taken as read. */
const COVERED_WRITERS = `
  SELECT e.writer, max(e.n)::float8 AS n
  FROM event e JOIN (SELECT session_id, max(length) AS length FROM leaf GROUP BY session_id) l ON l.session_id = e.session_id AND e.position < l.length
  GROUP BY e.writer`;
const REMEMBER = `
  INSERT INTO notarised (writer, n, signature)
  SELECT w, n, decode(s, 'base64') FROM json_to_recordset($1) AS r (w uuid, n bigint, s text)
  ON CONFLICT (writer) DO UPDATE SET n = excluded.n, signature = excluded.signature`;

const knownRow = z.object({ n: z.number(), signature: z.instanceof(Buffer) });
const coveredRow = z.object({ writer: z.string(), n: z.number() });

export interface ReadOptions {
  readonly keys: readonly VerifierKey[];
  /** Hashes of events that are known to be none of ours. */
  readonly forged: ReadonlySet<string>;
  /** Hears of each lot of events that was read. */
  readonly onRead: () => void;
}

/** Throws what was found first, if anything was. */
function throwFirst(breaks: Breaks): void {
  const [first] = breaks.sorted;
  if (!first) return;
  const place =
    first.session === undefined ? '' : ` (session ${first.session}, event ${first.position ?? 0}, ${first.at ?? ''})`;
  throw new Difference(`${first.what}${place}`);
}

/** How many numbers of each writer there are by now, of those that wrote something new. Throws Difference. */
export async function readWriters(
  snapshot: PoolClient,
  other: PoolClient,
  { keys, forged, onRead }: ReadOptions,
): Promise<ReadonlyMap<string, number>> {
  const breaks = new Breaks();
  const verifier = new WritersVerifier(breaks, { keys, forged, archivedBefore: undefined, isContinued: false });
  await snapshot.query(PRINTING);
  for await (const rows of rowsOf<PrintedEvent>(snapshot, IN_ORDER, [], AS_PRINTED)) {
    onRead();
    for (const row of rows) {
      const event = eventOf(row);
      if (!verifier.knows(event.writer) && !forged.has(event.hash)) {
        const known = await knownOf(other, event.writer, keys);
        verifier.goesOn(event.writer, known === undefined ? 0 : known + 1);
      }
      verifier.event(event);
    }
    throwFirst(breaks);
  }
  verifier.end();
  throwFirst(breaks);
  return verifier.next;
}

async function knownOf(client: PoolClient, writer: string, keys: readonly VerifierKey[]): Promise<number | undefined> {
  const row = (await client.query(KNOWN, [writer])).rows[0];
  if (row === undefined) return undefined;
  const { n, signature } = knownRow.parse(row);
  if (!isNotarised(writer, n, signature, keys))
    throw new Difference(`What the store says of how far writer ${writer} was read is not what was signed.`);
  return n;
}

export interface NewHead {
  readonly session: string;
  readonly length: number;
  /** Hexadecimal, as computed here. */
  readonly hash: string;
}

interface Chain {
  readonly session: string;
  /** What the store says of its end. */
  readonly length: number;
  readonly hash: string;
  /** Up to here a checkpoint covers it. */
  readonly covered: number;
  /** Whose it is, as the event says that opened it; undefined where it is no agent's. */
  readonly principal: string | undefined;
  /** How far it was read, and the hash there. */
  read: number;
  at: string;
}

type HeadOfRow = readonly [
  session: string,
  length: string,
  hash: string,
  leafLength: string | null,
  leaf: string | null,
  opening: string | null,
];

function chainOf([session, length, hash, leafLength, leaf, opening]: HeadOfRow): Chain {
  return {
    principal: opening === null ? undefined : principalOf(JSON.parse(opening) as Record<string, unknown>),
    session,
    length: Number(length),
    hash: hash.slice(2),
    covered: Number(leafLength ?? 0),
    read: Number(leafLength ?? 0),
    at: leaf === null ? firstHash(session) : leaf.slice(2),
  };
}

/** The chains that have moved, each read from the last leaf to its end. Throws Difference. */
export async function* readHeads(snapshot: PoolClient, onRead: () => void): AsyncGenerator<NewHead> {
  let chain: Chain | undefined;
  await snapshot.query(PRINTING);
  type Row = readonly [...PrintedEvent, ...HeadOfRow];
  for await (const rows of rowsOf<Row>(snapshot, BY_SESSION, [], AS_PRINTED)) {
    onRead();
    for (const row of rows) {
      const [sequence, position, at, session, statement, kind, body, writer, n, hash, signature, ...head] = row;
      if (chain?.session !== head[0]) {
        if (chain) yield endOf(chain);
        chain = chainOf(head);
      }
      // A session without any new event has a row all the same.
      if (session !== null)
        readEvent(chain, eventOf([sequence, position, at, session, statement, kind, body, writer, n, hash, signature]));
    }
  }
  if (chain) yield endOf(chain);
}

function readEvent(chain: Chain, event: ReturnType<typeof eventOf>): void {
  const { session, position, sequence, signature, hash } = event;
  if (position !== chain.read)
    throw new Difference(
      position > chain.read
        ? `Events ${chain.read} to ${position - 1} of session ${session} are missing.`
        : `Event ${position} of session ${session} comes again.`,
    );
  const expected = nextHash(chain.at, contentOf(event), BigInt(sequence), signature);
  if (expected !== hash)
    throw new Difference(`Event ${position} of session ${session} is not what was written: its hash does not follow.`);
  const wrong = misplaced(event) ?? strangerIn(event, chain.principal);
  if (wrong !== undefined) throw new Difference(`${wrong} (session ${session}, event ${position})`);
  chain.at = hash;
  chain.read++;
}

function endOf({ session, length, hash, covered, read, at }: Chain): NewHead {
  if (read < length)
    throw new Difference(`Events ${read} to ${length - 1} of session ${session} are missing: it was cut off.`);
  if (read > length || at !== hash) throw new Difference(`The head of session ${session} is not its last event.`);
  if (read === covered) throw new Difference(`Session ${session} passes for not covered by checkpoints, and is.`);
  return { session, length, hash };
}

/** Whether it was ever written down how far writers were read. */
export async function knowsWriters(client: PoolClient): Promise<boolean> {
  return (await client.query<{ known: boolean }>(KNOWS_ANY)).rows[0]?.known === true;
}

/** How far what is covered goes, of each writer: for the first time that a notary reads. */
export async function coveredWriters(snapshot: PoolClient): Promise<ReadonlyMap<string, number>> {
  const rows = z.array(coveredRow).parse((await snapshot.query(COVERED_WRITERS)).rows);
  return new Map(rows.map(({ writer, n }) => [writer, n + 1]));
}

/** Writes down how many numbers of each writer were read. */
export async function rememberWriters(
  client: PoolClient,
  writers: ReadonlyMap<string, number>,
  keys: RecordKeys,
): Promise<void> {
  const rows = [...writers].flatMap(([writer, next]) =>
    next === 0
      ? []
      : [{ w: writer, n: next - 1, s: signWith(keys.signing, notarisedMessage(writer, next - 1)).toString('base64') }],
  );
  for (let at = 0; at < rows.length; at += 1000)
    await client.query(REMEMBER, [JSON.stringify(rows.slice(at, at + 1000))]);
}
