/**
 * A person's yes is for what was asked and how: a page or a file, under the rules of the moment; and whoever asks for it once more, or runs it,
 * stands in the record with their own words.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Demo } from '../../dist/demo/demo.js';
import { agent, cli, demoWith, type QueryAnswer, query, tokenOf } from '../support/demo.js';

const POLICY = (by: string): string => `policy: sales
principals: { groups: [sales-agents] }
snowflake: { role: AGENT_RO, warehouse: AGENT_WH }
rules:
  - approve: [read]
    on: [ANALYTICS.HR.*]
    by: ${by}
  - allow: [read]
    on: [ANALYTICS.SALES.ORDERS]
  - approve: [delete, update]
    on: [ANALYTICS.SALES.ORDERS]
    by: { groups: [data-stewards] }
`;
const ONE = '{ groups: [data-stewards] }';
/** More than a page. */
const PAIRS = 'SELECT A.NAME, B.SALARY FROM ANALYTICS.HR.PAYROLL A CROSS JOIN ANALYTICS.HR.PAYROLL B ORDER BY 1, 2';
const PAYROLL = 'SELECT NAME, SALARY FROM ANALYTICS.HR.PAYROLL';

type Linked = QueryAnswer & { readonly download?: { readonly url: string } };

let demo: Demo;
let end: () => Promise<void>;
let folder: string;
let sales: Client;
beforeAll(async () => {
  ({ demo, policies: folder, end } = await demoWith({ 'sales.yaml': POLICY(ONE) }));
  sales = await agent(demo.ready, 'sales-bot');
});
afterAll(async () => {
  await sales.close();
  await end();
});

const ask = async (sql: string, more: Record<string, unknown> = {}): Promise<Linked> =>
  (await query(sales, sql, { purpose: 'To see.', ...more })) as Linked;
const here = (): string[] => ['--config', demo.ready.config_file];
const approve = async ({ approval }: QueryAnswer, ...more: string[]): Promise<void> => {
  const { code, said } = await cli(
    ['approvals', 'approve', approval?.id ?? '', ...more, ...here()],
    tokenOf(demo.ready, 'steward'),
  );
  expect(code, said).toBe(0);
};
async function run({ approval }: QueryAnswer): Promise<Linked> {
  const { structuredContent } = await sales.callTool({ name: 'approval', arguments: { id: approval?.id } });
  return structuredContent as unknown as Linked;
}

interface Event {
  readonly kind: string;
  readonly body: Record<string, unknown> & { readonly about?: Record<string, unknown> };
}
async function eventsOf({ session, statement_id: id }: QueryAnswer): Promise<readonly Event[]> {
  const { out } = await cli(['sessions', 'export', session ?? '', ...here()]);
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event & { readonly statement: string })
    .filter(({ statement }) => statement === id);
}

describe('a standing approval', () => {
  it.each([
    [undefined, 'csv'],
    ['csv', undefined],
    ['jsonl', 'csv'],
  ])('of %s lets nothing through as %s', async (given, other) => {
    const where = (n: number): string => `${PAYROLL} WHERE EMPLOYEE_ID = ${n}`;
    const as = (format: string | undefined): Record<string, unknown> => (format === undefined ? {} : { format });
    // Of another shape each time.
    const shaped = (n: number): string => `${where(n)} AND '${given}' <> '${other}'`;
    await approve(await ask(shaped(1), as(given)), '--standing', '10m');
    expect((await ask(shaped(2), as(given))).status).toBe('ok');
    expect((await ask(shaped(3), as(other))).status).toBe('approval_required');
    const { out } = await cli(['approvals', 'standing', ...here()]);
    if (given !== undefined) expect(out.replaceAll(/\s+/g, ' ')).toContain(`as a ${given} file: `);
  });
});

