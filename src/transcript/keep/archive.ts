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
import { z } from 'zod';
import { Breaks } from '../checks/breaks.js';
import { type Event, parsed, type RawEvent } from '../form/event.js';
import { type RecordKeys, trustedKeys } from '../form/keys.js';
import { manifestOf } from '../form/manifest.js';
import { verifierKeyOf } from '../form/note.js';
import { OPENING_KINDS, OUTCOME_KINDS } from '../form/projection.js';
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
import { ACT_KINDS, readActs } from '../verify/acts.js';
import { readArchives } from '../verify/archives.js';
import { verifyExport } from '../verify/export.js';
import { checkHolds } from '../verify/holds.js';

export interface Hold {
  readonly id: string;
  readonly session_id: string | null;
  readonly subject: string | null;
  /** Whose subject; of every issuer's where nothing is said. */
  readonly issuer: string | null;
  readonly reason: string;
  readonly placed_by: string;
  readonly placed_at: Date;
  readonly lifted_at: Date | null;
}

const holdRow = z.object({
  id: z.string(),
  session_id: z.string().nullable(),
  subject: z.string().nullable(),
  issuer: z.string().nullable(),
  reason: z.string(),
  placed_by: z.string(),
  placed_at: z.date(),
  lifted_at: z.date().nullable(),
});

export async function holds(pool: Pool): Promise<readonly Hold[]> {
  return z.array(holdRow).parse((await pool.query('SELECT * FROM hold ORDER BY placed_at')).rows);
}

type Record = (event: Event) => Promise<unknown>;

const event = (kind: Event['kind'], body: Event['body']): Event => ({
  kind,
  sessionId: undefined,
  statementId: undefined,
  body,
});

/** On a session, or on everything of a principal (of all who bear the name, where no issuer is named). Answers its id. */
export async function placeHold(
  admin: Pool,
  what: { readonly session: string } | { readonly subject: string; readonly issuer?: string | undefined },
  reason: string,
  by: string,
  record: Record,
): Promise<string> {
  const id = randomUUID();
  const [session, subject, issuer] =
    'session' in what ? [what.session, null, null] : [null, what.subject, what.issuer ?? null];
  await record(event('hold_placed', { hold: id, session, subject, issuer, reason, by }));
  await admin.query(
    'INSERT INTO hold (id, session_id, subject, issuer, reason, placed_by) VALUES ($1, $2, $3, $4, $5, $6)',
    [id, session, subject, issuer, reason, by],
  );
  return id;
}

/** False where there is no such hold in force. */
export async function liftHold(admin: Pool, id: string, by: string, record: Record): Promise<boolean> {
  const { rows } = await admin.query('SELECT FROM hold WHERE id = $1 AND lifted_at IS NULL', [id]);
  if (rows.length === 0) return false;
  await record(event('hold_lifted', { hold: id, by }));
  await admin.query('UPDATE hold SET lifted_at = now() WHERE id = $1', [id]);
  return true;
}

// --- archives

/** Weeks that are over before a time and still hold events, oldest first. */
const WEEKS = `
  SELECT substring(c.relname FROM 7) AS suffix FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'event'::regclass AND to_timestamp(substring(c.relname FROM 7) || ' 00:00:00+00', 'YYYY_MM_DD HH24:MI:SSTZH') + interval '168 hours' <= $1
  ORDER BY c.relname`;

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
type Listed = z.infer<typeof listedRow>;

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
  readonly record: Record;
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
    await client.query(GOING, [from, to]);
    // Each takes back what the other cut through.
    for (let moved = 1; moved > 0; ) {
      while ((await client.query(STRADDLES, [to])).rowCount !== 0);
      moved = (await client.query(ALIGNED)).rowCount ?? 0;
    }
    const listed = z.array(listedRow).parse((await client.query(LISTED)).rows);
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
      event('events_archived', {
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

const GOES = (alias: string): string =>
  `EXISTS (SELECT FROM going g WHERE g.session_id = ${alias}.session_id AND (g.cut IS NULL OR ${alias}.position < g.cut))`;

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

/** The partition of a week is made anew with what stays of it. */
async function remake(client: PoolClient, parent: string, suffix: string, stays: string): Promise<void> {
  const table = `${parent}_${suffix}`;
  const { rows } = await client.query<{ bounds: string }>(
    'SELECT pg_get_expr(relpartbound, oid) AS bounds FROM pg_class WHERE oid = $1::regclass',
    [table],
  );
  await client.query(`ALTER TABLE ${parent} DETACH PARTITION ${table}`);
  await client.query(`ALTER TABLE ${table} RENAME TO ${parent}_going`);
  await client.query(`CREATE TABLE ${table} PARTITION OF ${parent} ${rows[0]?.bounds ?? ''}`);
  await client.query(`INSERT INTO ${parent} SELECT * FROM ${parent}_going t WHERE ${stays}`);
  await client.query(`DROP TABLE ${parent}_going`);
}

const listed = (kinds: readonly string[]): string => kinds.map((kind) => `'${kind}'`).join(', ');

/** A row of search stays where the event that it follows from does: asked once all events that go are gone. */
async function remakeSearch(client: PoolClient, suffix: string): Promise<void> {
  await client.query(`
    CREATE TEMP TABLE staying ON COMMIT DROP AS
    SELECT statement_id AS id, bool_or(kind IN (${listed(OPENING_KINDS)})) AS opens,
           bool_or(kind IN (${listed(OUTCOME_KINDS)})) AS ends
    FROM event WHERE statement_id IN (SELECT id FROM statement_${suffix} UNION ALL SELECT id FROM outcome_${suffix}) GROUP BY statement_id`);
  await remake(client, 'statement', suffix, 't.id IN (SELECT id FROM staying WHERE opens)');
  await remake(client, 'outcome', suffix, 't.id IN (SELECT id FROM staying WHERE ends)');
  await client.query('DROP TABLE staying');
}

/** Sessions of which nothing is left. */
async function forget(client: PoolClient, listed: readonly Listed[]): Promise<void> {
  const gone = listed.filter(({ is_over: isOver }) => isOver).map(({ session }) => session);
  for (const table of ['session_key', 'delivery', 'chain'])
    await client.query(`DELETE FROM ${table} WHERE session_id = ANY($1)`, [gone]);
  await client.query('DELETE FROM session WHERE id = ANY($1)', [gone]);
}
