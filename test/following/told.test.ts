/**
 * What people and agents are told of a statement that waits, from the outside: in chats, by webhooks and on the command line. What is known
 * stands first, and what the agent wrote last, as the agent's; nobody is said to have been told who was not.
 */
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, type QueryAnswer } from '../support/demo.js';
import { startGateway, startParts } from '../support/gateways/replicas.mjs';
import { type Received, Receiver } from '../support/outside/receiver.js';

const POLICIES = fileURLToPath(new URL('../acceptance/policies', import.meta.url));
const ORDERS = 'ANALYTICS.SALES.ORDERS';
/** Nothing here changes it. */
const ITEMS = 'ANALYTICS.SALES.ORDER_ITEMS';
const HOSTILE = `APPROVED by the CISO. ${String.fromCodePoint(0x202e)}Touches 0 rows\nTouches        0 rows`;
const SHOWN = 'APPROVED by the CISO. ⟨U+202E⟩Touches 0 rows⟨U+000A⟩Touches        0 rows';
const MOMENT = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/;

const secret = randomBytes(32);
const receivers: Record<'slack' | 'teams' | 'programs' | 'gone', Receiver> = {} as never;
let parts: Awaited<ReturnType<typeof startParts>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let pipeline: Client;
const key = join(tmpdir(), `snowfence-told-${process.pid}`);

beforeAll(async () => {
  for (const name of ['slack', 'teams', 'programs', 'gone'] as const) receivers[name] = await Receiver.start(secret);
  // Whoever answers nothing but errors was not told.
  receivers.gone.answers.push(...Array.from({ length: 1000 }, () => 500));
  await writeFile(key, `whsec_${secret.toString('base64')}`, { mode: 0o600 });
  parts = await startParts({
    agents: [
      { name: 'pipeline-bot', groups: ['pipeline-agents'] },
      { name: 'steward', groups: ['data-stewards'] },
    ],
    policies: POLICIES,
    webhooks: [
      { name: 'chat', format: 'slack', url: receivers.slack.url },
      { name: 'rooms', format: 'teams', url: receivers.teams.url },
      { name: 'programs', url: receivers.programs.url, secret_file: key },
      { name: 'gone', format: 'slack', url: receivers.gone.url },
      { name: 'siem', url: receivers.programs.url, secret_file: key, events: ['statement_refused'] },
    ],
  });
  gateway = await startGateway(parts.configurations[0] ?? '', parts.urls[0] ?? '');
  pipeline = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await pipeline.connect(
    new StreamableHTTPClientTransport(new URL(parts.urls[0] ?? ''), {
      authProvider: { token: async () => parts.tokens[0] },
    }),
  );
});
afterAll(async () => {
  await pipeline.close();
  gateway.child.kill('SIGKILL');
  await gateway.ended;
  await parts.end();
  for (const receiver of Object.values(receivers)) await receiver[Symbol.asyncDispose]();
  await rm(key);
});

interface Heard {
  readonly text: string;
  readonly answer: QueryAnswer;
}
async function call(name: string, input: Record<string, unknown>, meta?: Record<string, unknown>): Promise<Heard> {
  const { content, structuredContent } = await pipeline.callTool({
    name,
    arguments: input,
    ...(meta ? { _meta: meta } : {}),
  });
  const [first] = content as readonly { readonly text: string }[];
  return { text: first?.text ?? '', answer: structuredContent as unknown as QueryAnswer };
}
const ask = async (
  sql: string,
  purpose = HOSTILE,
  meta?: Record<string, unknown>,
): Promise<Heard & { readonly id: string }> => {
  const heard = await call('query', { sql, purpose }, meta);
  return { ...heard, id: heard.answer.approval?.id ?? '' };
};
const approvals = async (...args: string[]): Promise<string> => {
  const { code, said } = await cli(['approvals', ...args, '--config', parts.configurations[0] ?? ''], parts.tokens[1]);
  expect(code, said).toBe(0);
  return said;
};

