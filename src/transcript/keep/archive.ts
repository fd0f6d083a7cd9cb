/**
 * How long the record stays: whole weeks go to compressed files that verify by themselves, and are dropped. What is under a legal hold
 * stays, and so does what later events hang on. All of it needs the administrator's rights; each step is recorded before it is done.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Pool, PoolClient } from 'pg';
import { Breaks } from '../checks/breaks.js';
import { parsed, type RawEvent } from '../form/event.js';
import { type RecordKeys, trustedKeys } from '../form/keys.js';
import { manifestOf } from '../form/manifest.js';
import { verifierKeyOf } from '../form/note.js';
import { EVENT_COLUMNS } from '../read/columns.js';
import {
  archiveLines,
  batchLines,
  EXPORT_FORMAT,
  eventLine,
  firstsOf,
  proofsOf,
  provingOf,
  spansOf,
} from '../read/export.js';
import { withClient } from '../store/client.js';
import { rowsOf } from '../store/snapshot.js';
import { readActs } from '../verify/acts.js';
import { readArchives } from '../verify/archives.js';
import { verifyExport } from '../verify/export.js';
import { checkHolds } from '../verify/holds.js';
import { actOf, type RecordAct } from './acts.js';
import { GOES, type Listed, listGoing } from './going.js';
import { remake, remakeSearch } from './partitions.js';

/** Weeks that are over before a time and still hold events, oldest first. */
const WEEKS = `
  SELECT substring(c.relname FROM 7) AS suffix FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'event'::regclass AND to_timestamp(substring(c.relname FROM 7) || ' 00:00:00+00', 'YYYY_MM_DD HH24:MI:SSTZH') + interval '168 hours' <= $1
  ORDER BY c.relname`;

const WEEK_MS = 7 * 86_400_000;

export interface Archived {
  /** The days on which the first week began and the last one ended. */
  readonly from: string;
  readonly to: string;
  readonly file: string;
  readonly sessions: number;
  readonly events: number;
}

export interface ArchiveOptions {
  readonly keys: RecordKeys;
  readonly before: Date;
  readonly folder: string;
  readonly record: RecordAct;
  readonly now: Date;
  readonly onProgress: (week: string) => void;
  /** Hashes of events that somebody has looked into. */
  readonly acknowledged?: ReadonlySet<string>;
  /** … or known to be none of ours. */
  readonly forged?: ReadonlySet<string>;
}

/**
 * Takes what there is of whole weeks that ended before a time, into one file; undefined if nothing may go. Throws where the file does
 * not verify: nothing is dropped then.
 */
export async function archive(admin: Pool, options: ArchiveOptions): Promise<Archived | undefined> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const { rows } = await admin.query<{ suffix: string }>(WEEKS, [options.before]);
  const weeks = rows.map(({ suffix }) => suffix).filter((suffix) => /^\d{4}_\d{2}_\d{2}$/.test(suffix));
  const [first, last] = [weeks[0], weeks.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const id = randomUUID();
  const dashed = (suffix: string): string => suffix.replaceAll('_', '-');
  const file = join(options.folder, `snowfence-${dashed(first)}-to-${dashed(last)}-${id.slice(0, 8)}.jsonl.gz`);
  return withClient(admin, async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await ensureProved(client, options);
    const [from, to] = [new Date(dashed(first)), new Date(new Date(dashed(last)).getTime() + WEEK_MS)];
    const listed = await listGoing(client, from, to);
    if (listed.length === 0) {
      await client.query('ROLLBACK');
      return undefined;
    }
    const events = await writeFile(client, file, to, listed, options);
    const report = await verifyExport(file, trustedKeys(options.keys), [], options.acknowledged);
    if (!report.isWhole)
      throw new Error(`The archive does not verify, so nothing is dropped: ${report.breaks[0]?.what ?? ''}`);
    const digest = await digestOf(file);
    const manifest = manifestOf(listed);
    await options.record(
      actOf('events_archived', {
        archive: id,
        from: dashed(first),
        to: to.toISOString().slice(0, 10),
        file: file.split('/').at(-1),
        digest,
        manifest,
        sessions: listed.length,
        events,
      }),
    );
    await remember(client, id, file, digest, manifest, listed, to);
    for (const suffix of weeks) {
      options.onProgress(dashed(suffix));
      await remake(client, 'event', suffix, `NOT ${GOES('t')}`);
    }
    for (const suffix of weeks) await remakeSearch(client, suffix);
    await forget(client, listed);
    await client.query('COMMIT');
    return { from: dashed(first), to: to.toISOString().slice(0, 10), file, sessions: listed.length, events };
  }).catch(async (error: unknown) => {
    await rm(file, { force: true });
    throw error;
  });
}

