/** `snowfence sessions export`: transcripts for other tools, to a file or standard output. */
import { open } from 'node:fs/promises';
import { because, SnowfenceError, unusable } from '../../config/problem.js';
import {
  exportLines,
  type StoredEvent,
  type TranscriptStore,
  trustedKeys,
  Unproved,
  verifierKeyOf,
} from '../../transcript/index.js';
import { followTo } from './export-following.js';
import { exportOcsf } from './export-ocsf.js';
import type { ExportRequest } from './export-request.js';
import { asciicast, framesOf } from './replay.js';
import { eventsOf, sessionOf } from './stored.js';

/** Writes to a file or standard output, waiting where it is full. */
async function sinkTo(out: string | undefined): Promise<{
  readonly write: (text: string) => Promise<void>;
  readonly end: () => Promise<void>;
}> {
  const file =
    out === undefined
      ? undefined
      : await open(out, 'w', 0o600).catch((error: unknown) => {
          throw unusable('--out', out, 'written', error, 'Name a file in a folder that is there and yours.');
        });
  const stream: NodeJS.WritableStream = file?.createWriteStream() ?? process.stdout;
  let failure: Error | undefined;
  stream.on('error', (error: Error) => {
    failure = error;
  });
  return {
    write: async (text) => {
      if (failure)
        throw new SnowfenceError(
          'EXPORT_FAILED',
          `${out ?? 'Standard output'} can not be written${because(failure)}`,
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
  const sink = await sinkTo(out);
  await store.recorder.append({
    kind: 'record_exported',
    sessionId: undefined,
    statementId: undefined,
    body: { format, sessions: sessions.length === 0 ? null : sessions, follow: request.follow },
  });
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
