/**
 * What is known of an approval, in the order in which people read it, wherever they do: the console, chats, the command line, the JSON of
 * webhooks. What snowfence knows of the statement comes first, and says where it knows nothing; then who may decide, what people said and
 * what came of it; what the agent wrote comes last, and as the agent's. Each view draws this, and adds no words of its own.
 */
import { moment } from '../../times/index.js';
import { WITHDRAWALS } from '../../transcript/index.js';
import { isPromptCut, PROMPT_BESIDE } from '../../visible-text/index.js';
import type { Approval, Ended, Held, Outcome } from './state.js';

/** A name, and a line or some for it. */
export interface Fact {
  readonly name: string;
  readonly lines: readonly string[];
}

export interface Known {
  /** What it does, to what: nothing that its agent wrote. */
  readonly headline: string;
  /** What nobody may overlook. */
  readonly warnings: readonly string[];
  /** How much it touches, in a line. */
  readonly size: string;
  /** Size, and why that is not known. */
  readonly sizes: readonly Fact[];
  /** Columns, objects, masks, row filters. */
  readonly uses: readonly Fact[];
  /** Who asks, why people are asked, and whom. */
  readonly asked: readonly Fact[];
  /** What people said, and what came of it. */
  readonly after: readonly Fact[];
  /** What a person typed and which job it belongs to, as a client reported, under names that say so. */
  readonly reported: readonly Fact[];
  /** What its agent wrote as its reason, under a name that says whose word that is; no line where it wrote none. */
  readonly wrote: Fact;
}

/** What a view needs of an approval; of chats without personal data and secrets. */
export type ShownApproval = Pick<
  Approval,
  | 'id'
  | 'subject'
  | 'issuer'
  | 'client_id'
  | 'state'
  | 'purpose'
  | 'statement'
  | 'sent'
  | 'requirements'
  | 'expires_at'
  | 'about'
  | 'decisions'
  | 'outcome'
  | 'ended'
  | 'held'
  | 'format'
  | 'reported'
>;

type About = NonNullable<Approval['about']>;
type Size = About['estimate'];

const SIZES = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