/** Whole on the disk, under its name only once it is. */
async function writeFile(
  client: PoolClient,
  file: string,
  to: Date,
  listed: readonly Listed[],
  options: ArchiveOptions,
): Promise<number> {
  const partial = `${file}.partial`;
  let events = 0;
  let lineCount = 0;
  const lines = async function* (): AsyncGenerator<string> {
    const text = (line: object): string => `${JSON.stringify(line)}\n`;
    const { keys, now } = options;
    yield text({
      type: 'export',
      format: EXPORT_FORMAT,
      complete: false,
      origin: keys.origin,
      keys: [verifierKeyOf(keys)],
      at: now.toISOString(),
    });
    // Earlier archives that these sessions go on from, and who told of them: so that the file proves its own beginning.
    const firsts = new Map(listed.map(({ session, from_position: first }) => [session, first]));
    const proving = await provingOf(client, firsts);
    for await (const line of archiveLines(client, proving.archives)) yield text(line);
    const spans = new Map([
      ...spansOf(await firstsOf(client, [...proving.sessions])),
      ...listed.map(({ session, from_position: first, length }) => [session, { first, length }] as const),
    ]);
    const proofs = await proofsOf(client, spans, trustedKeys(keys));
    for await (const line of batchLines(client, [...proving.sessions], proofs)) yield text(line);
    for await (const rows of rowsOf<RawEvent>(
      client,
      `SELECT ${EVENT_COLUMNS} FROM event e WHERE (e.at < $1 AND ${GOES('e')}) OR e.session_id = ANY($2) ORDER BY e.session_id, e.position`,
      [to, [...proving.sessions]],
    ))
      for (const row of rows) {
        lineCount++;
        if (firsts.has(row.session)) events++;
        yield text(eventLine(parsed(row)));
      }
    for (const [session, { proof }] of proofs) yield text({ type: 'proof', session, proof });
    yield text({ type: 'end', events: lineCount });
  };
  try {
    await pipeline(lines(), createGzip(), createWriteStream(partial, { mode: 0o600 }));
    const handle = await open(partial, 'r');
    await handle.sync().finally(() => handle.close());
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return events;
}

/**
 * What goes on from earlier archives is signed anew here, and what is held stays: so both have to be what was recorded of them. Throws
 * where they are not.
 */
async function ensureProved(client: PoolClient, options: ArchiveOptions): Promise<void> {
  const { keys, forged, acknowledged = new Set() } = options;
  const breaks = new Breaks();
  const acts = await readActs(client, trustedKeys(keys), forged);
  const { before } = await readArchives(client, acts, breaks);
  await checkHolds(client, breaks, { acts, archivedBefore: before, acknowledged });
  const [first] = breaks.sorted;
  if (first)
    throw new Error(`Archives and holds are not what was recorded of them, so nothing is dropped: ${first.what}`);
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function remember(
  client: PoolClient,
  id: string,
  file: string,
  digest: string,
  manifest: string,
  listed: readonly Listed[],
  before: Date,
): Promise<void> {
  await client.query('INSERT INTO archive (id, file, digest, manifest, before) VALUES ($1, $2, $3, $4, $5)', [
    id,
    file,
    Buffer.from(digest, 'hex'),
    Buffer.from(manifest, 'hex'),
    before,
  ]);
  for (let at = 0; at < listed.length; at += 1000)
    await client.query(
      `INSERT INTO archived_session (archive_id, session_id, from_position, length, hash, opened_at, opening)
       SELECT $1, session, from_position, length, decode(hash, 'hex'), opened_at, opening::json
       FROM json_to_recordset($2) AS l (session uuid, from_position bigint, length bigint, hash text, opened_at timestamptz, opening text)`,
      [id, JSON.stringify(listed.slice(at, at + 1000))],
    );
}

/** Sessions of which nothing is left. */
async function forget(client: PoolClient, listed: readonly Listed[]): Promise<void> {
  const gone = listed.filter(({ is_over: isOver }) => isOver).map(({ session }) => session);
  for (const table of ['session_key', 'delivery', 'chain'])
    await client.query(`DELETE FROM ${table} WHERE session_id = ANY($1)`, [gone]);
  await client.query('DELETE FROM session WHERE id = ANY($1)', [gone]);
}