/** All that a message says, from top to bottom. */
function* textsIn(node: unknown): Generator<string> {
  if (Array.isArray(node)) for (const item of node) yield* textsIn(item);
  else if (typeof node === 'object' && node !== null)
    for (const [key, value] of Object.entries(node)) {
      if (key === 'text' && typeof value === 'string') yield value;
      else if (key !== 'url') yield* textsIn(value);
    }
}
const wordsOf = ({ body }: Received): string => [...textsIn(JSON.parse(body))].join('\n');
/** The message of an approval that has these words. */
async function messageOf(receiver: Receiver, id: string, words: string): Promise<string> {
  const found = (): string | undefined =>
    receiver.received
      .filter(({ body }) => body.includes(id))
      .map(wordsOf)
      .find((text) => text.includes(words));
  await expect.poll(found, { timeout: 60_000 }).toBeDefined();
  return found() ?? '';
}
/** Each behind the one before it. */
function expectInOrder(text: string, ...words: readonly string[]): void {
  let from = 0;
  for (const word of words) {
    const at = text.indexOf(word, from);
    expect(at, `${word} does not stand there in: ${text}`).toBeGreaterThanOrEqual(from);
    from = at + word.length;
  }
}

describe.each(['slack', 'teams'] as const)('a message in %s', (form) => {
  it('has what is known before what the agent wrote, and the whole table stand out', async () => {
    const { id } = await ask(`UPDATE ${ITEMS} SET QUANTITY = ${form.length}, UNIT_PRICE = 1`);
    const text = await messageOf(receivers[form], id, 'waits for approval');
    expectInOrder(
      text,
      `UPDATE on EVERY ROW of ${ITEMS} waits for approval`,
      'The whole table: no condition of this UPDATE',
      `UPDATE ${ITEMS} SET QUANTITY = ${form.length}`,
      'As sent to Snowflake',
      'Touches',
      '18,000 rows; the table has 18,000',
      'Writes',
      `${ITEMS}: QUANTITY, UNIT_PRICE`,
      '1 of data-stewards (0 so far)',
      'Open until',
      'pipeline-bot wrote, and nobody checked',
      SHOWN,
    );
    expect(text).toMatch(MOMENT);
    expect(text).not.toMatch(/\d{4}-\d\d-\d\dT/);
  });

  it('tells columns that are read, and why rows are not counted', async () => {
    const { id } = await ask(
      `UPDATE ${ORDERS} SET STATUS = '${form}' FROM ANALYTICS.SALES.CUSTOMERS C WHERE C.CUSTOMER_ID = ${ORDERS}.CUSTOMER_ID`,
    );
    const text = await messageOf(receivers[form], id, 'waits for approval');
    expect(text).toContain('not counted, because no one query tells');
    expectInOrder(text, 'Writes', `${ORDERS}: STATUS`, 'Reads', 'CUSTOMER_ID');
  });

  it('tells what came of a decision: how it ended, rows, query id', async () => {
    const [from, to] = form === 'slack' ? [2000, 2003] : [2010, 2013];
    const { id } = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID BETWEEN ${from} AND ${to}`);
    await approvals('approve', id, '--reason', 'Finance agrees.');
    const { answer } = await call('approval', { id });
    expect(answer).toMatchObject({ status: 'ok', rows: [[4]] });
    expect(await messageOf(receivers[form], id, 'was decided on')).toMatch(
      /steward said yes, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: Finance agrees\./,
    );
    expect(await messageOf(receivers[form], id, 'has run')).toContain(
      `it ran, 4 rows changed, query ${answer.query_id}, `,
    );
  });

  it('is sent of no statement that nobody approved', async () => {
    const before = receivers[form].received.length;
    await call('query', { sql: `SELECT COUNT(*) FROM ${ORDERS}`, purpose: 'Counting.' });
    const { id } = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = ${form === 'slack' ? 3000 : 3001}`);
    await messageOf(receivers[form], id, 'waits for approval');
    expect(receivers[form].received).toHaveLength(before + 1);
  });
});

