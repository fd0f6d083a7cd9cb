/** Events as people read them. */
import { z } from 'zod';
import { MOMENT_WIDTH, moment } from '../times/index.js';
import { readEnd, type StoredEvent } from '../transcript/index.js';
import { isPromptCut, PROMPT_BESIDE, PROMPT_KEPT, untiedWords } from '../visible-text/index.js';
import { printable, type Style, titled } from './terminal.js';

const opening = z.object({
  statement: z.string(),
  purpose: z.string().nullable(),
  explain: z.boolean().nullish(),
  prompt: z.object({ source: z.string(), text: z.string(), length: z.number() }).nullish(),
  prompt_untied: z.string().nullish(),
  job: z.record(z.string(), z.string()).nullish(),
  job_source: z.string().nullish(),
  verdict: z.string(),
  masks: z.array(z.object({ column: z.string(), method: z.string() })).default([]),
  denial: z.object({ code: z.string(), message: z.string(), rule: z.string().optional() }).nullish(),
});
/** What came with one request of a statement that had been asked for before. */
const again = z.object({
  approval: z.string().nullish(),
  reviewers: z.array(z.string()).default([]),
  waiting: z.string().nullish(),
  standing: z.string().nullish(),
  connection: z.object({ client: z.string().nullish() }).nullish(),
  statement: z.string().nullish(),
  purpose: z.string().nullish(),
  prompt: opening.shape.prompt,
  prompt_untied: opening.shape.prompt_untied,
  job: opening.shape.job,
  job_source: opening.shape.job_source,
});
const outcome = z.object({
  rows: z.number().nullish(),
  duration_ms: z.number().nullish(),
  message: z.string().nullish(),
  code: z.string().nullish(),
  query_id: z.string().nullish(),
  state: z.string().nullish(),
  reason: z.string().nullish(),
  instead: z.string().nullish(),
  approval: z.string().nullish(),
  reviewer: z.string().nullish(),
  decision: z.string().nullish(),
  standing_ms: z.number().nullish(),
  denied: z.string().nullish(),
  format: z.string().nullish(),
  end: z.string().nullish(),
  file_bytes: z.number().nullish(),
  denial: z.object({ code: z.string(), message: z.string() }).nullish(),
  download: z.string().nullish(),
});

/** How a download ended, in words. */
const ENDS: Readonly<Record<string, string>> = {
  whole: 'whole',
  row_limit: 'cut at the limit of rows',
  byte_limit: 'cut at the limit of bytes',
  client_gone: 'broken off: the client has gone',
  stalled: 'broken off: the client took nothing',
  stopped: 'broken off: the gateway was stopped',
  failed: 'broken off: something failed',
};
const opened = z.object({
  subject: z.string(),
  client: z.object({ name: z.string().nullable() }).optional(),
  transport: z.string(),
});

const INDENT = ' '.repeat(MOMENT_WIDTH + 2);

/** Who says what a person typed. */
const SOURCES: Readonly<Record<string, string>> = {
  hook: "reported by the client's hook",
  call: 'reported by the client with the call',
  connection: 'reported by the connection',
};

/** Who says it comes before what is said: whatever stands there can't be taken for our word. */
const typedWords = (
  { source, text, length }: { source: string; text: string; length: number },
  most: number = PROMPT_BESIDE,
): string => {
  const isCut = isPromptCut(length, most);
  return `${SOURCES[source] ?? 'reported'}${isCut ? `, ${length} characters` : ''}: ${text}${isCut ? ' …' : ''}`;
};

const jobWords = (job: Readonly<Record<string, string>>): string =>
  Object.entries(job)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(' ');

const reported = z.object({ id: z.string().optional(), prompt: z.string(), prompt_length: z.number() });
/** How many statements each prompt was tied to, where that was asked. */
type Tied = ReadonlyMap<string, number>;

