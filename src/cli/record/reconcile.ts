/**
 * `snowfence reconcile`: the transcript against the warehouse's own history. What the gateway's user ran and the transcript lacks was
 * run with a credential that leaked; what the transcript says ran and the history lacks was not run by this user, or on this account.
 */
import { z } from 'zod';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { endingOf, HISTORY_KEEPS, readTag, type Step, sha256, statementOfTag, tracesOf } from '../../gateway/index.js';
import { loadPolicies } from '../../policy/index.js';
import { table } from '../../terminal/index.js';
import { moment } from '../../times/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import { type HistoryEntry, SETUP_TAG, Warehouse } from '../../warehouse/index.js';
import { isOurs } from '../access/own-questions.js';

export interface Difference {
  readonly kind:
    | 'unrecorded'
    | 'other text'
    /** The recorded text under its own tag, once more than the transcript accounts for. */
    | 'ran again'
    | 'not allowed'
    | 'not in the history'
    /** The transcript says that a change was made, and its transaction was not committed; or the other way round. */
    | 'not committed'
    | 'committed';
  readonly at: string;
  readonly queryId: string | null;
  readonly statement: string | null;
  readonly role: string | null;
  /** The beginning of what was run; literals may stand in it. */
  readonly text: string | null;
}

export interface Reconciliation {
  readonly since: string;
  readonly until: string;
  readonly history: number;
  readonly recorded: number;
  readonly differences: readonly Difference[];
}

/** For so long the history is kept; a range that begins sooner is an error (documentation page functions/query_history). */
const SEVEN_DAYS_MS = 7 * 86_400_000;
/** What asking takes, and clocks differ: nearer to the end of the history nothing is asked for. */
const EDGE_MS = 900_000;
/** More characters than a text has that the history has cut at 100K, whichever K that is. */
const MOST_KEPT = 102_400;
/** Clocks differ, and a statement is recorded some time after it ended. */
const MARGIN_MS = 600_000;
const SHOWN = 200;
const EXPLAIN = 'EXPLAIN USING JSON ';

const RECORDED = `
  SELECT e.statement_id AS id, array_agg(DISTINCT e.body->>'sent_digest') FILTER (WHERE e.body->>'sent_digest' IS NOT NULL) AS digests,
         array_agg(DISTINCT e.body->>'count_digest') FILTER (WHERE e.body->>'count_digest' IS NOT NULL) AS counts,
         array_agg(DISTINCT e.body->>'sent_head_digest') FILTER (WHERE e.body->>'sent_head_digest' IS NOT NULL) AS heads,
         array_agg(DISTINCT e.body->>'count_head_digest') FILTER (WHERE e.body->>'count_head_digest' IS NOT NULL) AS count_heads,
         (count(*) FILTER (WHERE e.kind = 'approval_used' OR (e.kind = 'statement_submitted' AND e.body->>'verdict' = 'allow' AND e.body->>'explain' <> 'true')))::int AS runs,
         (count(*) FILTER (WHERE e.kind = 'estimate_asked'))::int AS estimates
  FROM event e WHERE e.statement_id = ANY($1) AND e.kind IN ('statement_submitted', 'estimate_asked', 'approval_used')
  GROUP BY e.statement_id`;

const recordedRow = z.object({
  id: z.string(),
  digests: z.array(z.string()).nullable(),
  counts: z.array(z.string()).nullable(),
  /** Of long texts, which the history cuts. */
  heads: z.array(z.string()).nullable(),
  count_heads: z.array(z.string()).nullable(),
  /** How often it was begun: more than once where its approval was given back. */
  runs: z.number(),
  /** How often the warehouse was asked what it would do. */
  estimates: z.number(),
});

const RAN = `
  SELECT o.id, o.at, o.query_id FROM outcome o
  WHERE o.at >= $1 AND o.at < $2 AND o.query_id IS NOT NULL AND o.state IN ('ok', 'failed')`;
const STATES = `SELECT o.id, o.state, o.query_id FROM outcome o WHERE o.id = ANY($1)`;
const stateRow = z.object({ id: z.string(), state: z.string(), query_id: z.string().nullable() });

const ranRow = z.object({ id: z.string(), at: z.date(), query_id: z.string() });