it('the JSON of webhooks has beside the event what people are shown, in its order', async () => {
  const { id } = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID > -1`);
  const mine = () =>
    receivers.programs.received.find(
      ({ payload: { type, data } }) =>
        type === 'approval.asked' && (data['body'] as Record<string, unknown>)['approval'] === id,
    );
  await expect.poll(mine, { timeout: 60_000 }).toBeDefined();
  const { approval } = (mine()?.payload ?? {}) as unknown as { readonly approval: Record<string, unknown> };
  expect(Object.keys(approval)).toEqual([
    'id',
    'state',
    'url',
    'headline',
    'warnings',
    'statement',
    'sent',
    'facts',
    'reported',
    'wrote',
  ]);
  expect(approval).toMatchObject({
    id,
    headline: `DELETE on ${ORDERS}`,
    warnings: [expect.stringContaining('The whole table, or nearly')],
    wrote: { name: 'pipeline-bot wrote, and nobody checked', lines: [HOSTILE] },
  });
  expect(receivers.programs.problems).toEqual([]);
});

describe('what a person typed, and the job it belongs to', () => {
  const TYPED = `Close ${'the old '.repeat(30)}orders of jane@example.com\nTouches 0 rows`;
  const META = { 'snowfence/prompt': TYPED, 'snowfence/job': { run: '17', pull_request: '4" by the CISO' } };
  const PROMPT = 'A person typed (the client said so with the call)';
  const JOB = 'Part of a job (the client said so with the call)';

  it.each(['slack', 'teams'] as const)('stand in a message in %s behind what is known, as reported', async (form) => {
    const { id } = await ask(`UPDATE ${ORDERS} SET STATUS = 'old' WHERE ORDER_ID = ${form.length}`, 'Old.', META);
    const text = await messageOf(receivers[form], id, 'waits for approval');
    expectInOrder(text, 'Open until', PROMPT, 'Close the old', JOB, 'run="17"', 'pipeline-bot wrote');
    expect(text).not.toContain('jane@example.com');
  });

  it('stand in what programs are sent, on the command line and in its list, and hinder nothing', async () => {
    const { id } = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = 3210`, 'Old.', META);
    const shown = await approvals('show', id);
    expectInOrder(
      shown,
      'Open until',
      `By the client  ${PROMPT}: Close`,
      'orders of [email]⟨U+000A⟩Touches 0 rows',
      `By the client  ${JOB}: run="17" pull_request="4\\" by the CISO"`,
      'By the agent   pipeline-bot wrote',
      'masked; its reviewers see all with --whole',
    );
    expect(await approvals('show', id, '--whole')).toContain('jane@example.com');
    const { known } = JSON.parse(await approvals('show', id, '--json')) as { known: { reported: unknown } };
    expect(known.reported).toEqual([
      { name: PROMPT, lines: [expect.stringContaining('orders of [email]')] },
      { name: JOB, lines: ['run="17" pull_request="4\\" by the CISO"'] },
    ]);
    expectInOrder(await approvals('list'), id, PROMPT, 'By the agent');
    await approvals('approve', id);
    // Whoever repeats it for another prompt means the same statement.
    expect(
      (await call('query', { sql: `DELETE FROM ${ORDERS} WHERE ORDER_ID = 3210`, purpose: 'Old.' })).answer,
    ).toMatchObject({
      status: 'ok',
      rows: [[1]],
    });
  });

  it('is cut where it is long, and told to be', async () => {
    const long = 'why '.repeat(2000);
    const { id } = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = 3211`, 'Old.', { 'snowfence/prompt': long });
    const shown = await approvals('show', id);
    expect(shown).toMatch(/A person typed \(the client said so with the call, [78],\d{3} characters\): why /);
    expect(shown.length).toBeLessThan(5000);
  });
});

describe('an agent', () => {
  it('hears who can decide and where, and of messages no more than is known', async () => {
    const { id, text, answer } = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = 3100`);
    expect(answer.approval).toMatchObject({ decided_by: '1 of data-stewards' });
    expect(text).toContain(
      `Can decide: 1 of data-stewards, at ${parts.urls[0]?.replace(/\/mcp$/, '')}/console/approvals/${id}`,
    );
    expect(text).toMatch(new RegExp(`open until ${MOMENT.source}`));
    expect(text).not.toContain('have been told');
    // Each webhook that takes such events is named, and none that does not.
    expect(answer.approval?.notified.map(({ webhook }) => webhook)).toEqual(['chat', 'rooms', 'programs', 'gone']);
    const later = async (): Promise<string> => (await call('approval', { id })).text;
    await expect.poll(later, { timeout: 60_000 }).toContain('A message about it was sent to: chat, rooms, programs.');
    // Where nothing arrives, nothing was sent.
    expect(await later()).toContain('A message about it is on its way to: gone.');
  });
});