/** A statement and what was decided of it: the lines without their time. */
function renderStatement(event: StoredEvent, style: Style): string[] {
  const body = opening.parse(event.body);
  const isDenied = event.kind === 'statement_refused' || (body.explain === true && !!body.denial);
  const colour = isDenied ? style.red : body.verdict === 'approve' ? style.yellow : style.green;
  const lines = [
    ...titled(
      colour(body.explain ? 'explain' : isDenied ? 'denied ' : body.verdict === 'approve' ? 'asks   ' : 'allowed'),
      body.statement,
    ),
  ];
  lines.push(...reportedLines(body, style));
  if (isDenied && body.denial)
    lines.push(
      `${style.dim('because')}  ${body.denial.code}: ${printable(body.denial.message)}${body.denial.rule ? style.dim(`  ${printable(body.denial.rule)}`) : ''}`,
    );
  if (!isDenied && body.masks.length > 0)
    lines.push(
      `${style.dim('masked ')}  ${printable(body.masks.map((mask) => `${mask.column} (${mask.method})`).join(', '))}`,
    );
  // Behind what is known, and as the agent's.
  if (body.purpose) lines.push(`${style.dim('agent wrote, and nobody checked:')} ${printable(body.purpose)}`);
  return lines;
}

/** Whoever says it stands before what is said. */
const reportedLines = (
  {
    prompt,
    prompt_untied: untied,
    job,
    job_source: source,
  }: Pick<z.infer<typeof opening>, 'prompt' | 'prompt_untied' | 'job' | 'job_source'>,
  style: Style,
): readonly string[] => [
  ...(prompt ? [`${style.dim('typed  ')}  ${printable(typedWords(prompt))}`] : []),
  ...(untied ? [`${style.dim('typed  ')}  ${untiedWords(untied)}`] : []),
  ...(job ? [`${style.dim('job    ')}  ${printable(`${SOURCES[source ?? ''] ?? 'reported'}: ${jobWords(job)}`)}`] : []),
];

/** A statement asked for once more while it waits, or run now that it may: by which client, and in which words. */
function renderAgain(event: StoredEvent, style: Style): readonly string[] {
  const body = again.parse(event.body);
  const client = body.connection?.client ? ` by ${printable(body.connection.client)}` : '';
  const names = body.reviewers.map((name) => printable(name.split(' ').at(-1) ?? '')).join(', ');
  const isAsked = event.kind === 'approval_asked';
  const what = isAsked ? `for approval ${body.approval ?? ''}` : `approval ${body.approval ?? ''} of ${names}`;
  const more = isAsked
    ? body.waiting
      ? `, asked for once more${client}`
      : ''
    : body.standing
      ? `, which stands for its shape (snowfence approvals show ${(body.approval ?? '').slice(0, 8)})`
      : `, asked for${client || ' by its client'}`;
  return [
    `${isAsked ? style.yellow('waits  ') : style.green('uses   ')}  ${what}${more}`,
    ...(body.statement ? titled(style.dim('as     '), body.statement) : []),
    ...reportedLines(body, style),
    ...(body.purpose ? [`${style.dim('agent wrote, and nobody checked:')} ${printable(body.purpose)}`] : []),
  ];
}

/** One event as a line or some, without its time; nothing for what people need not see. */
export function linesOf(event: StoredEvent, style: Style, tied?: Tied): readonly string[] {
  switch (event.kind) {
    case 'session_opened': {
      const body = opened.parse(event.body);
      return [
        `${style.bold(`session ${event.session}`)} of ${printable(body.subject)} over ${body.transport}${body.client?.name ? ` with ${printable(body.client.name)}` : ''}`,
      ];
    }
    case 'prompt_reported': {
      const { id, prompt: text, prompt_length: length } = reported.parse(event.body);
      const lines = titled(style.bold('typed  '), typedWords({ source: 'hook', text, length }, PROMPT_KEPT));
      const count = id === undefined ? undefined : tied?.get(id);
      if (count === undefined) return lines;
      const words =
        count === 0 ? 'reported, tied to no statement' : `tied to ${count} statement${count === 1 ? '' : 's'}`;
      return [...lines, style.dim(words)];
    }
    case 'statement_submitted':
    case 'statement_refused':
      return renderStatement(event, style);
    case 'approval_asked':
    case 'approval_used':
      return renderAgain(event, style);
    // The outcome that comes with it says more.
    case 'statement_sent':
      return [];
    default:
      return outcomeLines(event, style);
  }
}