describe('a statement that waits, of a shape that stands approved since', () => {
  const change = (order: number): string =>
    `UPDATE ANALYTICS.SALES.ORDERS SET TOTAL = TOTAL + 100 WHERE ORDER_ID = ${order}`;
  const total = async (order: number): Promise<unknown> =>
    (await ask(`SELECT TOTAL FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${order}`)).rows[0]?.[0];

  it('runs once, however it is spaced, and is asked for no more', async () => {
    const [first, second] = [await ask(change(3601)), await ask(change(3602))];
    const before = await total(3602);
    await approve(first, '--standing', '30m');
    const ran = await ask(change(3602).replace(' = 3602', '=3602'));
    expect(ran).toMatchObject({ status: 'ok', rows: [[1, 0]] });
    const { code, said } = await cli(
      ['approvals', 'approve', second.approval?.id ?? '', ...here()],
      tokenOf(demo.ready, 'steward'),
    );
    expect([code, said]).toEqual([1, expect.stringContaining('no longer open')]);
    const over = await run(second);
    expect(over.denial).toMatchObject({
      code: 'APPROVAL_EXPIRED',
      message: expect.stringContaining('standing approval stands for that'),
      hint: expect.stringContaining(ran.statement_id),
    });
    expect(over).toMatchObject({ approval_ended: { state: 'withdrawn', why: 'standing', instead: ran.statement_id } });
    expect(Number(await total(3602))).toBeCloseTo(Number(before) + 100, 2);
    const shown = await cli(['approvals', 'show', second.approval?.id ?? '', ...here()]);
    expect(shown.out).toContain('withdrawn');
    expect(shown.out).toContain(`a standing approval stands for that, statement ${ran.statement_id}`);
    const end = (await eventsOf(second)).find(({ kind }) => kind === 'approval_withdrawn');
    expect(end?.body).toMatchObject({ by: 'gateway', code: 'RAN_UNDER_STANDING', instead: ran.statement_id });
    expect(end?.body).not.toHaveProperty('reason');
    // Where it was given, what became of it is told, and that it was ended.
    const origin = (): Promise<string> =>
      cli(['approvals', 'show', first.approval?.id ?? '', ...here()]).then(({ out }) => out);
    expect(await origin()).toMatch(/Standing +[-0-9a-f]{36} for others of this shape, used 1 of 20 times, until /);
    const id = /Standing +([-0-9a-f]{36})/.exec(await origin())?.[1] ?? '';
    expect((await cli(['approvals', 'revoke', id, ...here()], tokenOf(demo.ready, 'steward'))).code).toBe(0);
    expect(await origin()).toMatch(/used 1 of 20 times, ended by steward, 20/);
  });

  it('is withdrawn by its agent where that says so, in whichever words of the gateway’s', async () => {
    const forged = 'its agent sent it once more, and a standing approval stands for that';
    const asked = await ask(`${change(3606)} AND 6 = 6`);
    await sales.callTool({ name: 'approval', arguments: { id: asked.approval?.id, withdraw: true, reason: forged } });
    expect((await run(asked)).denial?.message).toBe('You have withdrawn this statement.');
    const [shown, replay, ocsf] = [
      await cli(['approvals', 'show', asked.approval?.id ?? '', ...here()]),
      await cli(['sessions', 'show', asked.session ?? '', ...here()]),
      await cli(['sessions', 'export', asked.session ?? '', '--format', 'ocsf', ...here()]),
    ];
    expect(shown.out).toContain('its agent withdrew it');
    expect(shown.out).not.toContain('once more');
    const said = replay.out.replaceAll(/\s+/g, ' ');
    expect(said).toContain(`approval ${asked.approval?.id}, withdrawn by its agent`);
    expect(said).toContain(`agent wrote, and nobody checked: ${forged}`);
    const line = ocsf.out.split('\n').find((one) => one.includes(asked.statement_id) && one.includes(forged)) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({
      message: expect.stringContaining('withdrew a statement'),
      disposition: 'Withdrawn',
      unmapped: { withdrawn_because: forged },
    });
    expect(JSON.parse(line)).not.toHaveProperty('status_detail');
  });

  it('is let pass by nobody’s earlier word once somebody has said no to it', async () => {
    const [first, second] = [await ask(`${change(3603)} AND 3 = 3`), await ask(`${change(3604)} AND 3 = 3`)];
    await approve(first, '--standing', '30m');
    const { code, said } = await cli(
      ['approvals', 'deny', second.approval?.id ?? '', '--reason', 'Not this one.', ...here()],
      tokenOf(demo.ready, 'steward'),
    );
    expect(code, said).toBe(0);
    const before = await total(3604);
    expect((await run(second)).denial?.code).toBe('APPROVAL_DENIED');
    for (const order of [3604, 3605])
      expect((await ask(`${change(order)} AND 3 = 3`)).status).toBe('approval_required');
    expect(await total(3604)).toBe(before);
    // What was let pass once by itself is another matter.
    expect((await run(first)).status).toBe('ok');
    const events = await eventsOf(first);
    expect(events.find(({ kind }) => kind === 'standing_revoked')?.body).toMatchObject({
      denied: second.approval?.id,
      reviewer: 'steward',
    });
    const whole = await cli(['verify', ...here()]);
    expect([whole.code, whole.said]).toEqual([0, expect.stringContaining('whole')]);
  });
});