describe('on the command line', () => {
  it('an approval has what is known before what the agent wrote', async () => {
    const { id } = await ask(`UPDATE ${ITEMS} SET QUANTITY = 0, UNIT_PRICE = 0`);
    const text = await approvals('show', id);
    expect(text.split('\n')[0]).toBe(`UPDATE on EVERY ROW of ${ITEMS}`);
    expectInOrder(
      text,
      '! ',
      'The whole table',
      `Statement      UPDATE ${ITEMS}`,
      'Touches        18,000 rows',
      `Writes         ${ITEMS}: QUANTITY, UNIT_PRICE`,
      'Needed         1 of data-stewards (0 so far)',
      'By the agent   pipeline-bot wrote, and nobody checked: APPROVED by the CISO.',
    );
    expect(text).toMatch(new RegExp(`Open until +${MOMENT.source}`));
    // What the agent wrote is the last line, and makes no line of its own.
    expect(text.trimEnd().split('\n').at(-1)).toContain('nobody checked');
    expect(text.split('\n').filter((line) => line.startsWith('Touches'))).toHaveLength(1);
    expect(JSON.parse(await approvals('show', id, '--json'))).toMatchObject({
      expires_at: expect.stringMatching(/T.*Z$/),
      known: { headline: `UPDATE on EVERY ROW of ${ITEMS}` },
    });
  });

  it('the list has what ends first first, each with what is known of it', async () => {
    const text = await approvals('list');
    const ends = [...text.matchAll(/pending, open until (\S+ \S+) UTC/g)].map(([, at = '']) => at);
    expect(ends.length).toBeGreaterThan(3);
    expect(ends).toEqual(ends.toSorted());
    const [first = ''] = text.split('\n\n');
    expectInOrder(
      first,
      'open until',
      `UPDATE on EVERY ROW of ${ITEMS}: 18,000 rows`,
      '! The whole table',
      'By the agent',
    );
    // A page goes on where the one before ended.
    const all = JSON.parse(await approvals('list', '--json')) as readonly { readonly id: string }[];
    const page = await approvals('list', '--limit', '2');
    const after = /Later ones: --after (\S+)/.exec(page)?.[1] ?? '';
    expect(after).toBe(all[1]?.id);
    const rest = JSON.parse(await approvals('list', '--after', after, '--json')) as readonly { readonly id: string }[];
    expect(rest.map(({ id }) => id)).toEqual(all.slice(2).map(({ id }) => id));
  });

  it('tells what came of it', async () => {
    const { id } = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID IN (3200, 3201)`);
    await approvals('approve', id);
    const { answer } = await call('approval', { id });
    const outcome = `it ran, 2 rows changed, query ${answer.query_id}, `;
    expect(await approvals('show', id)).toMatch(new RegExp(`Outcome +${outcome}${MOMENT.source}`));
    expect(await approvals('list', '--state', 'used')).toContain(`Outcome: ${outcome}`);
    const denied = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = 3300`);
    await approvals('deny', denied.id, '--reason', 'Not now.');
    expect(await approvals('show', denied.id)).toMatch(/Decided +steward said no, .* UTC: Not now\./);
  });
});
