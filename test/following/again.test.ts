/** A statement that is sent again while it waits for a person is the one that waits. */
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { agent, cli, type QueryAnswer, query, tokenOf } from '../support/demo.js';

const ready = inject('ready');
const here = ['--config', ready.config_file];
let pipeline: Client;

beforeAll(async () => {
  pipeline = await agent(ready, 'pipeline-bot');
});
afterAll(() => pipeline.close());

const ask = (order: number, more: object = {}): Promise<QueryAnswer> =>
  query(pipeline, `DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${order}`, { purpose: 'Again.', ...more });

async function kindsOf({ session, statement_id: id }: QueryAnswer): Promise<string[]> {
  const { out } = await cli(['sessions', 'export', session ?? '', ...here]);
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; kind: string; statement: string })
    .flatMap(({ type, kind, statement }) => (type === 'event' && statement === id ? [kind] : []));
}

const found = async (order: number): Promise<unknown[]> =>
  (
    JSON.parse((await cli(['sessions', 'search', `"ORDER_ID = ${order}"`, '--json', ...here])).out) as {
      statements: unknown[];
    }
  ).statements;

describe('a statement that waits', () => {
  it('is the same however often it is sent, and the record says how often', async () => {
    const first = await ask(3401);
    const again = [await ask(3401), await ask(3401)];
    for (const answer of again) {
      expect(answer.statement_id).toBe(first.statement_id);
      expect(answer.session).toBe(first.session);
      expect(answer.approval).toEqual(first.approval);
    }
    expect((await kindsOf(first)).filter((kind) => kind === 'statement_submitted')).toHaveLength(1);
    expect((await kindsOf(first)).filter((kind) => kind === 'approval_asked')).toHaveLength(3);
    expect(await found(3401)).toHaveLength(1);
    // Each repetition in its own words.
    await ask(3401, { purpose: 'Once more, for Bernd.' });
    const { out } = await cli(['sessions', 'export', first.session ?? '', ...here]);
    expect(out).toContain('Once more, for Bernd.');
    await pipeline.callTool({ name: 'approval', arguments: { id: first.approval?.id, withdraw: true } });
    // What is over is asked for anew.
    const anew = await ask(3401);
    expect(anew.statement_id).not.toBe(first.statement_id);
    await pipeline.callTool({ name: 'approval', arguments: { id: anew.approval?.id, withdraw: true } });
  });

  it('runs, once, when it is sent again after a person’s yes', async () => {
    const first = await ask(3402);
    await cli(['approvals', 'approve', first.approval?.id ?? '', ...here], tokenOf(ready, 'steward'));
    const ran = await ask(3402);
    expect(ran).toMatchObject({ status: 'ok', statement_id: first.statement_id });
    expect((await kindsOf(first)).filter((kind) => kind === 'statement_completed')).toHaveLength(1);
    expect(await found(3402)).toHaveLength(1);
  });

  it('leaves nothing open where it is sent at once, several times', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(3403)));
    expect(new Set(answers.map(({ approval }) => approval?.id)).size).toBe(1);
    await pipeline.callTool({ name: 'approval', arguments: { id: answers[0]?.approval?.id, withdraw: true } });
    const open = JSON.parse(
      (await cli(['sessions', 'search', '"ORDER_ID = 3403"', 'state:open', '--json', ...here])).out,
    );
    expect((open as { statements: unknown[] }).statements).toEqual([]);
    const { code, said } = await cli(['verify', ...here]);
    expect([code, said]).toEqual([0, expect.stringContaining('whole')]);
  });
});
