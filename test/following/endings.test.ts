/**
 * Every way that a statement can end, made once: whoever counts them by the record, by search, by what the console asks, by JSON lines, OCSF,
 * webhooks or metrics comes to the same numbers. Not among them: what could not be written down (RECORDER_UNAVAILABLE, RECORD_IN_DOUBT),
 * and what is turned away before it is judged, which the record has as a number.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Overview, storePool } from '../../dist/transcript/index.js';
import { cli, type QueryAnswer, query } from '../support/demo.js';
import { type Parts, pause, type StartedGateway, startGateway, startParts } from '../support/gateways/replicas.mjs';
import { Receiver } from '../support/outside/receiver.js';

const POLICY = `policy: all
principals: { groups: [all] }
snowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }
rules:
  - allow: [select]
    on: [ANALYTICS.SALES.*]
  - deny: [select]
    on: [ANALYTICS.HR.*]
  - approve: [delete]
    on: [ANALYTICS.SALES.ORDERS]
    by: { groups: [data-stewards], count: 1, within: 15m }
  - approve: [update]
    on: [ANALYTICS.SALES.ORDERS]
    by: { groups: [data-stewards], count: 1, within: 2s }
columns:
  - { match: [ANALYTICS.SALES.CUSTOMERS.EMAIL], mask: email }
  - { match: [ANALYTICS.SALES.PAYMENTS.CARD_NUMBER], mask: deny }
limits: { bytes_scanned_per_statement: 500GB }
`;
const HURRIED = `policy: hurried
principals: { groups: [hurried] }
snowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }
rules:
  - allow: [select]
    on: [ANALYTICS.SALES.*]
limits: { timeout: 1s, statements_per_hour: 2 }
record: { purpose: required }
`;
/** With connections of its own, of which one principal may have six. */
const CROWD = `policy: crowd
principals: { groups: [crowd] }
snowflake: { role: AGENT_SALES_RW, warehouse: CROWD_WH }
rules:
  - allow: [select]
    on: [ANALYTICS.SALES.*]
limits: { concurrent: 20 }
`;
const ITS_CONNECTIONS = 6;
const LATER =
  'policy: later\nprincipals: { groups: [later] }\nsnowflake: { role: LATER, warehouse: LATER }\nrules:\n  - deny: [select]\n    on: [A.B.C]\n';
const LONG = 'SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 1000000)) a, TABLE(GENERATOR(ROWCOUNT => 1000000)) b';

const PAGED = 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS ORDER BY 1';
const FILED = 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID < 2008 AND ORDER_ID > 2000';
type Linked = QueryAnswer & { readonly cursor: string; readonly download?: { readonly url: string } };

/** How many ended in each state. */
type Counts = Record<string, number>;
const counted = (states: readonly string[]): Counts => {
  const counts: Counts = {};
  for (const state of states.toSorted()) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
};

/** What an agent hears of a statement that ended so. */
const HEARD: Readonly<Record<string, string>> = { ok: 'ok', denied: 'denied', failed: 'error', cancelled: 'error' };

const NAMES = ['bot', 'hurried-bot', 'nobody', 'steward', 'crowd-bot'];
const secret = randomBytes(32);
let folder: string;
let parts: Parts;
let gateway: StartedGateway;
let receiver: Receiver;
/** What the gateways that were killed had counted. */
const before: Counts[] = [];
/** By each statement's id how it has to have ended. */
const ended = new Map<string, string>();
/** Those that were only explained: they have no end, and are in none of the counts. */
const explained: string[] = [];

const tokenOf = (name: string): string => parts.tokens[NAMES.indexOf(name)] ?? '';
const here = (): string[] => ['--config', parts.configurations[0] ?? ''];
const url = (): string => parts.urls[0] ?? '';

async function agent(name: string): Promise<Client> {
  const client = new Client({ name: 'endings', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url()), { authProvider: { token: async () => tokenOf(name) } }),
  );
  return client;
}