/** From `asked` on, or from where the history still goes back to: what it looked at is said. Throws SnowfenceError. */
export async function reconcile(
  config: Config,
  store: TranscriptStore,
  asked: Date,
  until: Date,
): Promise<Reconciliation> {
  if (asked >= until) throw new SnowfenceError('USAGE', '--since is not before --until.');
  if (Date.now() - asked.getTime() > SEVEN_DAYS_MS + EDGE_MS)
    throw new SnowfenceError(
      'HISTORY_TOO_OLD',
      "Snowflake's INFORMATION_SCHEMA keeps seven days of its history.",
      'Run reconcile at least weekly, such as from cron: snowfence reconcile --since 7d',
    );
  // Seven days ago is gone by the time that it is asked for.
  const since = new Date(Math.max(asked.getTime(), Date.now() - SEVEN_DAYS_MS + EDGE_MS));
  if (since >= until)
    throw new SnowfenceError('HISTORY_TOO_OLD', `The history no longer goes back to before ${moment(until)}.`);
  const history = await historyOf(config, since, until);
  const recorded = await recordedOf(store, history);
  const ours = history.filter(({ startedAt }) => startedAt >= since && startedAt < until);
  const again = await ranAgain(store, history, recorded);
  const differences: Difference[] = ours.flatMap((entry) => {
    const kind = judge(entry, recorded) ?? (again.has(entry.queryId) ? 'ran again' : undefined);
    return kind === undefined ? [] : [differenceOf(kind, entry)];
  });
  differences.push(...(await commitDifferences(store, history, ours)));
  const { rows } = await store.pool.query(RAN, [since, until]);
  const ran = z.array(ranRow).parse(rows);
  const known = new Set(history.map(({ queryId }) => queryId));
  for (const { id, at, query_id: queryId } of ran)
    if (!known.has(queryId))
      differences.push({
        kind: 'not in the history',
        at: at.toISOString(),
        queryId,
        statement: id,
        role: null,
        text: null,
      });
  return {
    since: since.toISOString(),
    until: until.toISOString(),
    history: ours.length,
    recorded: ran.length,
    differences,
  };
}

async function historyOf(config: Config, since: Date, until: Date): Promise<readonly HistoryEntry[]> {
  const { policies } = await loadPolicies(config.policies);
  const [policy] = policies;
  if (!policy) throw new SnowfenceError('NO_POLICIES', 'Without a policy there is no role to ask the warehouse with.');
  await using warehouse = new Warehouse(config.warehouse);
  const from = new Date(Math.max(since.getTime() - MARGIN_MS, Date.now() - SEVEN_DAYS_MS + EDGE_MS / 2));
  const to = until.getTime() + MARGIN_MS < Date.now() ? new Date(until.getTime() + MARGIN_MS) : undefined;
  try {
    // Awaited here: the warehouse is closed when this function is left.
    return await warehouse.history({ role: policy.role, warehouse: policy.warehouse }, { since: from, until: to });
  } catch (error) {
    throw new SnowfenceError(
      'HISTORY_UNREADABLE',
      `The warehouse's history can not be read: ${error instanceof Error ? error.message : String(error)}`,
      'snowfence doctor says whether the warehouse answers.',
      1,
    );
  }
}

const isId = (text: string): boolean => /^[0-9a-f-]{36}$/.test(text);

type Recorded = ReadonlyMap<string, z.infer<typeof recordedRow>>;

async function recordedOf(store: TranscriptStore, history: readonly HistoryEntry[]): Promise<Recorded> {
  const ids = [...new Set(history.flatMap(({ tag }) => statementOfTag(tag) ?? []))].filter(isId);
  const { rows } = await store.pool.query(RECORDED, [ids]);
  return new Map(
    z
      .array(recordedRow)
      .parse(rows)
      .map((row) => [row.id, row]),
  );
}

/** What a transaction of a change's own is made of. */
const TRANSACTION: Readonly<Record<string, string>> = {
  begin: 'BEGIN TRANSACTION',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
};

/** Whether a text of the history is one of those that were recorded, as far as the history keeps it. */
function isOneOf(text: string, digests: readonly string[], heads: readonly string[]): boolean {
  if (digests.includes(sha256(text))) return true;
  const isCut = text.length >= HISTORY_KEEPS && [...text].length <= MOST_KEPT;
  return isCut && heads.includes(sha256(text.slice(0, HISTORY_KEEPS)));
}

/** undefined where the transcript accounts for it. */
function judge({ tag, text }: HistoryEntry, recorded: Recorded): Difference['kind'] | undefined {
  // Our own questions have one of few forms, none of which reads a table; the tag alone proves nothing.
  if (tag === SETUP_TAG) return isOurs(text) ? undefined : 'unrecorded';
  const read = readTag(tag);
  const row = read && recorded.get(read.statement);
  if (!row) return 'unrecorded';
  const { step } = read;
  const ended = TRANSACTION[step ?? ''];
  if (ended !== undefined) {
    if (text.trim().toUpperCase() !== ended) return 'other text';
    return row.runs > 0 ? undefined : 'not allowed';
  }
  const [counts, heads] = [row.counts ?? [], row.heads ?? []];
  const countHeads = row.count_heads ?? [];
  if (step === 'count') return isOneOf(text, counts, countHeads) ? undefined : 'other text';
  if (step === 'explain') {
    const explained = text.startsWith(EXPLAIN) ? text.slice(EXPLAIN.length) : '';
    const isRecorded = isOneOf(explained, [...counts, ...(row.digests ?? [])], [...countHeads, ...heads]);
    return isRecorded ? undefined : 'other text';
  }
  if (!isOneOf(text, row.digests ?? [], heads)) return 'other text';
  return row.runs > 0 ? undefined : 'not allowed';
}

