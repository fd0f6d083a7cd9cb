/** `snowfence sessions`: transcripts in the terminal. */
import { SnowfenceError } from '../../config/problem.js';
import { printable, rendering, type Style, styleFor, table } from '../../terminal/index.js';
import { moment } from '../../times/index.js';
import {
  type FoundStatement,
  SearchProblem,
  type StoredEvent,
  type Sums,
  search,
  type TranscriptStore,
} from '../../transcript/index.js';
import { type Auditor, openEvents } from '../access/auditor.js';
import { framesOf } from './replay.js';
import { eventsOf, sessionOf } from './stored.js';

export interface SessionListOptions {
  readonly agent: string | undefined;
  readonly limit: number;
  /** The last one of the page before. */
  readonly after: string | undefined;
  readonly all: boolean;
  readonly json: boolean;
}

const nothingFound = (agent: string | undefined, after: string | undefined): string => {
  if (after !== undefined) return 'There are no older ones.';
  return agent === undefined
    ? 'No sessions are recorded yet.'
    : `No session of ${agent} is recorded. Without --agent all are listed, with their agents’ names.`;
};

export async function listSessions(
  store: TranscriptStore,
  { agent, limit, after, all, json }: SessionListOptions,
): Promise<string> {
  const from = after === undefined ? undefined : (await sessionOf(store, after)).id;
  const { sessions, next } = await store.reader.sessions(agent, limit, { all, after: from });
  if (json) return JSON.stringify(sessions, null, 2);
  if (sessions.length === 0) return nothingFound(agent, from);
  const lines = table(
    ['SESSION', 'AGENT', 'CLIENT', 'OPENED', 'LAST', 'STATEMENTS', 'REFUSED'],
    sessions.map((session) => [
      session.id,
      session.subject,
      session.client.name ?? session.transport,
      moment(session.opened_at),
      `${moment(session.last_at)}${session.is_open ? '' : ' closed'}`,
      String(session.statements),
      String(session.refused),
    ]),
  );
  return next === undefined ? lines : `${lines}\nOlder ones: --after ${next}`;
}

/** `auditor`: who may see what is masked in it; their look is recorded first. */
export async function showSession(
  store: TranscriptStore,
  typed: string,
  json: boolean,
  auditor: Auditor | undefined,
  write: (text: string) => void,
): Promise<void> {
  const { id } = await sessionOf(store, typed);
  if (auditor) await auditor.recordLook(store, id);
  const style = styleFor(process.stdout);
  const render = rendering(style);
  for await (const recorded of eventsOf(store, id)) {
    const events = auditor ? await openEvents(store, recorded) : recorded;
    write(
      json ? events.map((event) => JSON.stringify(event)).join('\n') : render(events, await tiedIn(store, id, events)),
    );
  }
  if (!json) write(`${style.dim('In all:')} ${sumsWords(await store.reader.sums(id))}.`);
}

/** To how many statements each prompt among these events was tied: one that none followed, or no one of its own client, says so. */
async function tiedIn(
  store: TranscriptStore,
  session: string,
  events: readonly StoredEvent[],
): Promise<ReadonlyMap<string, number>> {
  const prompts = events.flatMap(({ kind, at, body }) =>
    kind === 'prompt_reported' && typeof body['id'] === 'string' ? [{ id: body['id'], at: new Date(at) }] : [],
  );
  return prompts.length === 0 ? new Map() : store.reader.tied(session, prompts);
}

export async function searchStatements(
  store: TranscriptStore,
  text: string,
  options: { readonly limit: number; readonly cursor: string | undefined; readonly json: boolean },
): Promise<string> {
  try {
    const found = await search(store.readPool, text, { limit: options.limit, cursor: options.cursor, now: new Date() });
    if (options.json) return JSON.stringify(found, null, 2);
    if (found.statements.length === 0) return ['Nothing found.', ...found.notes.map(printable)].join('\n');
    const lines = table(
      ['AT', 'AGENT', 'VERDICT', 'STATE', 'ROWS', 'MS', 'SESSION', 'STATEMENT'],
      found.statements.map(rowOf),
    );
    const told = `${lines}\n${found.cursor === undefined ? 'Together' : 'These together'}: ${sumsWords(found.sums)}.`;
    return found.cursor === undefined ? told : `${told}\nMore: --cursor ${found.cursor}`;
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

const counted = (value: number, one: string): string => `${value} ${one}${value === 1 ? '' : 's'}`;

/** What statements come to together: refused are those that ended as `denied`; rows with those of later pages and files. */
function sumsWords({ statements, refused, rows, rows_later: later, rows_changed: changed, bytes }: Sums): string {
  const answered = later === 0 ? '' : ` (${later} of them by later pages and files)`;
  return [
    counted(statements, 'statement'),
    ...(refused > 0 ? [`${refused} refused`] : []),
    `${counted(rows, 'row')} answered${answered}, ${counted(bytes, 'byte')}`,
    ...(changed > 0 ? [`${counted(changed, 'row')} changed`] : []),
  ].join('; ');
}

/** Who said no: a person, or nobody in time. */
const ENDED = { denied: 'denied by a person', expired: 'expired', withdrawn: 'withdrawn' } as const;

const stateOf = ({ is_explained: isExplained, approval_end: ended, state }: FoundStatement): string =>
  isExplained ? 'explained' : ended ? ENDED[ended] : (state ?? 'open');

const rowOf = (row: FoundStatement): string[] => [
  moment(row.at),
  row.agent,
  row.verdict,
  stateOf(row),
  // The first answer's, and those of later pages and files.
  [...(row.rows === null ? [] : [String(row.rows)]), ...(row.rows_later === 0 ? [] : [`+${row.rows_later}`])].join(' '),
  row.duration_ms === null ? '' : String(row.duration_ms),
  row.session_id,
  row.text,
];

/** Plays a session; ends when it is over or the watcher has enough. */
export async function replaySession(
  store: TranscriptStore,
  typed: string,
  options: { readonly speed: number; readonly maxPauseMs: number; readonly step: boolean },
  style: Style,
): Promise<void> {
  const session = await sessionOf(store, typed);
  const events: StoredEvent[] = [];
  for await (const page of eventsOf(store, session.id)) events.push(...page);
  const { play } = await import('./replay.js');
  await play(framesOf(session, events, options, style), options.step);
}
