/**
 * The transcript as lines of JSON: what `verify --export` and anybody's own tool can check. docs/recording.md shows each line.
 */
import type { Pool, PoolClient, QueryArrayConfig, QueryResult } from 'pg';
import { withClient } from './client.js';
import type { StoredEvent } from './event.js';
import type { VerifierKey } from './keys.js';
import { LEAF_COLUMNS, type Leaf, leafText } from './leaf.js';
import { openCheckpoint } from './note.js';
import { EVENT_COLUMNS, parsed, type RawEvent } from './reader.js';
import { inclusionProof, leafHash } from './tree.js';

export const EXPORT_FORMAT = 1;
const AT_ONCE = 2000;

/** Rows of a query, some thousands at a time; the next are fetched while these are looked at. */
export async function* rowsOf<T>(
  client: PoolClient,
  sql: string,
  values: readonly unknown[] = [],
  form: Pick<QueryArrayConfig, 'types'> & { readonly rowMode?: 'array' } = {},
): AsyncGenerator<T[]> {
  const name = `cursor_${Math.random().toString(36).slice(2)}`;
  await client.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${sql}`, [...values]);
  const fetchNext = () => {
    const rows = client.query({ text: `FETCH ${AT_ONCE} FROM ${name}`, ...form }) as Promise<QueryResult>;
    // Who waits for it hears of its failure; nobody may be left to wait.
    rows.catch(() => undefined);
    return rows;
  };
  for (let next = fetchNext(); ; ) {
    const { rows } = await next;
    const isLast = rows.length < AT_ONCE;
    if (!isLast) next = fetchNext();
    if (rows.length > 0) yield rows as T[];
    if (isLast) break;
  }
  await client.query(`CLOSE ${name}`);
}

/** In one snapshot. */
export function inSnapshot<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  });
}

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
    let events = 0;
    const filter = isComplete ? 'true' : 'e.session_id = ANY($1)';
    const values = isComplete ? [] : [sessions];
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
    else await writeProofs(client, sessions, options);
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

async function writeHeads(client: PoolClient, write: ExportOptions['write']): Promise<void> {
  for await (const rows of rowsOf<object>(
    client,
    `SELECT session_id AS session, length::float8 AS length, encode(hash, 'hex') AS hash FROM chain ORDER BY session_id`,
  ))
    for (const row of rows) await write({ type: 'head', ...row });
}

async function writeProofs(
  client: PoolClient,
  sessions: readonly string[],
  { keys, write }: ExportOptions,
): Promise<void> {
  const proofs = await proofsOf(client, new Map(sessions.map((session) => [session, Number.POSITIVE_INFINITY])), keys);
  for (const [session, proof] of proofs) await write({ type: 'proof', session, proof });
}

/**
 * That checkpoints cover sessions up to some length: one proof each in C2SP's form (https://c2sp.org/tlog-proof), its `extra` the leaf
 * that it proves, the newest that goes no further than the session's given length. A session that no checkpoint covers yet has none.
 */
export async function proofsOf(
  client: PoolClient,
  sessions: ReadonlyMap<string, number>,
  keys: readonly VerifierKey[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ note: string }>('SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1');
  const note = rows[0]?.note;
  const proofs = new Map<string, string>();
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
      if (leaf.length <= (sessions.get(leaf.session) ?? -1)) newest.set(leaf.session, leaf);
    }
  for (const [session, leaf] of newest) {
    const { position, ...facts } = leaf;
    const lines = inclusionProof(hashes, position).map((hash) => hash.toString('base64'));
    const extra = Buffer.from(leafText(facts)).toString('base64');
    proofs.set(
      session,
      ['c2sp.org/tlog-proof@v1', `extra ${extra}`, `index ${position}`, ...lines, '', note].join('\n'),
    );
  }
  return proofs;
}
