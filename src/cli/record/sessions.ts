/** `snowfence sessions`: transcripts in the terminal. */
import { createWriteStream } from 'node:fs';
import { SnowfenceError } from '../../config/problem.js';
import { VERSION } from '../../config/version.js';
import { renderEvents, type Style, styleFor, table } from '../../terminal/index.js';
import {
  eventLine,
  exportLines,
  type FoundStatement,
  follow,
  SearchProblem,
  type SessionSummary,
  type StoredEvent,
  search,
  type TranscriptStore,
  toOcsf,
  trustedKeys,
  Unproved,
  verifierKeyOf,
} from '../../transcript/index.js';
import { type Auditor, openEvents } from '../access/auditor.js';
import { asciicast, framesOf } from './replay.js';

export interface SessionListOptions {
  readonly agent: string | undefined;
  readonly limit: number;
  /** The last one of the page before. */
  readonly after: string | undefined;
  readonly all: boolean;
  readonly json: boolean;
}

export async function listSessions(
  store: TranscriptStore,
  { agent, limit, after, all, json }: SessionListOptions,
): Promise<string> {
  if (after !== undefined) await sessionOf(store, after);
  const { sessions, next } = await store.reader.sessions(agent, limit, { all, after });
  if (json) return JSON.stringify(sessions, null, 2);
  if (sessions.length === 0) return 'No sessions are recorded yet.';
  const lines = table(
    ['SESSION', 'AGENT', 'CLIENT', 'OPENED', 'LAST', 'STATEMENTS', 'REFUSED'],
    sessions.map((session) => [
      session.id,
      session.subject,
      session.client.name ?? session.transport,
      session.opened_at.toISOString().slice(0, 19),
      `${session.last_at.toISOString().slice(0, 19)}${session.is_open ? '' : ' closed'}`,
      String(session.statements),
      String(session.refused),
    ]),
  );
  return next === undefined ? lines : `${lines}\nOlder ones: --after ${next}`;
}

const unknown = (id: string): SnowfenceError =>
  new SnowfenceError('UNKNOWN_SESSION', `There is no session ${id}.`, 'snowfence sessions list shows them.', 1);

/** A session, by its id. Throws SnowfenceError. */
async function sessionOf(store: TranscriptStore, id: string): Promise<SessionSummary> {
  if (!/^[0-9a-f-]{36}$/.test(id))
    throw new SnowfenceError('UNKNOWN_SESSION', `"${id}" is no session id.`, 'snowfence sessions list shows them.');
  const session = await store.reader.session(id);
  if (!session) throw unknown(id);
  return session;
}

const PAGE = 5000;

async function* eventsOf(store: TranscriptStore, id: string): AsyncGenerator<readonly StoredEvent[]> {
  for (let from = 0; ; ) {
    const events = await store.reader.events(id, from, PAGE);
    if (events.length > 0) yield events;
    if (events.length < PAGE) return;
    from = (events.at(-1)?.position ?? 0) + 1;
  }
}

/** `auditor`: who may see what is masked in it; their look is recorded first. */
export async function showSession(
  store: TranscriptStore,
  id: string,
  json: boolean,
  auditor: Auditor | undefined,
  write: (text: string) => void,
): Promise<void> {
  await sessionOf(store, id);
  if (auditor) await auditor.recordLook(store, id);
  const style = styleFor(process.stdout);
  for await (const recorded of eventsOf(store, id)) {
    const events = auditor ? await openEvents(store, recorded) : recorded;
    write(json ? events.map((event) => JSON.stringify(event)).join('\n') : renderEvents(events, style));
  }
}

export async function searchStatements(
  store: TranscriptStore,
  text: string,
  options: { readonly limit: number; readonly cursor: string | undefined; readonly json: boolean },
): Promise<string> {
  try {
    const found = await search(store.readPool, text, { limit: options.limit, cursor: options.cursor, now: new Date() });
    if (options.json) return JSON.stringify(found, null, 2);
    if (found.statements.length === 0) return 'Nothing found.';
    const lines = table(
      ['AT', 'AGENT', 'VERDICT', 'STATE', 'ROWS', 'MS', 'SESSION', 'STATEMENT'],
      found.statements.map(rowOf),
    );
    return found.cursor === undefined ? lines : `${lines}\nMore: --cursor ${found.cursor}`;
  } catch (error) {
    if (error instanceof SearchProblem)
      throw new SnowfenceError(
        'SEARCH',
        `Column ${error.column}: ${error.message}`,
        error.hint ?? 'snowfence sessions search --help shows examples.',
      );
    throw error;
  }
}

