/**
 * That a checkpoint covers events whose batches can't be checked any more, since a part of each went to an archive: the session's chain
 * leads from the event to a head that was signed. The notary read it, with all that was written with it, before that.
 */
import type { PoolClient } from 'pg';
import { contentOf, firstHash, nextHash } from '../form/chain.js';
import type { RawEvent } from '../form/event.js';
import type { VerifierKey } from '../form/keys.js';
import { type Leaf, leafText } from '../form/leaf.js';
import { isNotarised } from '../form/notarised.js';
import { type Checkpoint, openCheckpoint } from '../form/note.js';
import { Frontier, leafHash } from '../form/tree.js';
import { rowsOf } from '../store/snapshot.js';
import { EVENT_COLUMNS, LEAF_COLUMNS } from './columns.js';

const HAS_ARCHIVES = 'SELECT EXISTS (SELECT FROM archive) AS has';
const NEWEST = 'SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1';
const LEAVES = `SELECT ${LEAF_COLUMNS} FROM leaf l WHERE l.position < $1 ORDER BY l.position`;
/** How far the notary has read each of these writers. */
const READ = 'SELECT w.writer, w.n::float8 AS n, w.signature FROM notarised w WHERE w.writer = ANY($1)';
const HAS_READ = 'SELECT EXISTS (SELECT FROM notarised) AS has';
/** How far the newest leaf of each session goes. */
const LENGTHS = `
  SELECT s.id AS session, n.length::float8 AS length FROM unnest($1::uuid[]) AS s (id)
  CROSS JOIN LATERAL (SELECT l.length FROM leaf l WHERE l.session_id = s.id AND l.position < $2 ORDER BY l.position DESC LIMIT 1) n`;
const BEFORE = `
  SELECT encode(e.hash, 'hex') AS hash FROM event e WHERE e.session_id = $1 AND e.position = $2 - 1
  UNION ALL SELECT encode(a.hash, 'hex') FROM archived_session a WHERE a.session_id = $1 AND a.length = $2`;
const FROM_THERE = `
  SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position >= $2 AND e.position < $3 ORDER BY e.position`;

/**
 * Sequences of those that a checkpoint covers; in one snapshot, which whoever asks has begun. It reads the whole tree once, whatever the
 * number of events, so it is for what is rare. Throws where the store does not answer.
 */
export async function coveredOf(
  snapshot: PoolClient,
  events: readonly RawEvent[],
  keys: readonly VerifierKey[],
): Promise<ReadonlySet<string>> {
  const covered = new Set<string>();
  if (events.length === 0 || !(await has(snapshot, HAS_ARCHIVES))) return covered;
  const checkpoint = await newestOf(snapshot, keys);
  if (!checkpoint) return covered;
  const wanted = await wantedOf(snapshot, await readOf(snapshot, events, keys), checkpoint.size);
  if (wanted.size === 0) return covered;
  for (const [session, { length, hash }] of await leavesOf(snapshot, checkpoint, wanted)) {
    const some: ByPosition = wanted.get(session) ?? new Map();
    if (await leadsTo(snapshot, session, { length, hash }, some))
      for (const { sequence } of some.values()) covered.add(sequence);
  }
  return covered;
}

const has = async (snapshot: PoolClient, sql: string): Promise<boolean> =>
  (await snapshot.query<{ has: boolean }>(sql)).rows[0]?.has === true;

/** Those whose numbers the notary had read: it passes over what is known to be none of ours, whose number no process has come to. */
async function readOf(
  snapshot: PoolClient,
  events: readonly RawEvent[],
  keys: readonly VerifierKey[],
): Promise<readonly RawEvent[]> {
  // A store of before there was such a list gets it with its next checkpoint.
  if (!(await has(snapshot, HAS_READ))) return events;
  const writers = [...new Set(events.map(({ writer }) => writer))];
  const { rows } = await snapshot.query<{ writer: string; n: number; signature: Buffer }>(READ, [writers]);
  const own = rows.filter(({ writer, n, signature }) => isNotarised(writer, n, signature, keys));
  const read = new Map(own.map(({ writer, n }) => [writer, n]));
  return events.filter(({ writer, n }) => n <= (read.get(writer) ?? -1));
}

async function newestOf(snapshot: PoolClient, keys: readonly VerifierKey[]): Promise<Checkpoint | undefined> {
  const { rows } = await snapshot.query<{ note: string }>(NEWEST);
  try {
    return rows[0] && openCheckpoint(rows[0].note, keys);
  } catch {
    // One that none of our keys has signed covers nothing.
    return undefined;
  }
}

type ByPosition = ReadonlyMap<number, RawEvent>;

/** By session, those that some leaf goes further than. */
async function wantedOf(
  snapshot: PoolClient,
  events: readonly RawEvent[],
  size: number,
): Promise<ReadonlyMap<string, ByPosition>> {
  const sessions = [...new Set(events.map(({ session }) => session))];
  const { rows } = await snapshot.query<{ session: string; length: number }>(LENGTHS, [sessions, size]);
  const lengths = new Map(rows.map(({ session, length }) => [session, length]));
  const wanted = new Map<string, Map<number, RawEvent>>();
  for (const event of events) {
    const { session, position } = event;
    if (position >= (lengths.get(session) ?? 0)) continue;
    const known = wanted.get(session);
    if (known) known.set(position, event);
    else wanted.set(session, new Map([[position, event]]));
  }
  return wanted;
}

/** Of each session the first leaf that goes further than all that is wanted of it; none where the tree is not the one that was signed. */
async function leavesOf(
  snapshot: PoolClient,
  { size, root }: Checkpoint,
  wanted: ReadonlyMap<string, ByPosition>,
): Promise<ReadonlyMap<string, Leaf>> {
  const last = new Map([...wanted].map(([session, events]) => [session, Math.max(...events.keys())]));
  const found = new Map<string, Leaf>();
  const frontier = Frontier.empty();
  for await (const leaves of rowsOf<Leaf & { position: number }>(snapshot, LEAVES, [size]))
    for (const { position, ...leaf } of leaves) {
      if (position !== frontier.size) return new Map();
      frontier.push(leafHash(leafText(leaf)));
      const upTo = last.get(leaf.session);
      if (upTo !== undefined && leaf.length > upTo && !found.has(leaf.session)) found.set(leaf.session, leaf);
    }
  return frontier.size === size && frontier.root().equals(root) ? found : new Map();
}

/** Whether a session's chain leads over these events, as they were read, to a leaf of it. */
async function leadsTo(
  snapshot: PoolClient,
  session: string,
  leaf: Pick<Leaf, 'length' | 'hash'>,
  events: ByPosition,
): Promise<boolean> {
  const first = Math.min(...events.keys());
  const before = (await snapshot.query<{ hash: string }>(BEFORE, [session, first])).rows[0]?.hash;
  let hash = first === 0 ? firstHash(session) : before;
  if (hash === undefined) return false;
  let next = first;
  for await (const rows of rowsOf<RawEvent>(snapshot, FROM_THERE, [session, first, leaf.length]))
    for (const row of rows) {
      const event = events.get(row.position) ?? row;
      hash = nextHash(hash, contentOf(event), BigInt(event.sequence), event.signature);
      if (event.position !== next || event.hash !== hash) return false;
      next++;
    }
  return next === leaf.length && hash === leaf.hash;
}
