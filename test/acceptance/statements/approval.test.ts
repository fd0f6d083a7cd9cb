import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Client, Client as McpClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { agent, bareEnv, MAIN, type QueryAnswer, query, tokenOf } from '../../support/demo.js';

const run = promisify(execFile);
const ready = inject('ready');
let pipeline: Client;

beforeAll(async () => {
  pipeline = await agent(ready, 'pipeline-bot');
});
afterAll(() => pipeline.close());

const cli = (args: readonly string[], token?: string) =>
  run(process.execPath, [MAIN, ...args, '--config', ready.config_file], {
    env: bareEnv(token === undefined ? {} : { SNOWFENCE_TOKEN: token }),
  }).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code: number; stderr: string }) => ({ code: error.code, text: error.stderr }),
  );

const resume = async (id: string, more: object = {}): Promise<QueryAnswer> =>
  (await pipeline.callTool({ name: 'approval', arguments: { id, ...more } }))
    .structuredContent as unknown as QueryAnswer;

describe('a statement that needs a person', () => {
  const PURPOSE = { purpose: 'Archive returned orders.' };

  it.each([undefined, '', ' ', '\u200b', '\u3164', '.', `\${PURPOSE}`])(
    'asks for a purpose first where the policy wants one, and takes none that says nothing: %j',
    async (purpose) => {
      const sql = 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 1';
      expect((await query(pipeline, sql, purpose === undefined ? {} : { purpose })).denial?.code).toBe(
        'PURPOSE_REQUIRED',
      );
    },
  );

  it('waits, is approved by a steward, runs exactly once', async () => {
    const sql = 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID IN (4001, 4002)';
    const asked = await query(pipeline, sql, PURPOSE);
    expect(asked.status).toBe('approval_required');
    const id = asked.approval?.id ?? '';
    // The same again does not ask twice.
    expect((await query(pipeline, sql, PURPOSE)).approval?.id).toBe(id);
    expect((await resume(id)).status).toBe('approval_required');
    expect((await cli(['approvals', 'list'])).text).toContain(id);
    expect((await cli(['approvals', 'show', id])).text).toContain('Archive returned orders.');
    // Not by somebody in no reviewing group, not by the agent itself, not without a token.
    expect(await cli(['approvals', 'approve', id], tokenOf(ready, 'sales-bot'))).toMatchObject({
      code: 1,
      text: expect.stringContaining('none of the groups'),
    });
    expect(await cli(['approvals', 'approve', id], tokenOf(ready, 'pipeline-bot'))).toMatchObject({ code: 1 });
    expect(await cli(['approvals', 'approve', id], 'nonsense')).toMatchObject({
      code: 2,
      text: expect.stringContaining('TOKEN_REFUSED'),
    });
    expect(await cli(['approvals', 'approve', id], tokenOf(ready, 'steward'))).toMatchObject({
      code: 0,
      text: expect.stringContaining('approved'),
    });
    const answers = await Promise.all([resume(id), resume(id), resume(id)]);
    expect(answers.map((answer) => answer.status).sort()).toEqual(['denied', 'denied', 'ok']);
    expect(answers.find((answer) => answer.status === 'ok')?.rows).toEqual([[2]]);
    const ran = answers.find((answer) => answer.status === 'ok');
    const more = await pipeline.callTool({ name: 'approval', arguments: { id } });
    expect(more.structuredContent).toMatchObject({
      denial: {
        code: 'APPROVAL_EXPIRED',
        message: expect.stringContaining(`its statement has run (2 rows changed, query ${ran?.query_id})`),
        hint: expect.stringContaining('lets nothing run again'),
      },
      approval_ended: {
        state: 'used',
        statement_id: ran?.statement_id,
        outcome: { state: 'ok', query_id: ran?.query_id, rows_changed: 2 },
      },
    });
    // Nobody denied it.
    expect((more.content as { text: string }[])[0]?.text).toMatch(/^Used already, APPROVAL_EXPIRED: /);
    expect((await cli(['approvals', 'approve', id], tokenOf(ready, 'steward'))).text).toMatch(
      /no longer open: it is used \(used, 20/,
    );
    expect(
      (await query(pipeline, 'SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID IN (4001, 4002)', PURPOSE))
        .rows,
    ).toEqual([[0]]);
  });

  it('says that nobody was told where no message goes out, and who can decide and where', async () => {
    const result = await pipeline.callTool({
      name: 'query',
      arguments: { sql: 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4003', ...PURPOSE },
    });
    const { approval } = result.structuredContent as unknown as QueryAnswer;
    expect(approval).toMatchObject({ decided_by: '1 of data-stewards', notified: [] });
    const [{ text }] = result.content as unknown as readonly [{ readonly text: string }];
    expect(text).toContain('Nobody was told of it: tell the person you work for who can decide, and where.');
    expect(text).toContain(`Can decide: 1 of data-stewards, at ${ready.console_url}/approvals/${approval?.id}`);
    expect(text).toMatch(/open until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
    expect(text).not.toContain('have been told');
  });

  it('is denied with a reason that reaches the agent', async () => {
    const asked = await query(
      pipeline,
      "UPDATE ANALYTICS.SALES.ORDERS SET STATUS = 'open' WHERE ORDER_ID = 4005",
      PURPOSE,
    );
    const id = asked.approval?.id ?? '';
    await cli(['approvals', 'deny', id, '--reason', 'Not in this quarter.'], tokenOf(ready, 'steward'));
    const answer = await resume(id);
    expect(answer.denial).toMatchObject({
      code: 'APPROVAL_DENIED',
      message: expect.stringContaining('Not in this quarter.'),
    });
  });

  it('keeps what a reviewer writes sealed, in its row as in its event, and shows it as people may see it', async () => {
    const sql = 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4006';
    const id = (await query(pipeline, sql, PURPOSE)).approval?.id ?? '';
    const reason = 'No, card 4111 1111 1111 1111.';
    await cli(['approvals', 'deny', id, '--reason', reason], tokenOf(ready, 'steward'));
    const pool = new pg.Pool({ connectionString: ready.database_url, max: 1 });
    const { rows } = await pool
      .query<{ word: string; event: string }>(
        `SELECT d::text AS word, e.body::text AS event FROM approval_decision d
         JOIN event e ON e.kind = 'approval_decided' AND e.body->>'approval' = d.approval_id::text
         WHERE d.approval_id = $1`,
        [id],
      )
      .finally(() => pool.end());
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain('4111');
    expect(rows[0]).toMatchObject({
      word: expect.stringContaining('sealed:'),
      event: expect.stringContaining('[credit_card]'),
    });
    const shown = await cli(['approvals', 'show', id]);
    expect(shown.text).toMatch(/steward said no, .*: No, card \[credit_card\]\./);
    const whole = await cli(['approvals', 'show', id, '--whole'], tokenOf(ready, 'steward'));
    expect(whole.text.replaceAll(/\s+/g, ' ')).toContain(reason);
    expect((await resume(id)).denial?.message).toContain(reason);
    // Nothing but white space and what has no width is no reason.
    const silent = (await query(pipeline, `${sql} AND 1 = 1`, PURPOSE)).approval?.id ?? '';
    await cli(['approvals', 'deny', silent, '--reason', ' \u200b'], tokenOf(ready, 'steward'));
    expect((await cli(['approvals', 'show', silent])).text).toMatch(/steward said no, [^:]*:\d\d:\d\d UTC$/m);
    const { code, text } = await cli(['verify']);
    expect([code, text]).toEqual([0, expect.stringContaining('whole')]);
  }, 180_000);

  it('answers the waiting call as soon as a reviewer decides', async () => {
    const asked = await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4020', PURPOSE);
    const id = asked.approval?.id ?? '';
    const waiting = resume(id, { wait_seconds: 50 });
    await cli(['approvals', 'approve', id], tokenOf(ready, 'steward'));
    const decided = performance.now();
    expect(await waiting).toMatchObject({ status: 'ok', rows: [[1]], statement_id: asked.statement_id });
    // Far from the time that it would have waited.
    expect(performance.now() - decided).toBeLessThan(30_000);
  });

  it('tells reviewers what it would touch', async () => {
    const sql = 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID BETWEEN 4030 AND 4034';
    const asked = await query(pipeline, sql, PURPOSE);
    const { text } = await cli(['approvals', 'show', asked.approval?.id ?? '']);
    expect(text).toMatch(/Touches +5 rows/);
    expect(text).toMatch(/Objects +ANALYTICS\.SALES\.ORDERS \(write\)/);
    expect(text).toMatch(/data-engineers\.yaml:\d+/);
    // The count itself changed nothing, and was written down before it was asked for.
    expect(
      (
        await query(
          pipeline,
          'SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID BETWEEN 4030 AND 4034',
          PURPOSE,
        )
      ).rows,
    ).toEqual([[5]]);
  });

  it('runs when the agent just repeats what was approved', async () => {
    const sql = 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4040';
    const asked = await query(pipeline, sql, PURPOSE);
    await cli(['approvals', 'approve', asked.approval?.id ?? ''], tokenOf(ready, 'steward'));
    expect(await query(pipeline, sql, PURPOSE)).toMatchObject({
      status: 'ok',
      rows: [[1]],
      statement_id: asked.statement_id,
    });
    // That one is used: the same again asks anew.
    const again = await query(pipeline, sql, PURPOSE);
    expect(again.status).toBe('approval_required');
    expect(again.approval?.id).not.toBe(asked.approval?.id);
    await resume(again.approval?.id ?? '', { withdraw: true });
  });

  it('is withdrawn by its agent, and then by nobody approved', async () => {
    const asked = await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4041', PURPOSE);
    const id = asked.approval?.id ?? '';
    expect(await resume(id, { withdraw: true, reason: 'Wrong order.' })).toMatchObject({
      status: 'denied',
      denial: { message: 'You have withdrawn this statement.' },
    });
    expect((await cli(['approvals', 'approve', id], tokenOf(ready, 'steward'))).text).toContain('no longer open');
    expect((await resume(id)).denial?.message).toContain('withdrawn');
  });

  it('stands for statements of the same shape for a while, if the reviewer says so', async () => {
    const sql = (order: number) => `UPDATE ANALYTICS.SALES.ORDERS SET STATUS = 'closed' WHERE ORDER_ID = ${order}`;
    const asked = await query(pipeline, sql(4050), PURPOSE);
    const id = asked.approval?.id ?? '';
    expect((await cli(['approvals', 'approve', id, '--standing', 'soon'], tokenOf(ready, 'steward'))).text).toContain(
      'OPTION_INVALID',
    );
    expect((await cli(['approvals', 'approve', id, '--standing', '2h'], tokenOf(ready, 'steward'))).code).toBe(0);
    expect((await resume(id)).status).toBe('ok');
    expect((await query(pipeline, sql(4051), PURPOSE)).status).toBe('ok');
    // Another shape, another table: asked for.
    const other = await query(pipeline, `${sql(4052)} OR ORDER_ID = 1`, PURPOSE);
    expect(other.status).toBe('approval_required');
    await resume(other.approval?.id ?? '', { withdraw: true });
    // Others may stand beside it, of files that run at the same time.
    const listed = (
      JSON.parse((await cli(['approvals', 'standing', '--json'])).text) as {
        id: string;
        approval_id: string;
        subject: string;
      }[]
    ).filter(({ approval_id: of }) => of === id);
    expect(listed).toMatchObject([{ subject: 'pipeline-bot' }]);
    expect((await cli(['approvals', 'revoke', listed[0]?.id ?? ''], tokenOf(ready, 'pipeline-bot'))).code).toBe(1);
    expect((await cli(['approvals', 'revoke', listed[0]?.id ?? ''], tokenOf(ready, 'steward'))).code).toBe(0);
    const after = await query(pipeline, sql(4053), PURPOSE);
    expect(after.status).toBe('approval_required');
    await resume(after.approval?.id ?? '', { withdraw: true });
  });

  it('gives its link to a client that can show it, and waits while that is open', async () => {
    const shown: unknown[] = [];
    const client = new McpClient(
      { name: 'shows-links', version: '1' },
      { versionNegotiation: { mode: 'auto' }, capabilities: { elicitation: { url: {} } } },
    );
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      shown.push(params);
      const id = /approvals\/([0-9a-f-]{36})$/.exec('url' in params ? params.url : '')?.[1] ?? '';
      // Whoever opens it is a reviewer here.
      await cli(['approvals', 'approve', id], tokenOf(ready, 'steward'));
      return { action: 'accept' as const };
    });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(ready.mcp_url), {
        authProvider: { token: async () => tokenOf(ready, 'pipeline-bot') },
      }),
    );
    const answer = await query(client, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4060', PURPOSE);
    expect(answer).toMatchObject({ status: 'ok', rows: [[1]] });
    expect(shown).toMatchObject([
      {
        mode: 'url',
        url: expect.stringContaining(`${ready.console_url}/approvals/`),
        message: expect.stringContaining('approve'),
      },
    ]);
    await client.close();
  });

  it('does not exist for another agent', async () => {
    const asked = await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4010', PURPOSE);
    const sales = await agent(ready, 'sales-bot');
    const other = (await sales.callTool({ name: 'approval', arguments: { id: asked.approval?.id } }))
      .structuredContent as unknown as QueryAnswer;
    expect(other).toMatchObject({ status: 'error', error: { code: 'UNKNOWN_APPROVAL' } });
    await sales.close();
  });

  it('may not write a masked column back, nor look at one', async () => {
    for (const sql of [
      'INSERT INTO ANALYTICS.SALES.ORDERS (ORDER_ID, STATUS) SELECT CUSTOMER_ID, EMAIL FROM ANALYTICS.SALES.CUSTOMERS',
      "UPDATE ANALYTICS.SALES.CUSTOMERS SET NAME = 'x' WHERE SSN = 'canary-000104729'",
      "DELETE FROM ANALYTICS.SALES.CUSTOMERS WHERE EMAIL LIKE 'a%'",
    ])
      expect((await query(pipeline, sql, PURPOSE)).denial?.code).toBe('COLUMN_DENIED');
  });
});
