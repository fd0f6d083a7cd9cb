/** What long approvals, and many of them, cost those who look, ask and decide: by bytes, rows and turns, whatever the machine. */
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Approval, Approvals, TooManyApprovals } from '../../dist/approval/index.js';
import { timeOrderedId } from '../../dist/transcript/index.js';
import { NO, questionOf, startApprovals, steward, textOf } from '../support/store/approvals.js';
import { actor, client, submitted } from '../transcript/fill.mjs';

const standing = {
  decision: 'approve',
  reason: undefined,
  standingMs: 3_600_000,
  standingUses: 50,
  via: 'console',
} as const;

const told: string[] = [];

const { store, approvals, admin, end } = await startApprovals((problem) => void told.push(problem));
const session = await store.sessions.find({ ...actor('bot') }, client, undefined);
afterAll(end);
beforeEach(async () => {
  vi.restoreAllMocks();
  told.length = 0;
  await admin.query('TRUNCATE standing_approval, approval_decision, approval CASCADE');
});

let count = 0;
/** Texts that no compression makes short. */
const long = (length: number): string =>
  Array.from({ length: Math.ceil(length / 32) }, () => crypto.randomUUID().replaceAll('-', '')).join('');

async function asking(
  by: Approvals,
  more: { length?: number; subject?: string; bounds?: { open: number; perHour: number } } = {},
) {
  const { length = 0, subject = 'bot', bounds = { open: 1000, perHour: 1000 } } = more;
  const sql = `DELETE FROM T WHERE ID = ${++count} AND S = '${long(length)}'`;
  const statementId = timeOrderedId();
  await store.recorder.append(submitted(session, statementId));
  return by.ask(
    questionOf(session, statementId, sql, {
      bounds,
      actor: { ...actor(subject), claims: {} },
      text: textOf(sql, JSON.stringify([sql])),
    }),
  );
}
async function asked(by: Approvals, more: Parameters<typeof asking>[1] = {}): Promise<Approval> {
  const answer = await asking(by, more);
  if (answer instanceof TooManyApprovals) throw new Error('too many');
  return answer.approval;
}

/** Bytes of whole rows that are asked for from now on. */
function bytesRead(): () => number {
  const { rows } = store;
  const found = rows.found.bind(rows);
  let bytes = 0;
  vi.spyOn(rows, 'found').mockImplementation(async (...parameters) => {
    const answer = await found(...parameters);
    for (const { text } of answer) bytes += text.length;
    return answer;
  });
  return () => bytes;
}
/** The queries that are sent outside of transactions from now on. */
function queriesSent(): (readonly [text: string, values: readonly unknown[]])[] {
  const sent: [string, readonly unknown[]][] = [];
  const query = store.pool.query.bind(store.pool) as (...parameters: unknown[]) => unknown;
  vi.spyOn(store.pool, 'query').mockImplementation((...parameters: unknown[]) => {
    const [text, values] = parameters;
    if (typeof text === 'string') sent.push([text, Array.isArray(values) ? values : []]);
    return query(...parameters);
  });
  return sent;
}
/** Blocks of the texts, which lie outside of the rows, that PostgreSQL touches for these: on one connection, whatever others have touched. */
async function textBlocksOf(
  queries: readonly (readonly [text: string, values: readonly unknown[]])[],
): Promise<number> {
  const connection = await admin.connect();
  try {
    await connection.query('BEGIN');
    const touched = async (): Promise<number> => {
      const { rows } = await connection.query<{ touched: string }>(
        `SELECT pg_stat_get_xact_blocks_fetched(reltoastrelid) AS touched FROM pg_class WHERE oid = 'approval'::regclass`,
      );
      return Number(rows[0]?.touched);
    };
    const before = await touched();
    for (const [text, values] of queries) await connection.query(text, [...values]);
    return (await touched()) - before;
  } finally {
    await connection.query('ROLLBACK');
    connection.release();
  }
}
interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}
/** Blocks of all kinds that PostgreSQL touches for one query. */
async function blocksOf([text, values]: readonly [string, readonly unknown[]]): Promise<number> {
  const { rows } = await admin.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    [...values],
  );
  const plan = rows[0]?.['QUERY PLAN'][0].Plan;
  return (plan?.['Shared Hit Blocks'] ?? Number.NaN) + (plan?.['Shared Read Blocks'] ?? Number.NaN);
}
const soon = (ms: number): Promise<'late'> => new Promise((resolve) => setTimeout(() => resolve('late'), ms));

const MEGABYTE = 1_000_000;