/** What came of it. What the warehouse says may be of several lines, and may quote the statement. */
function outcomeLines(event: StoredEvent, style: Style): readonly string[] {
  if (event.kind === 'approval_withdrawn') return withdrawnLines(event, style);
  if (event.kind !== 'statement_failed') return [outcomeLine(event, style)];
  const { code, message } = outcome.parse(event.body);
  return titled(`${style.red('failed ')}  ${code ?? ''}`, message ?? '');
}

/** Who did stands before why, and an agent's why behind what is known, as the agent's. */
function withdrawnLines(event: StoredEvent, style: Style): readonly string[] {
  const { withdrawal, agentsReason: reason } = readEnd(event) ?? {};
  const { approval = '', instead } = outcome.parse(event.body);
  const as = instead ? `, statement ${printable(instead)}` : '';
  const by = withdrawal?.by === 'gateway' ? `by the gateway: ${withdrawal.words}${as}` : 'by its agent';
  return [
    `${style.yellow('ended  ')}  approval ${approval}, withdrawn ${by}`,
    ...(reason === undefined ? [] : [`${style.dim('agent wrote, and nobody checked:')} ${printable(reason)}`]),
  ];
}

function outcomeLine(event: StoredEvent, style: Style): string {
  const body = outcome.parse(event.body);
  const end = readEnd(event);
  const queryId = body.query_id ? `, query ${body.query_id}` : '';
  switch (event.kind) {
    case 'session_closed':
      return `${style.dim('closed ')}  ${printable(body.reason ?? '')}`;
    case 'statement_completed':
      return `${style.dim('done   ')}  ${end?.rows ?? 0} rows${end?.rowsChanged === undefined ? '' : ' changed'} in ${body.duration_ms ?? 0} ms${queryId}`;
    case 'rows_fetched':
      return `${style.dim('fetched')}  ${body.rows ?? 0} ${body.download ? 'rows for the download' : 'more rows'}`;
    case 'download_opened':
      return `${style.dim('opened ')}  the download as ${printable(body.format ?? 'a file')}`;
    case 'download_ended':
      if (body.denial)
        return `${style.red('denied ')}  the download, ${body.denial.code}: ${printable(body.denial.message)}`;
      if (body.end === 'unknown')
        return `${style.yellow('given  ')}  at most ${body.rows ?? 0} rows of ${printable(body.format ?? 'a file')}: its gateway has gone, and nobody knows how many`;
      return `${body.end === 'whole' ? style.dim('given  ') : style.yellow('given  ')}  ${body.rows ?? 0} rows, ${body.file_bytes ?? 0} bytes of ${printable(body.format ?? 'a file')}, ${ENDS[body.end ?? ''] ?? 'unknown'}`;
    case 'statement_cancelled':
      return `${style.yellow('stopped')}  ${printable(body.reason ?? '')} after ${body.duration_ms ?? 0} ms`;
    case 'statement_settled':
      return `${style.yellow('settled')}  ${body.state ?? 'unknown'}, from the warehouse's history${queryId}`;
    case 'approval_decided':
      return `${body.decision === 'deny' ? style.red('denied ') : style.green('allowed')}  by ${printable(body.reviewer ?? '')}, approval ${body.approval ?? ''}${body.standing_ms ? `, and others of its shape for ${body.standing_ms / 60_000} min` : ''}${body.reason ? `: ${printable(body.reason)}` : ''}`;
    case 'approval_refused':
      return `${style.yellow('not run')}  approval ${body.approval ?? ''}, asked for once more, ${body.denial?.code ?? ''}: ${printable(body.denial?.message ?? '')}`;
    case 'approval_expired':
      return `${style.yellow('expired')}  approval ${body.approval ?? ''}${body.reason ? `: ${printable(body.reason)}` : ''}`;
    case 'standing_used':
      return `${style.dim('counted')}  one use of what was approved for a while with ${body.approval ?? ''}`;
    case 'standing_revoked':
      return `${style.yellow('ended  ')}  by ${printable(body.reviewer ?? '')}: what was approved for a while with ${body.approval ?? ''}${body.denied ? ', by a no to another of its shape' : ''}`;
    default:
      return style.dim(event.kind.replaceAll('_', ' '));
  }
}