function bytesIn(bytes: number): string {
  const step = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${SIZES[step]}`;
}

/** Digits by threes, whoever looks. */
const digits = (value: number): string => value.toLocaleString('en-US');
const rowsIn = (rows: number): string => `${digits(rows)} ${rows === 1 ? 'row' : 'rows'}`;

const UNCOUNTED: Readonly<Record<NonNullable<Size['uncounted']>, string>> = {
  no_change: 'none are changed; those that it reads are not counted',
  binds: 'not counted, because it has binds, and which rows these mean is not told by its text',
  form: 'not counted, because no one query tells the rows of a statement of this form',
  unreadable: 'not counted, because the agent itself may not read what would be counted',
  limit: 'not counted, because the agent has used up what it may ask the warehouse for',
  too_long: 'not counted, because counting took too long',
  failed: 'not counted, because Snowflake could not count them',
  unreachable: 'not counted, because Snowflake did not answer',
  overtaken: 'not counted, because the rules changed while they were counted',
};

const UNWEIGHED: Readonly<Record<NonNullable<Size['unweighed']>, string>> = {
  hidden: 'not told, because something in its tables is masked or filtered for the agent',
  unsaid: 'not told, because Snowflake does not say',
};

const UNTOLD = 'not counted, because nobody wrote down why';

function rowsOf({ kind, estimate: { rows, of, uncounted } }: Pick<About, 'kind' | 'estimate'>): string {
  if (rows === null) return uncounted === null ? UNTOLD : UNCOUNTED[uncounted];
  const most = kind === 'merge' ? 'at most ' : '';
  return `${most}${rowsIn(rows)}${of === null ? '' : `; the table has ${digits(of)}`}`;
}

const scansOf = ({ bytes, unweighed }: Size): string =>
  bytes === null ? UNWEIGHED[unweighed ?? 'unsaid'] : `up to ${bytesIn(bytes)}`;

/** What it is, by what snowfence knows of it. */
function headlineOf(about: About | null): string {
  if (!about) return 'STATEMENT whose details were erased';
  const { kind, objects, every_row_of: whole } = about;
  const name = kind.replaceAll('_', ' ').toUpperCase() || 'STATEMENT';
  const written = objects.filter(({ access }) => access === 'write');
  const [first, ...others] = written.length > 0 ? written : objects;
  if (first === undefined) return name;
  const rest = others.length === 0 ? '' : ` and ${others.length} ${others.length === 1 ? 'other' : 'others'}`;
  return `${name} on ${whole === null ? '' : 'EVERY ROW of '}${first.object}${rest}`;
}

/** Of a table's rows, as the catalog had them a while ago: who touches nearly all of them hardly means some. */
const NEARLY = 0.9;
const isNearlyAll = ({ rows, of }: Size): boolean => rows !== null && of !== null && of > 1 && rows >= of * NEARLY;

function warningsOf({ about }: ShownApproval): readonly string[] {
  if (!about) return [];
  const { every_row_of: whole, kind, estimate } = about;
  if (whole !== null && kind === 'insert')
    return [`The whole table: it removes every row of ${whole}, and writes others in their place.`];
  if (whole !== null)
    return [
      `The whole table: no condition of this ${kind.toUpperCase()} goes by a column of ${whole}, so it touches every row that the agent may see.`,
    ];
  // An INSERT adds to what is there.
  if (kind !== 'insert' && isNearlyAll(estimate)) return [`The whole table, or nearly: ${rowsOf(about)}.`];
  return [];
}

const isChange = (about: Pick<About, 'objects'> | null): boolean =>
  about?.objects.some(({ access }) => access === 'write') ?? false;

const some = (name: string, lines: readonly string[]): readonly Fact[] => (lines.length === 0 ? [] : [{ name, lines }]);

/** Columns by their table: each is told once. */
function byTable(columns: readonly string[]): readonly string[] {
  const tables = new Map<string, string[]>();
  for (const column of columns) {
    const at = lastDot(column);
    const [table, name] = [column.slice(0, Math.max(0, at)), column.slice(at + 1)];
    const known = tables.get(table);
    if (known) known.push(name);
    else tables.set(table, [name]);
  }
  return [...tables].map(([table, names]) => (table === '' ? names.join(', ') : `${table}: ${names.join(', ')}`));
}

/** The dot before a column's own name, which may have dots in its quotes. */
function lastDot(column: string): number {
  const quoted = /\.("(?:[^"]|"")*")$/.exec(column);
  return quoted ? quoted.index : column.lastIndexOf('.');
}

function writesOf(written: readonly string[], removes: boolean): readonly string[] {
  const lines = [...byTable(written), ...(removes ? ['whole rows, which it removes'] : [])];
  return lines.length > 0 ? lines : ['not told'];
}

function usesOf({ removes, objects, columns, written, masks, row_predicates: predicates }: About): readonly Fact[] {
  return [
    ...(isChange({ objects }) ? [{ name: 'Writes', lines: writesOf(written, removes) }] : []),
    ...some('Reads', byTable(columns)),
    ...some(
      'Objects',
      objects.map(
        ({ object, access, via }) => `${object} (${access}${via.length > 0 ? `, through ${via.join(', ')}` : ''})`,
      ),
    ),
    ...some(
      'Masked',
      masks.map(({ column, method, rule }) => `${column}: ${method} (${rule})`),
    ),
    ...some(
      'Filtered',
      predicates.map(({ object, where, rule }) => `${object} where ${where} (${rule})`),
    ),
  ];
}

/** Whose word is needed, in a line; the issuer whose groups are asked is named where it is not the agent's own. */
export const neededOf = ({ requirements, issuer }: Pick<Approval, 'requirements' | 'issuer'>): string =>
  requirements
    .map(({ count, groups, issuers }) => {
      const isOwn = issuers.includes(issuer.replace(/\/$/, ''));
      return `${count} of ${groups.join(' or ')}${isOwn ? '' : ` at ${issuers.join(' or ') || 'no issuer'}`}`;
    })
    .join(' and ');

/** A person without the issuer that knows them. */
const nameOf = (reviewer: string): string => reviewer.slice(reviewer.indexOf(' ') + 1);

/** What its rules ask for, of whom. */
function askedOf(approval: ShownApproval): readonly Fact[] {
  const { subject, issuer, client_id: client, requirements, decisions, about, state, expires_at: until } = approval;
  const yes = decisions.filter(({ decision }) => decision === 'approve').length;
  const isOpen = state === 'pending' || state === 'approved';
  return [
    { name: 'Agent', lines: [`${subject} of ${issuer}${client === subject ? '' : `, by the client ${client}`}`] },
    { name: 'Asked for by', lines: [...new Set(requirements.map(({ rule }) => rule))] },
    ...some('Because', about?.reasons ?? []),
    { name: 'Needed', lines: [`${neededOf(approval)}${state === 'pending' ? ` (${yes} so far)` : ''}`] },
    { name: isOpen ? 'Open until' : 'Was open until', lines: [moment(until)] },
  ];
}

const OUTCOMES: Readonly<Record<Outcome['state'], string>> = {
  ok: 'it ran',
  failed: 'it failed',
  cancelled: 'it was cancelled',
  refused: 'it did not run',
  unknown: 'nobody knows whether it ran',
};

/** How it went, in a line. */
function outcomeOf(outcome: Outcome, isChange: boolean): string {
  const { state, query_id: query, problem, at, is_settled: isSettled } = outcome;
  const rows = isChange ? outcome.rows_changed : outcome.rows_answered;
  return [
    `${OUTCOMES[state]}${isSettled ? ", as the warehouse's history says" : ''}`,
    ...(rows === null ? [] : [`${rowsIn(rows)} ${isChange ? 'changed' : 'answered'}`]),
    ...(problem === null ? [] : [problem]),
    ...(query === null ? [] : [`query ${query}`]),
    moment(at),
  ].join(', ');
}

const WHY: Readonly<Record<NonNullable<Ended['why']>, string>> = {
  undecided: 'nobody decided in time',
  uncalled: 'it was approved, and its agent did not call for it in time',
  changed: 'the rules, or what it reads, have changed since it was asked for',
  ran: 'its statement had ended already',
  agent: 'its agent withdrew it',
  standing: WITHDRAWALS.RAN_UNDER_STANDING,
  allowed: WITHDRAWALS.RAN_AS_ALLOWED,
};

/** How one that is over came to be so, in a line; what came of its statement stands beside it. */
function endedWords({ state, at, why, instead }: Ended): string {
  const words = [
    state === 'used' || state === 'denied' ? state : (why && WHY[why]) || state,
    ...(instead === undefined ? [] : [`statement ${instead}`]),
    ...(at === undefined ? [] : [moment(at)]),
  ];
  return words.join(', ');
}

/** Of a statement that ran under a standing approval: who gave that, for which shape, for how long and how often. */
export function standingFacts({
  decisions,
  held,
  shape,
}: Pick<Approval, 'decisions' | 'held' | 'shape'>): readonly Fact[] {
  const given = decisions.filter(({ decision, standing_ms: ms }) => decision === 'approve' && ms !== null);
  return [
    ...some(
      'Given by',
      given.map(({ reviewer, decided_at: at }) => `${nameOf(reviewer)}, ${moment(at)}`),
    ),
    ...some('Standing', held ? [heldWords(held)] : []),
    ...some('Shape', shape.text === '' ? [] : [shape.text]),
  ];
}

/** Why nobody decides on it any more, in a sentence: in which state it is, and how it came to that. */
export const decidedWords = ({ state, ended }: Pick<Approval, 'state' | 'ended'>): string =>
  `is no longer open: it is ${state}${ended ? ` (${endedWords(ended)})` : ''}.`;

/** What became of the standing approval that came of it. */
function heldWords({ id, expires_at: until, uses, max_uses: most, revoked }: Held): string {
  const end = revoked
    ? `ended by ${revoked.by}${revoked.denied === null ? '' : ` with the no to approval ${revoked.denied}`}, ${moment(revoked.at)}`
    : `until ${moment(until)}`;
  return `${id} for others of this shape, used ${uses} of ${most} times, ${end}`;
}

function afterOf({ decisions, state, outcome, about, ended, held }: ShownApproval): readonly Fact[] {
  const said = decisions.map(
    ({ reviewer, decision, reason, decided_at: at, standing_ms: held, standing_uses: uses }) => {
      const others = held === null ? '' : `, and to others of this shape for ${held / 60_000} min, ${uses ?? 0} times`;
      return `${nameOf(reviewer)} said ${decision === 'approve' ? 'yes' : 'no'}${others}, ${moment(at)}${reason ? `: ${reason}` : ''}`;
    },
  );
  const came =
    state === 'used'
      ? [outcome ? outcomeOf(outcome, isChange(about)) : 'it was begun, and the record has no end of it']
      : ended && state !== 'denied'
        ? [endedWords(ended)]
        : [];
  return [
    ...some('Decided', said),
    ...some('Used', state === 'used' && ended?.at ? [moment(ended.at)] : []),
    ...some('Outcome', came),
    ...some('Standing', held ? [heldWords(held)] : []),
  ];
}

/** Who says what a person typed. */
const SOURCES: Readonly<Record<string, string>> = {
  hook: 'the client’s hook reported it',
  call: 'the client said so with the call',
  connection: 'the connection says so',
};
/** And of a job, all its parts together. */
const SHOWN_JOB = 500;

/** Nobody has checked it: who says so stands before what is said. */
function reportedOf({ reported }: ShownApproval): readonly Fact[] {
  const { prompt, job, job_source: source = '' } = reported ?? {};
  const facts: Fact[] = [];
  if (prompt) {
    const isCut = isPromptCut(prompt.length);
    const size = isCut ? `, ${digits(prompt.length)} characters` : '';
    const text = `${prompt.text.slice(0, PROMPT_BESIDE)}${isCut ? ' …' : ''}`;
    facts.push({
      name: `A person typed (${SOURCES[prompt.source] ?? 'reported'}${size})`,
      lines: [text.toWellFormed()],
    });
  }
  if (job) {
    const parts = Object.entries(job).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    const text = parts.join(' ');
    const isCut = text.length > SHOWN_JOB;
    const size = isCut ? `, ${digits(text.length)} characters` : '';
    facts.push({
      name: `Part of a job (${SOURCES[source] ?? 'reported'}${size})`,
      lines: [isCut ? `${text.slice(0, SHOWN_JOB)} …`.toWellFormed() : text],
    });
  }
  return facts;
}

/** Everything, in the order in which it is read. */
export function knownOf(approval: ShownApproval): Known {
  const { about, subject, purpose, format } = approval;
  return {
    headline: headlineOf(about),
    warnings: warningsOf(approval),
    size: about ? rowsOf(about) : 'not known any more',
    sizes: about
      ? [
          { name: 'Touches', lines: [rowsOf(about)] },
          { name: 'Scans', lines: [scansOf(about.estimate)] },
          ...(format === undefined ? [] : [{ name: 'Result', lines: [`is wanted whole, as a ${format} file`] }]),
        ]
      : [],
    uses: about ? usesOf(about) : [],
    asked: askedOf(approval),
    after: afterOf(approval),
    reported: reportedOf(approval),
    wrote:
      purpose === null
        ? { name: `${subject} gave no reason`, lines: [] }
        : { name: `${subject} wrote, and nobody checked`, lines: [purpose] },
  };
}

/** All facts of it but the agent's own, one after the other. */
export const factsOf = ({ sizes, uses, asked, after }: Known): readonly Fact[] => [
  ...sizes,
  ...uses,
  ...asked,
  ...after,
];
