/** What of two answers has to be equal, and the search for statements whose answers are not. */
import { setTimeout as pause } from 'node:timers/promises';
import { lex } from '../../dist/sql/index.js';
import { withoutMarks } from '../support/marks.mjs';
import { HIDDEN, TABLES } from './make/changes.mjs';

/** What an agent sees, without what differs by nature (ids, times). */
function seen({ status, columns, rows, isTruncated, notices, denial, error, approval, shownRows }, isOrdered) {
  const lines = rows.map((row) => JSON.stringify(row));
  return JSON.stringify({
    status,
    columns,
    rows: isOrdered ? lines : lines.sort(),
    isTruncated,
    notices,
    denial,
    error,
    asks: approval !== undefined,
    shownRows,
  });
}

/** What is the same however many rows there are. */
const seenOfErrors = ({ status, denial, error }) => JSON.stringify({ status, denial, error });

/** Ids, and the marks of fences. */
const withoutIds = (told) =>
  withoutMarks(JSON.stringify(told).replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'id'));

/** What a machine that is too busy answers, one side sooner than the other: it says nothing of the statement. */
const OUTAGE = /^(?:WAREHOUSE_UNAVAILABLE|RECORDER_UNAVAILABLE|CANCELLED)$/;
const isOut = (answer) => {
  // What explain and describe tell stands one level deeper.
  const { denial, error } = answer.out ?? answer;
  const isLate = denial?.code === 'LIMIT_REACHED' && /longer/.test(denial.message);
  return isLate || OUTAGE.test(denial?.code ?? error?.code ?? '');
};

const TRIES = 8;
const FIRST_PAUSE_MS = 250;

/** Asks until neither side was out, for half a minute at most (a warehouse that was out is left alone for as long); a leak would show again. */
async function settled(ask) {
  let answers = await ask();
  for (let tries = 0; answers.some(isOut) && tries < TRIES; tries++) {
    await pause(FIRST_PAUSE_MS * 2 ** Math.min(tries, 5));
    answers = await ask();
  }
  return answers;
}

const codeOf = ({ denial, error }) => denial?.code ?? error?.code;

/** Whether the two sides differ on a read; where `value.asks` says so, also on what explain and describe tell. */
async function readDifference(harness, value, { errorsOnly, pageRows }) {
  const { sql, isOrdered, as, told, object } = value;
  if (told === 'explain' || told === 'describe') {
    const ask = () => (told === 'explain' ? harness.explain(sql, as) : harness.describe(object, as));
    const [left, right] = await settled(ask);
    return { status: told, differs: withoutIds(left) !== withoutIds(right), left, right };
  }
  const [left, right] = await settled(() => harness.ask(sql, { as, pageRows }));
  const show = (answer) => (errorsOnly ? seenOfErrors(answer) : seen(answer, isOrdered));
  return { status: left.status, code: codeOf(left), differs: show(left) !== show(right), left, right };
}

const visible = (table) => Object.keys(TABLES[table]).filter((name) => !(HIDDEN[table] ?? []).includes(name));
/** Rows of CUSTOMERS outside of the EU are hidden whole. */
const inSight = (table) => (table === 'ANALYTICS.SALES.CUSTOMERS' ? " WHERE REGION = 'EU'" : '');
/** Columns that a principal reads under a mask, if at all. */
const DENIED = { 'ANALYTICS.SALES.PAYMENTS': ['CARD_NUMBER'] };

/** What the principal sees of a table: through the gateway, masks and all, and above all policies the cells that nothing hides. */
async function cells(harness, table, as) {
  const names = Object.keys(TABLES[table]).filter((name) => !(DENIED[table] ?? []).includes(name));
  const [asked, raw] = await Promise.all([
    settled(() => harness.ask(`SELECT ${names.join(', ')} FROM ${table}`, { as })),
    harness.rows(`SELECT ${visible(table).join(', ')} FROM ${table}${inSight(table)} ORDER BY ALL`),
  ]);
  return asked.map((answer, index) => JSON.stringify([seen(answer, false), raw[index]]));
}

/** Sends a change to both sides, looks at what each says and at what it leaves behind, and puts the table back. */
async function changeDifference(harness, value) {
  const { sql, target, as, isExplained, isApproved } = value;
  const found = [];
  const compare = (what, [left, right]) => {
    if (left !== right) found.push({ what, left, right });
  };
  if (isExplained) compare('explain', (await settled(() => harness.explain(sql, as))).map(withoutIds));
  let answers = await harness.ask(sql, { as });
  if (answers.some(isOut)) {
    await harness.restore(target);
    return { status: 'out', differs: false };
  }
  compare(
    'answer',
    answers.map((answer) => seen(answer, false)),
  );
  const [{ status }] = answers;
  const code = codeOf(answers[0]);
  const wait = answers.every((answer) => answer.status === 'approval_required');
  if (wait && isApproved) {
    answers = await harness.approve(answers, as);
    if (answers.some(isOut)) {
      await harness.restore(target);
      return { status: 'out', differs: false };
    }
    compare(
      'answer after approval',
      answers.map((answer) => seen(answer, false)),
    );
  } else if (wait) await harness.withdraw(answers, as);
  const hasRun = answers.some((answer) => answer.status === 'ok' || answer.status === 'error');
  const changed = hasRun ? await harness.changed(target) : [0, 0];
  if (changed.some((count) => count > 0)) {
    compare('cells afterwards', await cells(harness, target, as));
    if (isExplained) compare('describe', (await settled(() => harness.describe(target, as))).map(withoutIds));
    await harness.restore(target);
  }
  const [first] = found;
  return {
    status: wait && isApproved ? `approved ${answers[0].status}` : status,
    code,
    differs: first !== undefined,
    ...first,
  };
}

const difference = (harness, value, options = {}) =>
  value.target === undefined ? readDifference(harness, value, options) : changeDifference(harness, value);

/** The smallest statement that still differs, by leaving out ever shorter runs of its words and signs. */
export async function shrink(harness, value, options, tries = 120) {
  if (value.sql === undefined) return '';
  let tokens = lex(value.sql).map((token) => token.text);
  let left = tries;
  for (let size = Math.ceil(tokens.length / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at + size <= tokens.length && left > 0; ) {
      const fewer = [...tokens.slice(0, at), ...tokens.slice(at + size)];
      left--;
      const { differs } = await difference(harness, { ...value, sql: fewer.join(' ') }, options);
      if (differs) tokens = fewer;
      else at += size;
    }
  }
  return tokens.join(' ');
}

/** Runs statements, some at a time, until all are done or one differs. Changes run one after another: each has the tables to itself. */
export async function search(
  harness,
  statements,
  { errorsOnly = false, pageRows = undefined, atOnce = 16, stopAtFirst = false, onProgress = () => undefined } = {},
) {
  const result = { count: 0, statuses: {}, codes: {}, leaks: [] };
  const queue = statements[Symbol.iterator]();
  const worker = async () => {
    for (;;) {
      if (stopAtFirst && result.leaks.length > 0) return;
      const { value, done } = queue.next();
      if (done) return;
      const found = await difference(harness, value, { errorsOnly, pageRows });
      result.count++;
      result.statuses[found.status] = (result.statuses[found.status] ?? 0) + 1;
      if (found.code) result.codes[found.code] = (result.codes[found.code] ?? 0) + 1;
      if (found.differs) result.leaks.push({ ...value, ...found, at: result.count });
      if (result.count % 100 === 0) onProgress(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return result;
}