const rowOf = (row: FoundStatement): string[] => [
  row.at.toISOString().slice(0, 19),
  row.agent,
  row.verdict,
  row.state ?? 'open',
  row.rows === null ? '' : String(row.rows),
  row.duration_ms === null ? '' : String(row.duration_ms),
  row.session_id,
  row.text,
];

// --- export

export type ExportFormat = 'jsonl' | 'ocsf' | 'asciicast';

export interface ExportRequest {
  readonly sessions: readonly string[];
  readonly format: ExportFormat;
  readonly out: string | undefined;
  readonly follow: boolean;
  /** With `follow`: from after this event on. */
  readonly after: bigint;
  readonly speed: number;
  readonly maxPauseMs: number;
}

/** Writes to a file or standard output, waiting where it is full. */
function sinkTo(out: string | undefined): {
  readonly write: (text: string) => Promise<void>;
  readonly end: () => Promise<void>;
} {
  const stream: NodeJS.WritableStream = out === undefined ? process.stdout : createWriteStream(out, { mode: 0o600 });
  let failure: Error | undefined;
  stream.on('error', (error: Error) => {
    failure = error;
  });
  return {
    write: async (text) => {
      if (failure)
        throw new SnowfenceError(
          'EXPORT_FAILED',
          `${out ?? 'Standard output'} can not be written: ${failure.message}`,
          undefined,
          1,
        );
      if (!stream.write(text)) await new Promise((resolve) => stream.once('drain', resolve).once('error', resolve));
    },
    end: () =>
      new Promise((resolve, reject) => {
        if (out === undefined) resolve();
        else stream.end(() => (failure ? reject(failure) : resolve()));
      }),
  };
}

/** What of the sessions named is no longer in the store, in words: an export has only what is. */
export async function archivedOf(store: TranscriptStore, sessions: readonly string[]): Promise<readonly string[]> {
  const { rows } = await store.readPool.query<{ session_id: string; events: number; archive_id: string }>(
    `SELECT DISTINCT ON (s.session_id) s.session_id, s.length::int AS events, s.archive_id FROM archived_session s
      WHERE s.session_id = ANY($1) ORDER BY s.session_id, s.length DESC`,
    [sessions],
  );
  return rows.map(
    ({ session_id, events, archive_id }) =>
      `Of session ${session_id} the first ${events} events are not in the store any more, and not in this export: they went to an archive, the last of them to ${archive_id}.`,
  );
}

/** An export is recorded before it begins. Answers how many lines or frames it wrote. */
export async function exportSessions(store: TranscriptStore, request: ExportRequest): Promise<number> {
  const { sessions, format, out } = request;
  for (const id of sessions) await sessionOf(store, id);
  if (format === 'asciicast' && sessions.length !== 1)
    throw new SnowfenceError(
      'USAGE',
      'An asciicast is of one session.',
      'Name its id: snowfence sessions export ID --format asciicast',
    );
  if (request.follow && format === 'asciicast')
    throw new SnowfenceError('USAGE', 'An asciicast is of what has been.', 'Use --format jsonl or ocsf with --follow.');
  await store.recorder.append({
    kind: 'record_exported',
    sessionId: undefined,
    statementId: undefined,
    body: { format, sessions: sessions.length === 0 ? null : sessions, follow: request.follow },
  });
  const sink = sinkTo(out);
  const exported = request.follow
    ? followTo(store, request, sink.write)
    : format === 'jsonl'
      ? exportLines(store.readPool, {
          sessions: sessions.length === 0 ? undefined : sessions,
          origin: store.keys.origin,
          keys: trustedKeys(store.keys),
          publicKeys: [verifierKeyOf(store.keys)],
          now: new Date(),
          write: (line) => sink.write(`${JSON.stringify(line)}\n`),
        })
      : format === 'ocsf'
        ? exportOcsf(store, sessions, sink.write)
        : exportCast(store, request, sink.write);
  const written = await exported.catch(async (error: unknown) => {
    // What comes before it is given whole; what is told is why it ended.
    await sink.end().catch(() => undefined);
    throw asProblem(error);
  });
  await sink.end();
  return written;
}