/** `snowfence_statements_ended_total`, by state. */
async function metered(): Promise<Counts> {
  const text = await (await fetch(new URL('/metrics', url()))).text();
  expect(text).toMatch(/^# HELP snowfence_statements_ended_total .*command line/m);
  return Object.fromEntries(
    [...text.matchAll(/^snowfence_statements_ended_total\{state="(\w+)"\} (\d+)$/gm)].map(([, state, count]) => [
      state,
      Number(count),
    ]),
  );
}

async function answered(bot: Client, id: string | undefined, more: object = {}): Promise<QueryAnswer> {
  const { structuredContent } = await bot.callTool({ name: 'approval', arguments: { id, ...more } });
  return structuredContent as unknown as QueryAnswer;
}

/** Sends it and gives it up; how it is found again. */
async function givenUp(bot: Client, sql: string): Promise<void> {
  const controller = new AbortController();
  const call = bot.callTool({ name: 'query', arguments: { sql } }, { signal: controller.signal });
  call.catch(() => undefined);
  await pause(1500);
  controller.abort();
}

const idOf = async (sql: string): Promise<string> => {
  const admin = storePool(parts.postgres.url, 30_000, 1);
  try {
    for (const until = Date.now() + 30_000; Date.now() < until; await pause(100)) {
      const { rows } = await admin.query<{ id: string }>('SELECT id FROM statement WHERE text = $1', [sql]);
      if (rows[0]) return rows[0].id;
    }
  } finally {
    await admin.end();
  }
  throw new Error(`${sql} never came.`);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-endings-'));
  await writeFile(join(folder, 'all.yaml'), POLICY);
  await writeFile(join(folder, 'hurried.yaml'), HURRIED);
  await writeFile(join(folder, 'crowd.yaml'), CROWD);
  receiver = await Receiver.start(secret);
  const secretFile = join(folder, 'webhook-secret');
  await writeFile(secretFile, `whsec_${secret.toString('base64')}`);
  parts = await startParts({
    agents: [
      { name: 'bot', groups: ['all'] },
      { name: 'hurried-bot', groups: ['hurried'] },
      { name: 'nobody', groups: [] },
      { name: 'steward', groups: ['data-stewards'] },
      { name: 'crowd-bot', groups: ['crowd'] },
    ],
    policies: folder,
    webhooks: [{ name: 'siem', url: receiver.url, secret_file: secretFile }],
  });
  gateway = await startGateway(parts.configurations[0] ?? '', url());
  await makeAll();
}, 240_000);