const MAX_SHORT = 48;
/** Of so many statements the beginnings are remembered, and of each so many characters. */
const REMEMBERED = 10_000;
const MAX_COMPARED = 2000;
/** With so many that begin alike one is compared: more are not under way at once. */
const MAX_ALIKE = 20;
/** What stands before the first character by which one differs from another, and from there on. */
const BEFORE = 12;
const AFTER = 24;

/** Of how many characters two texts begin alike. */
function common(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}

/** A text in brief: its beginning, and where `others` begin so too, the places by which it is told from them. */
function shortOf(text: string, others: readonly string[]): string {
  if (text.length <= MAX_SHORT) return text;
  const places = new Set<number>();
  for (const other of others) {
    const at = common(text, other);
    if (at < text.length || other.length > text.length) places.add(Math.min(at, text.length - 1));
  }
  let short = text.slice(0, MAX_SHORT);
  let end = MAX_SHORT;
  for (const at of [...places].sort((left, right) => left - right)) {
    if (at < end) continue;
    const from = Math.max(end, at - BEFORE);
    short += `${from > end ? ' … ' : ''}${text.slice(from, at + AFTER)}`;
    end = Math.min(text.length, at + AFTER);
  }
  return end < text.length ? `${short} …` : short;
}

/**
 * For people, as the events of one session are given, page after page. An event that follows on another statement than its own names it: what is
 * under way at the same time stands in between.
 */
export function rendering(style: Style): (events: readonly StoredEvent[], tied?: Tied) => string {
  const texts = new Map<string, { readonly text: string; readonly at: string }>();
  /** By their beginning, so that it is known of which others one has to be told apart: the newest of each. */
  const alike = new Map<string, readonly string[]>();
  let last: string | undefined;
  const whose = ({ statement }: StoredEvent): string => {
    const own = statement === null || statement === last ? undefined : texts.get(statement);
    if (own === undefined) return '';
    const others = (alike.get(own.text.slice(0, MAX_SHORT)) ?? []).filter((id) => id !== statement);
    const among = others.flatMap((id) => texts.get(id)?.text ?? []);
    const sent = among.includes(own.text) ? ` (sent at ${moment(own.at)})` : '';
    return style.dim(`  of: ${shortOf(own.text, among)}${sent}`);
  };
  const linesWith = (event: StoredEvent, tied: Tied | undefined): readonly string[] => {
    const { statement, kind } = event;
    const [first, ...more] = linesOf(event, style, tied);
    if (first === undefined) return [];
    const isOpening = (kind === 'statement_submitted' || kind === 'statement_refused') && !texts.has(statement ?? '');
    const named = isOpening ? first : `${first}${whose(event)}`;
    if (statement !== null) {
      if (isOpening) remember(statement, event);
      last = statement;
    }
    return [named, ...more];
  };
  const remember = (statement: string, { body, at }: StoredEvent): void => {
    const text = printable(
      String(body['statement'] ?? '')
        .slice(0, MAX_COMPARED)
        .replace(/\s+/g, ' '),
    );
    for (const map of [texts, alike]) {
      const [oldest] = map.keys();
      if (map.size >= REMEMBERED && oldest !== undefined) map.delete(oldest);
    }
    texts.set(statement, { text, at });
    const beginning = text.slice(0, MAX_SHORT);
    alike.set(beginning, [...(alike.get(beginning) ?? []), statement].slice(-MAX_ALIKE));
  };
  return (events, tied) =>
    events
      .flatMap((event) =>
        linesWith(event, tied).map((line, index) =>
          index === 0 ? `${style.dim(moment(event.at))}  ${line}` : `${INDENT}${line}`,
        ),
      )
      .join('\n');
}

/** All of one session, or some that came together. */
export const renderEvents = (events: readonly StoredEvent[], style: Style): string => rendering(style)(events);