/** Whoever gets an export takes what is in it for ours: it ends before an event that is not. */
const asProblem = (error: unknown): unknown =>
  error instanceof Unproved
    ? new SnowfenceError(
        'RECORD_IN_DOUBT',
        error.message,
        'It and what comes after it are not given. Run snowfence verify; once somebody has looked into it, its hash goes into transcript.forged.',
        1,
      )
    : error;

const ENDS: ReadonlySet<string> = new Set([
  'statement_refused',
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'statement_settled',
]);
const OPENS: ReadonlySet<string> = new Set(['statement_submitted', 'statement_refused']);

async function exportOcsf(
  store: TranscriptStore,
  wanted: readonly string[],
  write: (text: string) => Promise<void>,
): Promise<number> {
  let written = 0;
  const summaries =
    wanted.length > 0 ? await Promise.all(wanted.map((id) => sessionOf(store, id))) : await everySession(store);
  for (const session of summaries) {
    const openings = new Map<string, StoredEvent>();
    for await (const event of store.proofs.own(eventsOf(store, session.id))) {
      if (event.statement === null) continue;
      if (OPENS.has(event.kind) && !openings.has(event.statement)) openings.set(event.statement, event);
      const opening = openings.get(event.statement);
      if (!ENDS.has(event.kind) || !opening) continue;
      await write(`${JSON.stringify(toOcsf(event, opening, session, VERSION))}\n`);
      written++;
    }
  }
  return written;
}

async function everySession(store: TranscriptStore): Promise<readonly SessionSummary[]> {
  const { rows } = await store.readPool.query<{ id: string }>(
    `SELECT id FROM session WHERE actor = 'agent' ORDER BY id`,
  );
  const found = await Promise.all(rows.map(({ id }) => store.reader.session(id)));
  return found.filter((session) => session !== undefined);
}

async function exportCast(
  store: TranscriptStore,
  request: ExportRequest,
  write: (text: string) => Promise<void>,
): Promise<number> {
  const [id = ''] = request.sessions;
  const session = await sessionOf(store, id);
  const events: StoredEvent[] = [];
  for await (const event of store.proofs.own(eventsOf(store, id))) events.push(event);
  const lines = asciicast(session, framesOf(session, events, request));
  for (const line of lines) await write(`${line}\n`);
  return lines.length - 1;
}

async function followTo(
  store: TranscriptStore,
  request: ExportRequest,
  write: (text: string) => Promise<void>,
): Promise<number> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  process.stdout.once('error', stop);
  const wanted = new Set(request.sessions);
  const summaries = new Map<string, SessionSummary | undefined>();
  let written = 0;
  const onProblem = (problem: string): void => void process.stderr.write(`${problem}\n`);
  const followed = { pool: store.readPool, proofs: store.proofs, onProblem };
  for await (const events of follow(followed, request.after, stopping.signal)) {
    for (const event of events) {
      if (wanted.size > 0 && !wanted.has(event.session)) continue;
      if (request.format === 'jsonl') await write(`${JSON.stringify(eventLine(event))}\n`);
      else {
        if (!ENDS.has(event.kind) || event.statement === null) continue;
        if (!summaries.has(event.session)) {
          if (summaries.size > 1000) summaries.clear();
          summaries.set(event.session, await store.reader.session(event.session));
        }
        const session = summaries.get(event.session);
        const opening = OPENS.has(event.kind) && 'statement' in event.body ? event : await openingOf(store, event);
        if (!session || !opening) continue;
        await write(`${JSON.stringify(toOcsf(event, opening, session, VERSION))}\n`);
      }
      written++;
    }
  }
  return written;
}

async function openingOf(store: TranscriptStore, event: StoredEvent): Promise<StoredEvent | undefined> {
  if (event.statement === null) return undefined;
  const openings = await store.reader.openingsOf(event.session, event.statement);
  const found = openings.find((one) => one.position < event.position && !store.proofs.isForged(one));
  if (!found) return undefined;
  const proved = await store.proofs.ofParsed([found]);
  if (proved.unproved) throw proved.unproved;
  return proved.events[0];
}

/** Plays a session; ends when it is over or the watcher has enough. */
export async function replaySession(
  store: TranscriptStore,
  id: string,
  options: { readonly speed: number; readonly maxPauseMs: number; readonly step: boolean },
  style: Style,
): Promise<void> {
  const session = await sessionOf(store, id);
  const events: StoredEvent[] = [];
  for await (const page of eventsOf(store, id)) events.push(...page);
  const { play } = await import('./replay.js');
  await play(framesOf(session, events, options, style), options.step);
}