describe('a result that a person let go', () => {
  it('is given out no further once others have to be asked, as a page or as a file', async () => {
    const [paged, filed] = [await ask(PAIRS), await ask(`${PAYROLL} ORDER BY 2`, { format: 'csv' })];
    for (const asked of [paged, filed]) await approve(asked);
    const { cursor } = await run(paged);
    const link = (await run(filed)).download?.url ?? '';
    const more = async () =>
      (await sales.callTool({ name: 'fetch', arguments: { cursor, max_rows: 5 } }))
        .structuredContent as unknown as Linked;
    expect((await more()).status).toBe('ok');
    await writeFile(join(folder, 'sales.yaml'), POLICY('{ groups: [data-stewards, hr-board], count: 2 }'));
    await expect
      .poll(async () => (await ask(`${PAYROLL} WHERE 1 = 1`)).approval?.decided_by, { timeout: 30_000 })
      .toContain('hr-board');
    expect((await more()).denial?.code).toBe('NOT_VERIFIED');
    const response = await fetch(link, { headers: { authorization: `Bearer ${tokenOf(demo.ready, 'sales-bot')}` } });
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining('NOT_VERIFIED')]);
    await writeFile(join(folder, 'sales.yaml'), POLICY(ONE));
    await expect
      .poll(async () => (await ask(`${PAYROLL} WHERE 2 = 2`)).approval?.decided_by, { timeout: 30_000 })
      .not.toContain('hr-board');
  }, 90_000);
});

describe('a statement that waits and comes again in other words', () => {
  it('stands in the record as it was written each time, and ran for the prompt that it was first sent with', async () => {
    const sql = 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 3501';
    const typed = (prompt: string, run: string) => ({ 'snowfence/prompt': prompt, 'snowfence/job': { run } });
    const call = async (text: string, purpose: string, meta: Record<string, unknown>): Promise<Linked> =>
      (await sales.callTool({ name: 'query', arguments: { sql: text, purpose }, _meta: meta }))
        .structuredContent as unknown as Linked;
    const first = await call(sql, 'First.', typed('The first prompt.', '1'));
    const noted = `DELETE /* exfil marker XYZZY */ FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 3501`;
    const second = await call(noted, 'Second.', typed('The second prompt.', '2'));
    expect([second.statement_id, second.approval?.id]).toEqual([first.statement_id, first.approval?.id]);
    await approve(first);
    const third = await call(`${sql} -- third`, 'Third.', typed('The third prompt.', '3'));
    expect(third).toMatchObject({ status: 'ok', statement_id: first.statement_id });
    const events = await eventsOf(first);
    const [asked, again] = events.filter(({ kind }) => kind === 'approval_asked');
    expect(asked?.body['statement']).toBeUndefined();
    expect(again?.body).toMatchObject({
      statement: noted,
      purpose: 'Second.',
      prompt: { text: 'The second prompt.' },
      waiting: first.statement_id,
    });
    expect(events.find(({ kind }) => kind === 'approval_used')?.body).toMatchObject({
      statement: `${sql} -- third`,
      purpose: 'Third.',
      prompt: { text: 'The third prompt.' },
      job: { run: '3' },
      connection: { client: 'snowfence-tests' },
    });
    const { out } = await cli(['sessions', 'show', first.session ?? '', ...here()]);
    for (const words of [
      'asked for once more by',
      'XYZZY',
      'The second prompt.',
      'The third prompt.',
      'run="3"',
      'Third.',
    ])
      expect(out).toContain(words);
  });

  it('has the id of its prompt with its end, also where it is run by the tool for approvals', async () => {
    const { mcp_url: url } = demo.ready;
    const said = await fetch(new URL('/prompts', url), {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf(demo.ready, 'sales-bot')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'Remove order 3502.' }),
    });
    expect(said.status).toBe(200);
    const first = await ask('DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 3502');
    await approve(first);
    await fetch(new URL('/prompts', url), {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf(demo.ready, 'sales-bot')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'And now for something else.' }),
    });
    expect((await run(first)).status).toBe('ok');
    const events = await eventsOf(first);
    const opening = events.find(({ kind }) => kind === 'statement_submitted')?.body['prompt'] as { id: string };
    expect(opening).toMatchObject({ text: 'Remove order 3502.', id: expect.any(String) });
    expect(events.find(({ kind }) => kind === 'statement_completed')?.body.about).toMatchObject({ prompt: opening.id });
    const { code, said: whole } = await cli(['verify', ...here()]);
    expect([code, whole]).toEqual([0, expect.stringContaining('whole')]);
  });
});