describe('long approvals', () => {
  it('are counted without being read again, and in parts where nobody has read them', async () => {
    for (let one = 0; one < 8; one++) await asked(approvals, { length: 250_000 });
    const fresh = new Approvals(store);
    const read = bytesRead();
    const first = await fresh.count('pending');
    expect(first.isMore).toBe(true);
    expect(first.count).toBeGreaterThan(0);
    expect(read()).toBeLessThan(10 * MEGABYTE);
    // Each look goes on where the last one stopped.
    let looks = 1;
    while ((await fresh.count('pending')).isMore && looks < 9) looks++;
    expect(looks).toBeLessThan(9);
    const all = read();
    const sent = queriesSent();
    expect(await fresh.count('pending')).toMatchObject({ count: 8, isMore: false });
    expect(await fresh.count(undefined)).toMatchObject({ count: 8, isMore: false });
    expect(read()).toBe(all);
    // Nor does PostgreSQL read them to know them again.
    expect(sent.length).toBeGreaterThan(2);
    expect(await textBlocksOf(sent)).toBe(0);
    // It would be seen.
    expect(await textBlocksOf([['SELECT length(sealed::text) FROM approval', []]])).toBeGreaterThan(0);
    // Whatever is changed is looked at anew.
    const [changed] = (await fresh.list({ limit: 1 })).approvals;
    await store.pool.query(`UPDATE approval SET client_id = 'other' WHERE id = $1`, [changed?.id]);
    expect(await fresh.count('pending')).toMatchObject({ count: 7, isMore: false });
    expect(told).toEqual([expect.stringContaining('was not written by snowfence')]);
    await store.pool.query(`UPDATE approval SET client_id = $2 WHERE id = $1`, [changed?.id, changed?.client_id]);
    expect(await fresh.count('pending')).toMatchObject({ count: 8, isMore: false });
  });

  it('cost whoever is at their bound a part of them at each try, and then nothing', async () => {
    const bounds = { open: 8, perHour: 100 };
    for (let one = 0; one < 8; one++) await asked(approvals, { length: 250_000, bounds });
    const fresh = new Approvals(store);
    const read = bytesRead();
    const tries: number[] = [];
    for (let one = 0; one < 10; one++) {
      const before = read();
      expect(await asking(fresh, { bounds })).toEqual(new TooManyApprovals(60));
      tries.push(read() - before);
    }
    expect(Math.max(...tries)).toBeLessThan(10 * MEGABYTE);
    expect(tries.slice(-3)).toEqual([0, 0, 0]);
    // Rows of nobody's count until they were read, and never after.
    const [one] = (await fresh.list({ limit: 1 })).approvals;
    if (!one) throw new Error('none');
    await store.pool.query(`UPDATE approval SET client_id = 'other' WHERE id = $1`, [one.id]);
    expect(await asking(fresh, { bounds })).not.toBeInstanceOf(TooManyApprovals);
  });
});

it('long approvals that hold for a while are shown page by page, each once', async () => {
  const given: string[] = [];
  for (let one = 0; one < 6; one++) {
    const approval = await asked(approvals, { length: 250_000 });
    await approvals.decide(approval.id, steward('ana'), standing);
    given.push(approval.id);
  }
  const read = bytesRead();
  const shown: string[] = [];
  let next: string | undefined;
  let pages = 0;
  do {
    const before = read();
    const page = await approvals.listStanding(next);
    expect(read() - before).toBeLessThan(10 * MEGABYTE);
    shown.push(...page.standing.map(({ approval_id: of }) => of));
    next = page.next;
    pages++;
  } while (next !== undefined && pages < 10);
  expect([...shown].sort()).toEqual([...given].sort());
  expect(pages).toBeGreaterThan(1);
  expect(await approvals.listStanding('nothing')).toEqual({ standing: [], next: undefined });
});

it('approvals of long ago cost nobody anything who looks at those of now', async () => {
  const newest = await asked(approvals);
  await admin.query('ALTER TABLE approval DISABLE TRIGGER approval_changed');
  await admin.query(
    `INSERT INTO approval SELECT (jsonb_populate_record(NULL::approval, to_jsonb(t) || jsonb_build_object('id', gen_random_uuid(),
       'digest', '\\x' || lpad(to_hex(g), 8, '0'), 'state', 'used', 'asked_at', now() - make_interval(mins => 100 + g)))).*
     FROM (SELECT * FROM approval) t, generate_series(1, 5000) g`,
  );
  await admin.query('ALTER TABLE approval ENABLE TRIGGER approval_changed');
  await admin.query('VACUUM ANALYZE approval');
  const sent = queriesSent();
  expect((await approvals.list({ state: 'pending' })).approvals.map(({ id }) => id)).toEqual([newest.id]);
  expect(await approvals.count('pending')).toMatchObject({ count: 1, isMore: false });
  expect(await asking(approvals, { bounds: { open: 1, perHour: 1 } })).toBeInstanceOf(TooManyApprovals);
  const looks = sent.filter(([text]) => /FROM approval t/.test(text));
  expect(looks.length).toBeGreaterThan(2);
  for (const look of looks) expect([look[0], await blocksOf(look)]).toEqual([look[0], expect.toSatisfy(isFew)]);
});
const isFew = (blocks: number): boolean => blocks < 50;

describe('places', () => {
  /** Nobody else gets at these until the answer is called. */
  async function held(of: readonly Approval[]): Promise<() => Promise<void>> {
    const connection = await admin.connect();
    await connection.query('BEGIN');
    await connection.query('SELECT FROM approval WHERE id = ANY($1) FOR UPDATE', [of.map(({ id }) => id)]);
    return async () => {
      await connection.query('ROLLBACK');
      connection.release();
    };
  }

  it('are the principal’s, whichever of its approvals it is about; a reviewer waits behind no agent', async () => {
    const of = async (subject: string) => [await asked(approvals, { subject }), await asked(approvals, { subject })];
    const [first, second, third] = [await of('one'), await of('two'), await asked(approvals, { subject: 'three' })];
    const letGo = await held(first);
    const slow = first.map(({ id }) => approvals.withdraw(id, undefined));
    // Another agent has the other place.
    const [swift] = second;
    if (!swift) throw new Error('none');
    expect(await Promise.race([approvals.withdraw(swift.id, undefined), soon(30_000)])).toBe(true);
    await letGo();
    expect(await Promise.all(slow)).toEqual([true, true]);
    // Two agents have all that there are.
    const again = [await asked(approvals, { subject: 'one' }), await asked(approvals, { subject: 'two' })];
    const letAllGo = await held(again);
    const both = again.map(({ id }) => approvals.withdraw(id, undefined));
    const decided = await Promise.race([approvals.decide(third.id, steward('ana'), NO), soon(30_000)]);
    expect(decided).toMatchObject({ state: 'denied' });
    await letAllGo();
    expect(await Promise.all(both)).toEqual([true, true]);
  });
});
