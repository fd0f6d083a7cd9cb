/**
 * The transcript as lines of JSON: what `verify --export` and anybody's own tool can check. docs/recording.md shows each line.
 */
import { hash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { contentOf } from '../form/chain.js';
import { parsed, type RawEvent, type StoredEvent } from '../form/event.js';
import type { VerifierKey } from '../form/keys.js';
import { type Leaf, leafText } from '../form/leaf.js';
import { type Taken, toldOf } from '../form/manifest.js';
import { openCheckpoint } from '../form/note.js';
import { inclusionProof, leafHash } from '../form/tree.js';
import { inSnapshot, rowsOf } from '../store/snapshot.js';
import { EVENT_COLUMNS, LEAF_COLUMNS } from './columns.js';

export const EXPORT_FORMAT = 1;

export const eventLine = (event: StoredEvent): object => ({
  type: 'event',
  session: event.session,
  position: event.position,
  at: event.at,
  kind: event.kind,
  statement: event.statement,
  body: event.body,
  writer: event.writer,
  n: event.n,
  sequence: event.sequence,
  hash: event.hash,
  signature: event.signature,
});

const NO_PROOFS: ReadonlyMap<string, Proof> = new Map();

export interface ExportOptions {
  /** These only; undefined for everything. */
  readonly sessions: readonly string[] | undefined;
  readonly origin: string;
  readonly keys: readonly VerifierKey[];
  /** Verifier keys in their text form, for whoever reads the file. */
  readonly publicKeys: readonly string[];
  readonly now: Date;
  readonly write: (line: object) => Promise<void>;
}

/** Everything, or some sessions with a proof each. Answers how many events it wrote. */
export function exportLines(pool: Pool, options: ExportOptions): Promise<number> {
  return inSnapshot(pool, async (client) => {
    const { sessions, origin, publicKeys, now, write } = options;
    const isComplete = sessions === undefined;
    await write({
      type: 'export',
      format: EXPORT_FORMAT,
      complete: isComplete,
      origin,
      keys: publicKeys,
      at: now.toISOString(),
    });
    if (isComplete) await writeTree(client, write);
    const proving = isComplete ? undefined : await provingOf(client, await firstsOf(client, sessions));
    for await (const line of archiveLines(client, proving?.archives)) await write(line);
    if (isComplete) await writeNotarised(client, write);
    const wanted = [...new Set([...(sessions ?? []), ...(proving?.sessions ?? [])])];
    const proofs = isComplete
      ? NO_PROOFS
      : await proofsOf(client, spansOf(await firstsOf(client, wanted)), options.keys);
    if (!isComplete) for await (const line of batchLines(client, wanted, proofs)) await write(line);
    let events = 0;
    const filter = isComplete ? 'true' : 'e.session_id = ANY($1)';
    const values = isComplete ? [] : [wanted];
    for await (const rows of rowsOf<RawEvent>(
      client,
      `SELECT ${EVENT_COLUMNS} FROM event e WHERE ${filter} ORDER BY e.session_id, e.position`,
      values,
    ))
      for (const row of rows) {
        await write(eventLine(parsed(row)));
        events++;
      }
    if (isComplete) await writeHeads(client, write);
    for (const [session, { proof }] of proofs) await write({ type: 'proof', session, proof });
    await write({ type: 'end', events });
    return events;
  });
}

async function writeTree(client: PoolClient, write: ExportOptions['write']): Promise<void> {
  for await (const rows of rowsOf<{ note: string }>(client, 'SELECT note FROM checkpoint ORDER BY size'))
    for (const { note } of rows) await write({ type: 'checkpoint', note });
  for await (const rows of rowsOf<Leaf & { position: number }>(
    client,
    `SELECT ${LEAF_COLUMNS} FROM leaf l ORDER BY l.position`,
  ))
    for (const row of rows) await write({ type: 'leaf', ...row });
}

const NOTARISED = `
  SELECT w.writer, w.n::float8 AS n, replace(encode(w.signature, 'base64'), E'\\n', '') AS signature FROM notarised w ORDER BY w.writer`;

/** How far checkpoints cover what each process wrote: what is missing of that was archived, or some session's chain tells of it. */
async function writeNotarised(client: PoolClient, write: ExportOptions['write']): Promise<void> {
  for await (const rows of rowsOf<object>(client, NOTARISED))
    for (const row of rows) await write({ type: 'notarised', ...row });
}

const FIRSTS = `
  SELECT e.session_id AS session, min(e.position)::float8 AS first FROM event e WHERE e.session_id = ANY($1) GROUP BY e.session_id`;

export const firstsOf = async (client: PoolClient, sessions: readonly string[]): Promise<ReadonlyMap<string, number>> =>
  new Map(
    (await client.query<{ session: string; first: number }>(FIRSTS, [sessions])).rows.map((row) => [
      row.session,
      row.first,
    ]),
  );

const BEFORE = `
  SELECT DISTINCT a.archive_id AS id FROM archived_session a
  JOIN unnest($1::uuid[], $2::bigint[]) AS known (session, first) ON a.session_id = known.session AND a.length = known.first
  WHERE known.first > 0`;
const TELLING = `
  SELECT DISTINCT e.session_id AS id FROM event e WHERE e.kind = 'events_archived' AND e.body->>'archive' = ANY($1)`;

/** Archives that took what came before the first events of sessions, and the sessions that tell of these archives. */
export async function provingOf(
  client: PoolClient,
  firsts: ReadonlyMap<string, number>,
): Promise<{ readonly archives: ReadonlySet<string>; readonly sessions: ReadonlySet<string> }> {
  const ids = async (sql: string, values: unknown[]): Promise<string[]> =>
    (await client.query<{ id: string }>(sql, values)).rows.map(({ id }) => id);
  const archives = new Set<string>();
  const sessions = new Set<string>();
  // Who tells of an archive may begin late as well.
  for (let known = firsts; known.size > 0; ) {
    const more = (await ids(BEFORE, [[...known.keys()], [...known.values()]])).filter((id) => !archives.has(id));
    for (const id of more) archives.add(id);
    const telling = more.length === 0 ? [] : await ids(TELLING, [more]);
    const fresh = telling.filter((id) => !sessions.has(id));
    for (const id of fresh) sessions.add(id);
    known = await firstsOf(client, fresh);
  }
  return { archives, sessions };
}

const ARCHIVES = 'SELECT a.id FROM archive a WHERE $1::uuid[] IS NULL OR a.id = ANY($1) ORDER BY a.archived_at, a.id';
const TAKEN = `
  SELECT session_id AS session, from_position::float8 AS from_position, length::float8 AS length, encode(hash, 'hex') AS hash, opened_at, opening::text AS opening
  FROM archived_session WHERE archive_id = $1 ORDER BY session_id`;

/** What one archive took, in the order of its manifest. */
export async function* takenBy(client: PoolClient, archive: string): AsyncGenerator<Taken> {
  for await (const rows of rowsOf<Taken>(client, TAKEN, [archive])) yield* rows;
}

/** The lists of what archives took: of all, or of these. */
export async function* archiveLines(
  client: PoolClient,
  which: ReadonlySet<string> | undefined,
): AsyncGenerator<object> {
  const { rows } = await client.query<{ id: string }>(ARCHIVES, [which ? [...which] : null]);
  for (const { id } of rows)
    for await (const taken of takenBy(client, id)) yield { type: 'archived', archive: id, ...toldOf(taken) };
}

async function writeHeads(client: PoolClient, write: ExportOptions['write']): Promise<void> {
  for await (const rows of rowsOf<object>(
    client,
    `SELECT session_id AS session, length::float8 AS length, encode(hash, 'hex') AS hash FROM chain ORDER BY session_id`,
  ))
    for (const row of rows) await write({ type: 'head', ...row });
}

const UNCOVERED = `
  SELECT e.writer, e.n::float8 AS n, e.sequence::text AS sequence FROM event e
  JOIN unnest($1::uuid[], $2::bigint[]) AS known (session, length) ON e.session_id = known.session AND e.position >= known.length`;
/** What was written at once stands close together in the order of writing. */
const NEAR = 2000;
const BATCHES = `
  SELECT ${EVENT_COLUMNS} FROM event e
  WHERE e.writer = ANY($1) AND e.sequence BETWEEN $2::bigint - ${NEAR} AND $3::bigint + ${NEAR} ORDER BY e.writer, e.n`;

/**
 * What no proof covers yet is proved by the signature over all that was written with it: of events of other sessions in such a batch
 * the file has the hashes alone.
 */
export async function* batchLines(
  client: PoolClient,
  sessions: readonly string[],
  proofs: ReadonlyMap<string, Proof>,
): AsyncGenerator<object> {
  const lengths = sessions.map((session) => proofs.get(session)?.length ?? 0);
  const { rows } = await client.query<{ writer: string; n: number; sequence: string }>(UNCOVERED, [sessions, lengths]);
  if (rows.length === 0) return;
  const wanted = new Set(rows.map(({ writer, n }) => `${writer} ${n}`));
  const sequences = rows.map(({ sequence }) => BigInt(sequence)).sort((left, right) => (left < right ? -1 : 1));
  let batch: { writer: string; first: number; next: number; digests: string[]; isWanted: boolean } | undefined;
  for await (const events of rowsOf<RawEvent>(client, BATCHES, [
    [...new Set(rows.map(({ writer }) => writer))],
    String(sequences[0]),
    String(sequences.at(-1)),
  ]))
    for (const event of events) {
      const { writer, n, signature } = event;
      if (batch?.writer !== writer || batch.next !== n)
        batch = { writer, first: n, next: n, digests: [], isWanted: false };
      batch.next = n + 1;
      batch.digests.push(hash('sha256', contentOf(event), 'hex'));
      batch.isWanted ||= wanted.has(`${writer} ${n}`);
      if (signature === null) continue;
      const { first, digests, isWanted } = batch;
      batch = undefined;
      if (isWanted) yield { type: 'batch', writer, first, digests, signature: signature.replaceAll('\n', '') };
    }
}

export interface Proof {
  readonly proof: string;
  /** Up to here it covers the session. */
  readonly length: number;
}

/** What a file has of a session: from this position on, and no more events than make it this long. */
export interface Span {
  readonly first: number;
  readonly length: number;
}

/** All that there is of each. */
export const spansOf = (firsts: ReadonlyMap<string, number>): ReadonlyMap<string, Span> =>
  new Map([...firsts].map(([session, first]) => [session, { first, length: Number.POSITIVE_INFINITY }]));

/**
 * That checkpoints cover sessions up to some length: one proof each in C2SP's form (https://c2sp.org/tlog-proof), its `extra` the leaf
 * that it proves, the newest whose last event is among those that the file has. A session of which no checkpoint covers any of these
 * has none: where an archive took all that is covered, that archive proves it.
 */
export async function proofsOf(
  client: PoolClient,
  sessions: ReadonlyMap<string, Span>,
  keys: readonly VerifierKey[],
): Promise<ReadonlyMap<string, Proof>> {
  const { rows } = await client.query<{ note: string }>('SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1');
  const note = rows[0]?.note;
  const proofs = new Map<string, Proof>();
  if (note === undefined) return proofs;
  const { size } = openCheckpoint(note, keys);
  const hashes: Buffer[] = [];
  const newest = new Map<string, Leaf & { readonly position: number }>();
  for await (const leaves of rowsOf<Leaf & { position: number }>(
    client,
    `SELECT ${LEAF_COLUMNS} FROM leaf l WHERE l.position < $1 ORDER BY l.position`,
    [size],
  ))
    for (const leaf of leaves) {
      hashes.push(leafHash(leafText(leaf)));
      const span = sessions.get(leaf.session);
      if (span && leaf.length > span.first && leaf.length <= span.length) newest.set(leaf.session, leaf);
    }
  for (const [session, leaf] of newest) {
    const { position, ...facts } = leaf;
    const lines = inclusionProof(hashes, position).map((hash) => hash.toString('base64'));
    const extra = Buffer.from(leafText(facts)).toString('base64');
    const proof = ['c2sp.org/tlog-proof@v1', `extra ${extra}`, `index ${position}`, ...lines, '', note].join('\n');
    proofs.set(session, { proof, length: leaf.length });
  }
  return proofs;
}