/** How often the transcript accounts for what is sent beside a statement, and for the statement itself. */
function accounted(step: Step | undefined, { runs, estimates, counts }: z.infer<typeof recordedRow>): number {
  switch (step) {
    case 'count':
      return counts === null ? 0 : estimates;
    // Each estimate compiles the statement and its count, each run has the statement confirmed, and so does `explain`.
    case 'explain':
      return 2 * estimates + runs + 1;
    default:
      return runs;
  }
}

/**
 * Query ids of what was sent with a text and a tag that the transcript knows, more often than it was begun: whoever has the credential
 * and reads the history can copy both. A statement whose outcome names its query is that query; what was sent after it is another. Rows
 * that are read on by a cursor are no query of their own.
 */
async function ranAgain(
  store: TranscriptStore,
  history: readonly HistoryEntry[],
  recorded: Recorded,
): Promise<ReadonlySet<string>> {
  const { rows } = await store.pool.query(STATES, [[...recorded.keys()]]);
  const outcomes = new Map(
    z
      .array(stateRow)
      .parse(rows)
      .map(({ id, query_id: queryId }) => [id, queryId]),
  );
  const sent = new Map<string, HistoryEntry[]>();
  for (const entry of [...history].sort((left, right) => left.startedAt.getTime() - right.startedAt.getTime())) {
    const read = readTag(entry.tag);
    // What is a difference already uses up nothing.
    if (!read || judge(entry, recorded) !== undefined) continue;
    const name = JSON.stringify([read.statement, read.step ?? null]);
    sent.set(name, [...(sent.get(name) ?? []), entry]);
  }
  const again = new Set<string>();
  for (const entries of sent.values()) {
    const read = entries[0] && readTag(entries[0].tag);
    const row = read && recorded.get(read.statement);
    if (!row) continue;
    const outcome = read.step === undefined ? (outcomes.get(read.statement) ?? undefined) : undefined;
    const at = entries.findIndex(({ queryId }) => queryId === outcome);
    const most = accounted(read.step, row) - (outcome === undefined ? 0 : 1);
    const others = entries.filter(({ queryId }) => queryId !== outcome);
    for (const [index, { queryId }] of others.entries())
      if (index >= most || (at >= 0 && index >= at)) again.add(queryId);
  }
  return again;
}

/** Changes in transactions of their own: what the transcript says of each has to be what became of its COMMIT. */
async function commitDifferences(
  store: TranscriptStore,
  history: readonly HistoryEntry[],
  ours: readonly HistoryEntry[],
): Promise<Difference[]> {
  const traces = tracesOf(history);
  const begun = [...tracesOf(ours)].flatMap(([id, { steps }]) =>
    steps.some(({ step }) => step === 'begin') && isId(id) ? id : [],
  );
  const { rows } = await store.pool.query(STATES, [begun]);
  return z
    .array(stateRow)
    .parse(rows)
    .flatMap(({ id, state }) => {
      const ending = endingOf(traces.get(id));
      if (ending.kind === 'taken back' && state === 'ok') return differenceOf('not committed', ending.entry);
      const isMade = ending.kind === 'ended' && ending.entry.state === 'ok';
      return isMade && /^(?:failed|cancelled|denied)$/.test(state) ? differenceOf('committed', ending.entry) : [];
    });
}

const differenceOf = (kind: Difference['kind'], entry: HistoryEntry): Difference => ({
  kind,
  at: entry.startedAt.toISOString(),
  queryId: entry.queryId,
  statement: statementOfTag(entry.tag) ?? null,
  role: entry.role,
  text: entry.text.slice(0, SHOWN),
});

export function renderDifferences(result: Reconciliation): string {
  const { differences, history, recorded, since, until } = result;
  const looked = `${history} statements of the history and ${recorded} of the transcript, from ${moment(since)} to ${moment(until)}`;
  if (differences.length === 0) return `Transcript and warehouse agree: ${looked}.`;
  return [
    table(
      ['DIFFERENCE', 'AT', 'QUERY', 'STATEMENT', 'ROLE', 'TEXT'],
      differences.map((entry) => [
        entry.kind,
        moment(entry.at),
        entry.queryId ?? '',
        entry.statement ?? '',
        entry.role ?? '',
        entry.text ?? '',
      ]),
    ),
    `${differences.length} differences in ${looked}.`,
    ...(differences.some(({ kind }) => kind === 'unrecorded' || kind === 'ran again')
      ? ['Statements that the transcript lacks were run with the gateway’s credential by somebody else: change it.']
      : []),
  ].join('\n');
}