afterAll(async () => {
  gateway.child.kill('SIGTERM');
  await gateway.ended;
  await parts.end();
  await receiver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function makeAll(): Promise<void> {
  const [bot, hurried, nobody] = await Promise.all([agent('bot'), agent('hurried-bot'), agent('nobody')]);
  const ask: Ask = async (state, client, sql, code, more = {}) => {
    const answer = await query(client, sql, more);
    expect([sql, answer.denial?.code ?? answer.error?.code]).toEqual([sql, code]);
    // What the agent hears is what the record says: denied is what has not run.
    if (answer.status !== 'approval_required') expect([sql, answer.status]).toEqual([sql, HEARD[state]]);
    ended.set(answer.statement_id, state);
    return answer;
  };
  await ask('ok', bot, 'SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS');
  await ask('ok', bot, 'SELECT EMAIL FROM ANALYTICS.SALES.CUSTOMERS LIMIT 1');
  // A page, and fifty rows more; and as a file.
  const { cursor } = await ask('ok', bot, PAGED);
  await bot.callTool({ name: 'fetch', arguments: { cursor, max_rows: 50 } });
  const { download } = (await ask('ok', bot, FILED, undefined, { format: 'csv' })) as Linked;
  const file = await fetch(download?.url ?? '', { headers: { authorization: `Bearer ${tokenOf('bot')}` } });
  expect((await file.text()).trim().split('\n')).toHaveLength(8);
  await ask('denied', bot, 'SELEC 1', 'NOT_UNDERSTOOD');
  await ask('denied', bot, 'DROP TABLE ANALYTICS.SALES.ORDERS', 'KIND_DENIED');
  await ask('denied', bot, 'SELECT * FROM ANALYTICS.HR.SALARIES', 'OBJECT_DENIED');
  await ask('denied', bot, 'SELECT CARD_NUMBER FROM ANALYTICS.SALES.PAYMENTS', 'COLUMN_DENIED');
  await ask('denied', bot, 'SELECT SYSTEM$WAIT(1)', 'FUNCTION_DENIED');
  await ask('denied', bot, 'SELECT 1; SELECT 2', 'MULTIPLE_STATEMENTS');
  await ask('denied', nobody, 'SELECT 1', 'NO_POLICY');
  await ask('denied', hurried, 'SELECT 1', 'PURPOSE_REQUIRED');
  for (const sql of [
    'DROP TABLE ANALYTICS.SALES.EXPLAINED',
    'SELECT * FROM ANALYTICS.HR.EXPLAINED',
    'SELEC EXPLAINED',
    'SELECT 1 AS EXPLAINED',
  ]) {
    const { structuredContent } = await bot.callTool({ name: 'explain', arguments: { sql } });
    const { verdict, statement_id: id } = structuredContent as { verdict: string; statement_id: string };
    expect([sql, verdict]).toEqual([sql, sql.endsWith('AS EXPLAINED') ? 'allow' : 'deny']);
    explained.push(id);
  }
  await ask('failed', bot, 'SELECT 1 / (ORDER_ID - ORDER_ID) FROM ANALYTICS.SALES.ORDERS', '100051');
  const why = { purpose: 'To end.' };
  // Its policy's time is over, which the warehouse holds itself; then the hour's two are used up.
  await ask('failed', hurried, LONG, '000630', why);
  await ask('ok', hurried, 'SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS', undefined, why);
  await ask('denied', hurried, 'SELECT COUNT(*) FROM ANALYTICS.SALES.CUSTOMERS', 'LIMIT_REACHED', why);
  // By its client.
  const cancelled = LONG.replace('COUNT(*)', 'COUNT(*) AS GIVEN_UP');
  await givenUp(bot, cancelled);
  ended.set(await idOf(cancelled), 'cancelled');
  // By people, and by nobody.
  const change = (order: number): string => `DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${order}`;
  const approved = await ask('ok', bot, change(2001));
  await cli(['approvals', 'approve', approved.approval?.id ?? '', ...here()], tokenOf('steward'));
  expect((await answered(bot, approved.approval?.id)).status).toBe('ok');
  const denied = await ask('denied', bot, change(2002));
  await cli(['approvals', 'deny', denied.approval?.id ?? '', ...here()], tokenOf('steward'));
  expect((await answered(bot, denied.approval?.id)).denial?.code).toBe('APPROVAL_DENIED');
  const withdrawn = await ask('cancelled', bot, change(2003));
  await answered(bot, withdrawn.approval?.id, { withdraw: true });
  const expired = await ask('denied', bot, "UPDATE ANALYTICS.SALES.ORDERS SET STATUS = 'x' WHERE ORDER_ID = 2004");
  for (const until = Date.now() + 60_000; Date.now() < until; await pause(500))
    if ((await answered(bot, expired.approval?.id)).denial?.code === 'APPROVAL_EXPIRED') break;
  const asked = await ask('open', bot, change(2005));
  const gauges = await (await fetch(new URL('/metrics', url()))).text();
  expect(gauges).toMatch(/^snowfence_approvals_open\{state="pending"\} 1$/m);
  expect(gauges).toMatch(/^snowfence_approvals_open\{state="approved"\} 0$/m);
  expect(gauges).toMatch(/^snowfence_approvals_oldest_seconds\{state="pending"\} \d/m);
  expect(gauges).not.toMatch(/^snowfence_approvals_oldest_seconds\{state="approved"\}/m);
  expect((await query(bot, change(2005))).statement_id).toBe(asked.statement_id);
  await overtake(ask);
  // A yes, and then the warehouse is away while its bytes are weighed once more.
  const unreached = await ask('denied', bot, change(2006));
  await cli(['approvals', 'approve', unreached.approval?.id ?? '', ...here()], tokenOf('steward'));
  // The warehouse is away, while it is judged and when it should run; then it does not let the gateway in.
  await parts.warehouse.stop();
  expect(await answered(bot, unreached.approval?.id)).toMatchObject({
    status: 'denied',
    denial: { code: 'WAREHOUSE_UNAVAILABLE', hint: expect.stringContaining('used up') },
  });
  expect(await answered(bot, unreached.approval?.id)).toMatchObject({
    status: 'denied',
    denial: {
      code: 'APPROVAL_EXPIRED',
      message: expect.stringContaining('was refused all the same (WAREHOUSE_UNAVAILABLE)'),
    },
    approval_ended: { state: 'used', outcome: { state: 'refused', query_id: null } },
  });
  await ask('denied', bot, 'SELECT COUNT(*) FROM ANALYTICS.SALES.SHIPMENTS', 'WAREHOUSE_UNAVAILABLE');
  await ask('failed', bot, 'SELECT 1', 'WAREHOUSE_UNAVAILABLE');
  const away = await fetch(new URL('/readyz', url()));
  expect([away.status, await away.json()]).toEqual([200, expect.objectContaining({ warehouse: 'unreachable' })]);
  expect(await (await fetch(new URL('/metrics', url()))).text()).toMatch(/^snowfence_warehouse_reachable 0$/m);
  await parts.warehouse.start('of-somebody-else');
  await ask('denied', bot, 'SELECT COUNT(*) FROM ANALYTICS.SALES.REFUNDS', 'MISCONFIGURED');
  await parts.warehouse.stop();
  await parts.warehouse.start();
  // Its gateway is killed while it runs, and the warehouse's history tells how it went; or has been forgotten.
  for (const [name, meanwhile] of [
    ['LOST', async () => undefined],
    ['FORGOTTEN', () => parts.warehouse.stop().then(() => parts.warehouse.start())],
  ] as const) {
    await lose(`${LONG.replaceAll('1000000', '200000').replace('COUNT(*)', `COUNT(*) AS ${name}`)}`, meanwhile);
  }
}

type Ask = (
  state: string,
  client: Client,
  sql: string,
  code?: string,
  more?: Record<string, unknown>,
) => Promise<QueryAnswer>;

/** One waits for a connection while the rules become others. */
async function overtake(ask: Ask): Promise<void> {
  const crowd = await agent('crowd-bot');
  const holding = Array.from({ length: ITS_CONNECTIONS }, (_, at) =>
    LONG.replace('COUNT(*)', `COUNT(*) AS HELD_${at}`),
  );
  const controller = new AbortController();
  for (const sql of holding)
    crowd.callTool({ name: 'query', arguments: { sql } }, { signal: controller.signal }).catch(() => undefined);
  for (const sql of holding) ended.set(await idOf(sql), 'cancelled');
  const sql = 'SELECT COUNT(*) AS OVERTAKEN FROM ANALYTICS.SALES.ORDERS';
  const waiting = ask('denied', crowd, sql, 'NOT_VERIFIED');
  await idOf(sql);
  await writeFile(join(folder, 'later.yaml'), LATER);
  for (const until = Date.now() + 30_000; !gateway.words().includes('policies reloaded'); await pause(100))
    expect(Date.now()).toBeLessThan(until);
  controller.abort();
  await waiting;
}

async function lose(sql: string, meanwhile: () => Promise<unknown>): Promise<void> {
  const bot = await agent('bot');
  bot.callTool({ name: 'query', arguments: { sql } }).catch(() => undefined);
  const lostId = await idOf(sql);
  await pause(500);
  before.push(await metered());
  gateway.child.kill('SIGKILL');
  await gateway.ended;
  await meanwhile();
  gateway = await startGateway(parts.configurations[0] ?? '', url());
  const admin = storePool(parts.postgres.url, 30_000, 1);
  for (const until = Date.now() + 90_000; Date.now() < until; await pause(500)) {
    const { rows } = await admin.query<{ state: string }>('SELECT state FROM outcome WHERE id = $1', [lostId]);
    if (!rows[0]) continue;
    ended.set(lostId, rows[0].state);
    break;
  }
  await admin.end();
}

interface Line {
  readonly type: string;
  readonly kind: string;
  readonly statement: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What an event says of an end, by docs/recording.md alone. */
function endIn({ kind, body }: Pick<Line, 'kind' | 'body'>): string | undefined {
  const states: Readonly<Record<string, string>> = {
    statement_completed: 'ok',
    statement_failed: 'failed',
    statement_cancelled: 'cancelled',
    statement_refused: 'denied',
    approval_expired: 'denied',
    approval_withdrawn: 'cancelled',
  };
  if (kind === 'statement_settled') return String(body['state']);
  if (kind === 'approval_decided') return body['state'] === 'denied' ? 'denied' : undefined;
  return states[kind];
}

const wanted = (): Counts => counted([...ended.values()].filter((state) => state !== 'open'));

describe('the ends of statements', () => {
  it('are all there: one killed with its gateway as well', () => {
    const { ok = 0, failed = 0, ...others } = wanted();
    expect(others).toEqual({ denied: 15, cancelled: 2 + ITS_CONNECTIONS, unknown: 1 });
    // How the one went whose gateway was killed is the warehouse's to say.
    expect([ok + failed, ended.size]).toEqual([10, 35]);
  });

  it('are the same by search', async () => {
    for (const state of ['ok', 'denied', 'failed', 'cancelled', 'unknown', 'open']) {
      const { out } = await cli(['sessions', 'search', `state:${state}`, '--json', '--limit', '200', ...here()]);
      const { statements } = JSON.parse(out) as { statements: { id: string }[] };
      const ids = [...ended].flatMap(([id, as]) => (as === state ? [id] : []));
      expect([state, statements.map(({ id }) => id).toSorted()]).toEqual([state, ids.toSorted()]);
    }
  });

  it('are none of what was only explained, which is found as that', async () => {
    for (const terms of [['state:explained'], ['is:explain'], ['"EXPLAINED"', '--', '-state:open']]) {
      const { out } = await cli(['sessions', 'search', '--json', '--limit', '200', ...here(), ...terms]);
      const { statements, sums } = JSON.parse(out) as { statements: { id: string }[]; sums: { refused: number } };
      expect([terms, statements.map(({ id }) => id).toSorted()]).toEqual([terms, explained.toSorted()]);
      expect(sums.refused).toBe(0);
    }
  });

  it('are found by what they name, also where they were refused before anybody looked', async () => {
    const found = async (terms: string): Promise<string[]> => {
      const { out } = await cli(['sessions', 'search', terms, '--json', '--limit', '200', ...here()]);
      return (JSON.parse(out) as { statements: { text: string }[] }).statements.map(({ text }) => text);
    };
    expect(await found('table:ORDERS kind:drop')).toEqual(['DROP TABLE ANALYTICS.SALES.ORDERS']);
    expect(await found('table:SALARIES')).toEqual(['SELECT * FROM ANALYTICS.HR.SALARIES']);
    // The warehouse was away, so that nobody could look.
    expect(await found('table:SALES.SHIPMENTS code:WAREHOUSE_UNAVAILABLE')).toHaveLength(1);
    expect(await found('table:REFUNDS code:MISCONFIGURED')).toHaveLength(1);
  });

  it('are the same by what the console asks', async () => {
    const pool = storePool(parts.postgres.url, 30_000, 1);
    const overview = new Overview(pool);
    const hour = new Date(Date.now() - 3_600_000);
    const statements = await overview.newest(hour, 200);
    const verdicts = await overview.verdicts(hour, 60);
    await pool.end();
    expect(
      counted(statements.map(({ state, is_explained: isExplained }) => state ?? (isExplained ? 'explained' : 'open'))),
    ).toEqual({ ...wanted(), explained: explained.length, open: 1 });
    expect(verdicts.reduce((sum, each) => sum + each.statements, 0)).toBe(ended.size);
    // What nobody decided on in time is told apart where each is listed.
    expect(
      statements.flatMap(({ text, approval_end: end }) => (end === null ? [] : [[text.slice(0, 6), end]])),
    ).toEqual([
      ['UPDATE', 'expired'],
      ['DELETE', 'withdrawn'],
      ['DELETE', 'denied'],
    ]);
    const denied = verdicts.filter(({ verdict }) => verdict === 'denied');
    expect(denied.reduce((sum, each) => sum + each.statements, 0)).toBe(wanted()['denied']);
  });

  it('are refused as often by whatever counts that', async () => {
    const refused = wanted()['denied'] ?? 0;
    const json = async (...args: string[]): Promise<unknown> =>
      JSON.parse((await cli([...args, '--json', ...here()])).out);
    const sumOf = (all: readonly { readonly refused: number }[]): number =>
      all.reduce((sum, one) => sum + one.refused, 0);
    const { sums, statements } = (await json('sessions', 'search', 'verdict:denied', '--limit', '200')) as {
      sums: { refused: number };
      statements: { id: string }[];
    };
    const pool = storePool(parts.postgres.url, 30_000, 1);
    const overview = new Overview(pool);
    const since = new Date(Date.now() - 3_600_000);
    const codes = await Promise.all(
      NAMES.map((subject) => overview.habits({ issuer: parts.issuer, subject }, since).then(({ refused: of }) => of)),
    );
    const [live, agents] = [await overview.live(since), await overview.agents(since, since)];
    await pool.end();
    expect({
      search: statements.length,
      sums: sums.refused,
      sessions: sumOf((await json('sessions', 'list')) as { refused: number }[]),
      live: sumOf(live),
      agents: sumOf(agents),
      codes: codes.flat().reduce((sum, { count }) => sum + count, 0),
    }).toEqual({
      search: refused,
      sums: refused,
      sessions: refused,
      live: refused,
      agents: refused,
      codes: refused,
    });
    expect(codes.flat().map(({ name }) => name)).toEqual(
      expect.arrayContaining(['APPROVAL_DENIED', 'APPROVAL_EXPIRED']),
    );
  });

  it('have their rows summed with those of later pages and files', async () => {
    const found = async (sql: string) => {
      const id = await idOf(sql);
      const { out } = await cli(['sessions', 'search', `statement:${id}`, '--json', ...here()]);
      const { statements, sums } = JSON.parse(out) as {
        statements: { rows: number; rows_later: number; session_id: string }[];
        sums: object;
      };
      return { ...statements[0], sums };
    };
    expect(await found(PAGED)).toMatchObject({ rows: 100, rows_later: 50, sums: { rows: 150, rows_later: 50 } });
    const filed = await found(FILED);
    expect(filed).toMatchObject({ rows: 0, rows_later: 7, sums: { rows: 7, rows_later: 7 } });
    const shown = await cli(['sessions', 'show', filed.session_id ?? '', ...here()]);
    expect(shown.out).toMatch(
      /In all: \d+ statements; \d+ refused; \d+ rows answered \(57 of them by later pages and files\), \d+ bytes/,
    );
    const table = await cli(['sessions', 'search', 'agent:bot state:ok kind:select', ...here()]);
    expect(table.out).toMatch(/ 100 \+50 /);
    expect(table.out).toMatch(/^Together: .*\(57 of them by later pages and files\)/m);
    const pool = storePool(parts.postgres.url, 30_000, 1);
    const [bot] = (await new Overview(pool).bytesByAgent(new Date(Date.now() - 3_600_000))).filter(
      ({ agent: name }) => name === 'bot',
    );
    await pool.end();
    expect(bot?.rows).toBeGreaterThanOrEqual(157);
  });

  it('are searched with a word on what stands nowhere', async () => {
    const said = async (terms: string) =>
      (await cli(['sessions', 'search', terms, ...here()])).out.trim().replaceAll(/\s+/g, ' ');
    expect(await said('agent:nobdy')).toMatch(
      /Nothing found\. No statement has agent:nobdy\. There are, among the newest: agent:bot/,
    );
    expect(await said('code:NOPE')).toContain('code:kind_denied');
    expect(await said('kind:selct table:ORDRS')).toMatch(
      /No statement has kind:selct\. .*kind:select.* No statement has table:ORDRS\./,
    );
    expect(await said('prompt:unheard')).toContain('A prompt that no statement followed is found by no search');
    // There is such a one: that it ended otherwise is no typo.
    expect(await said('agent:nobody state:ok')).toBe('Nothing found.');
    const wrong = await cli(['sessions', 'search', 'is:explaned', ...here()]);
    expect([wrong.code, wrong.said.replaceAll(/\s+/g, ' ')]).toEqual([
      2,
      expect.stringContaining('is:explain, is:reported, is:cut, is:unsearched'),
    ]);
  });

  it('are named by what came of them, where others stand in between', async () => {
    const list = JSON.parse((await cli(['sessions', 'list', '--agent', 'crowd-bot', '--json', ...here()])).out) as {
      id: string;
    }[];
    const shown = (await cli(['sessions', 'show', list[0]?.id ?? '', ...here()])).out;
    expect(shown).toMatch(/stopped .* of: SELECT COUNT\(\*\) AS HELD_\d/);
  });

  it('are told apart where several that begin alike are under way at once', async () => {
    const bot = await agent('bot');
    const orders = [2021, 2022, 2023, 2024];
    const asked = await Promise.all(
      orders.map((order) => query(bot, `DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${order}`)),
    );
    for (const { approval } of asked) await answered(bot, approval?.id, { withdraw: true });
    await bot.close();
    for (const { statement_id: id } of asked) ended.set(id, 'cancelled');
    const shown = (await cli(['sessions', 'show', asked[0]?.session ?? '', ...here()])).out;
    for (const order of orders)
      expect(shown).toMatch(new RegExp(`withdrawn.*of: DELETE FROM ANALYTICS.SALES.ORDERS WHERE.*\\b${order}\\b`));
  });

  it('are searched by quoted names, and with words on terms that say nothing', async () => {
    const search = async (...terms: string[]) => cli(['sessions', 'search', ...here(), '--json', ...terms]);
    for (const name of ['"ANALYTICS"."HR"."SALARIES"', 'ANALYTICS."HR".SALARIES', '"HR"."SALARIES"']) {
      const { statements } = JSON.parse((await search(`table:${name} code:OBJECT_DENIED -is:explain`)).out) as {
        statements: { text: string }[];
      };
      expect([name, statements.map(({ text }) => text)]).toEqual([name, ['SELECT * FROM ANALYTICS.HR.SALARIES']]);
    }
    for (const key of ['agent', 'table', 'code', 'prompt', 'state', 'is']) {
      const { code, said } = await search(`${key}:`);
      expect([key, code, said.replaceAll(/\s+/g, ' ')]).toEqual([
        key,
        2,
        expect.stringContaining(`Nothing stands after ${key}:.`),
      ]);
    }
    const minus = await search('-is:explain', 'agent:bot');
    expect([minus.code, minus.said.replaceAll(/\s+/g, ' ')]).toEqual([
      2,
      expect.stringContaining('sessions search -- -is:explain'),
    ]);
    expect((await search('--', '-is:explain', 'agent:bot')).code).toBe(0);
    const typo = await search('--limt', '3', 'agent:bot');
    expect([typo.code, typo.said.includes('behind --')]).toEqual([2, false]);
  });

  it('tell a person’s no, nobody’s word in time and a withdrawal apart in lists on the command line', async () => {
    const { out } = await cli(['sessions', 'search', 'verdict:asked', ...here()]);
    for (const [text, state] of [
      ['ORDER_ID = 2002', 'denied by a person'],
      ['ORDER_ID = 2003', 'withdrawn'],
      ['UPDATE ANALYTICS', 'expired'],
    ] as const)
      expect(out.split('\n').find((line) => line.includes(text))).toContain(` ${state} `);
  });

  it('are the same by lines of JSON, and by OCSF', async () => {
    const lines = (await cli(['sessions', 'export', ...here()])).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(counted(lines.flatMap((line) => (line.type === 'event' ? (endIn(line) ?? []) : [])))).toEqual(wanted());
    const ocsf = (await cli(['sessions', 'export', '--format', 'ocsf', ...here()])).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { action: string; message: string; unmapped: { statement_id: string } });
    const ids = [...ended].flatMap(([id, state]) => (state === 'open' ? [] : [id]));
    // The file that was given out has one of its own.
    const looks = ocsf.filter(({ action }) => action === 'Explained');
    expect(looks.map(({ unmapped }) => unmapped.statement_id).toSorted()).toEqual(explained.toSorted());
    const own = ocsf.filter((event) => !looks.includes(event) && !event.message.includes('downloaded'));
    expect([own.length, ocsf.length]).toEqual([ids.length, ids.length + 1 + looks.length]);
    expect(own.map(({ unmapped }) => unmapped.statement_id).toSorted()).toEqual(ids.toSorted());
    expect(own.filter(({ action }) => action === 'Denied')).toHaveLength(wanted()['denied'] ?? 0);
  });

  it('are the same by a webhook', async () => {
    const states = (): string[] =>
      receiver.received.flatMap(({ payload: { data } }) => endIn(data as unknown as Line) ?? []);
    const all = Object.values(wanted()).reduce((sum, count) => sum + count, 0);
    for (const until = Date.now() + 90_000; states().length < all && Date.now() < until; ) await pause(200);
    expect(counted(states())).toEqual(wanted());
    expect(receiver.problems).toEqual([]);
  }, 120_000);

  it('are the same by metrics, of both gateways and the command line together', async () => {
    const sum = await metered();
    // A no on the command line is written down by that process, which nobody asks for metrics.
    sum['denied'] = (sum['denied'] ?? 0) + 1;
    for (const counts of before)
      for (const [state, count] of Object.entries(counts)) sum[state] = (sum[state] ?? 0) + count;
    expect(sum).toEqual(wanted());
  });

  it('have rows that metrics count as a search does: answered, not changed', async () => {
    const total = async () =>
      Number(/^snowfence_rows_total (\d+)$/m.exec(await (await fetch(new URL('/metrics', url()))).text())?.[1]);
    const [bot, first] = [await agent('bot'), await total()];
    const change = await query(bot, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID BETWEEN 2011 AND 2019');
    await cli(['approvals', 'approve', change.approval?.id ?? '', ...here()], tokenOf('steward'));
    expect((await answered(bot, change.approval?.id)).status).toBe('ok');
    const page = await query(bot, 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS ORDER BY ORDER_ID', { max_rows: 5 });
    await bot.callTool({ name: 'fetch', arguments: { cursor: page.cursor, max_rows: 3 } });
    await bot.callTool({ name: 'fetch', arguments: { cursor: page.cursor, row: 1, column: 1 } });
    const ids = [change, page].map(({ statement_id: id }) => id);
    const sums = await Promise.all(
      ids.map(
        async (id) =>
          (
            JSON.parse((await cli(['sessions', 'search', `statement:${id}`, '--json', ...here()])).out) as {
              sums: { rows: number; rows_changed: number };
            }
          ).sums,
      ),
    );
    expect(sums).toMatchObject([
      { rows: 0, rows_changed: 9 },
      { rows: 8, rows_changed: 0 },
    ]);
    expect((await total()) - first).toBe(8);
    await bot.close();
  });
});
