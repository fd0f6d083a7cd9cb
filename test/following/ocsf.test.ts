/** Whoever watches by OCSF alone misses no end of a statement: those that people bring about, and those that nobody does. */
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { agent, cli, type QueryAnswer, query, tokenOf } from '../support/demo.js';

const ready = inject('ready');
let pipeline: Client;
let session: string;

beforeAll(async () => {
  pipeline = await agent(ready, 'pipeline-bot');
});
afterAll(() => pipeline.close());

const outOf = async (args: readonly string[], token?: string): Promise<string> =>
  (await cli([...args, '--config', ready.config_file], token)).out;

const PURPOSE = 'Mend orders, for the test of OCSF.';
const ask = async (sql: string): Promise<QueryAnswer> => {
  const answer = await query(pipeline, sql, { purpose: PURPOSE, ...(session ? { session } : {}) });
  session = answer.session ?? session;
  return answer;
};
/** With the issuer that knows them. */
const STEWARD = [expect.stringMatching(/^http:\S+ steward$/)];
const approval = async (id: string | undefined, more: object = {}): Promise<QueryAnswer> =>
  (await pipeline.callTool({ name: 'approval', arguments: { id, ...more } }))
    .structuredContent as unknown as QueryAnswer;
const change = (order: number): string => `DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${order}`;

interface Ocsf {
  status: string;
  status_code?: string;
  status_detail?: string;
  action: string;
  message: string;
  query_info: { query_string: string };
  unmapped: {
    statement_id: string;
    hash: string;
    previous_hash: string;
    purpose?: string;
    rows?: number;
    rows_changed?: number;
    approval?: string;
    reviewer?: string;
    reviewers?: string[];
  };
}

describe('an export as OCSF', () => {
  it('has each way that a statement ends, once, with the hash before it', async () => {
    const ran = await ask('SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS');
    const refused = await ask('SELECT * FROM ANALYTICS.HR.PAYROLL');
    const failed = await ask('SELECT 1 / (ORDER_ID - ORDER_ID) FROM ANALYTICS.SALES.ORDERS');
    const denied = await ask(change(3101));
    await outOf(
      ['approvals', 'deny', denied.approval?.id ?? '', '--reason', 'Not in this quarter.'],
      tokenOf(ready, 'steward'),
    );
    const heard = await approval(denied.approval?.id);
    const withdrawn = await ask(change(3102));
    await approval(withdrawn.approval?.id, { withdraw: true, reason: 'A mistake.' });
    const approved = await ask(change(3103));
    await outOf(['approvals', 'approve', approved.approval?.id ?? ''], tokenOf(ready, 'steward'));
    expect((await approval(approved.approval?.id)).status).toBe('ok');
    const open = await ask(change(3104));
    expect([ran.status, refused.status, failed.status, heard.denial?.code, open.status]).toEqual([
      'ok',
      'denied',
      'error',
      'APPROVAL_DENIED',
      'approval_required',
    ]);

    const events = (await outOf(['sessions', 'export', session, '--format', 'ocsf']))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Ocsf);
    const of = (answer: QueryAnswer): Ocsf[] =>
      events.filter(({ unmapped }) => unmapped.statement_id === answer.statement_id);
    const ends = [ran, refused, failed, denied, withdrawn, approved].map((answer) => {
      const found = of(answer);
      expect(found).toHaveLength(1);
      return [found[0]?.status, found[0]?.action, found[0]?.status_code];
    });
    expect(ends).toEqual([
      ['Success', 'Allowed', undefined],
      ['Failure', 'Denied', refused.denial?.code],
      ['Failure', 'Allowed', failed.error?.code],
      ['Failure', 'Denied', 'APPROVAL_DENIED'],
      ['Failure', 'Withdrawn', 'APPROVAL_WITHDRAWN'],
      ['Success', 'Allowed', undefined],
    ]);
    // What still waits has not ended.
    expect(of(open)).toEqual([]);
    expect(of(denied)[0]).toMatchObject({
      status_detail: 'Not in this quarter.',
      query_info: { query_string: change(3101) },
      unmapped: { reviewer: 'steward' },
    });
    // What the agent wrote stands by itself, as the agent's, and in no sentence of ours.
    expect(of(denied)[0]).toMatchObject({
      message: 'pipeline-bot was denied a statement by a reviewer',
      unmapped: { purpose: PURPOSE, approval: denied.approval?.id, reviewers: STEWARD },
    });
    expect(of(withdrawn)[0]).toMatchObject({
      message: 'pipeline-bot withdrew a statement',
      unmapped: { withdrawn_because: 'A mistake.', approval: withdrawn.approval?.id },
    });
    expect(of(withdrawn)[0]?.status_detail).toBeUndefined();
    expect(of(approved)[0]).toMatchObject({
      message: 'pipeline-bot ran a statement that was approved',
      unmapped: { purpose: PURPOSE, approval: approved.approval?.id, reviewers: STEWARD },
    });
    expect(of(ran)[0]?.message).toBe('pipeline-bot ran a statement');
    expect(of(ran)[0]?.unmapped.reviewers).toBeUndefined();
    for (const event of events) expect(event.message).not.toContain(PURPOSE);

    // Each hash is that of an event of the session, and so is the one before it.
    const lines = (await outOf(['sessions', 'export', session, '--format', 'jsonl']))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; hash: string });
    const hashes = lines.filter(({ type }) => type === 'event').map(({ hash }) => hash);
    for (const { unmapped } of events) {
      const at = hashes.indexOf(unmapped.hash);
      expect(at).toBeGreaterThan(0);
      expect(unmapped.previous_hash).toBe(hashes[at - 1]);
    }
    // Nothing is left behind for other tests.
    await approval(open.approval?.id, { withdraw: true });
  });

  it('has the rows that a change changed, as the console, the command line and search do', async () => {
    for (const [where, changed] of [
      ['ORDER_ID BETWEEN 3111 AND 3117', 7],
      ['ORDER_ID = -1', 0],
    ] as const) {
      const sql = `DELETE FROM ANALYTICS.SALES.ORDERS WHERE ${where}`;
      const asked = await ask(sql);
      await outOf(['approvals', 'approve', asked.approval?.id ?? ''], tokenOf(ready, 'steward'));
      expect((await approval(asked.approval?.id)).status).toBe('ok');
      const told = (await outOf(['sessions', 'export', session, '--format', 'ocsf']))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Ocsf)
        .find(({ unmapped }) => unmapped.statement_id === asked.statement_id);
      expect(told?.unmapped).toMatchObject({ rows: changed, rows_changed: changed });
      const { statements } = JSON.parse(
        await outOf(['sessions', 'search', `agent:pipeline-bot "${where}"`, '--json']),
      ) as { statements: { id: string; rows: number }[] };
      expect(statements.find(({ id }) => id === asked.statement_id)?.rows).toBe(changed);
      expect(await outOf(['sessions', 'show', session])).toContain(`${changed} rows changed`);
      expect(await outOf(['approvals', 'show', asked.approval?.id ?? ''])).toMatch(
        new RegExp(`Outcome.*\\b${changed} rows? changed`),
      );
    }
  });

  it('has what was only explained as such, never as running or refused, whatever the verdict', async () => {
    const mark = `ONLY_EXPLAINED_${Date.now()}`;
    const explained = (
      await pipeline.callTool({
        name: 'explain',
        arguments: { sql: `SELECT ORDER_ID AS ${mark} FROM ANALYTICS.SALES.ORDERS`, session, purpose: PURPOSE },
      })
    ).structuredContent as { verdict: string; statement_id: string };
    expect(explained.verdict).toBe('allow');
    const found = JSON.parse(await outOf(['sessions', 'search', mark, '--json'])) as {
      statements: { id: string; is_explained: boolean; state: string | null }[];
    };
    expect(found.statements).toMatchObject([{ id: explained.statement_id, is_explained: true, state: null }]);
    expect(await outOf(['sessions', 'search', mark])).toMatch(/allowed +explained/);
    const dropping = (
      await pipeline.callTool({ name: 'explain', arguments: { sql: `DROP TABLE ${mark}`, session, purpose: PURPOSE } })
    ).structuredContent as { verdict: string; statement_id: string };
    expect(dropping.verdict).toBe('deny');
    const told = (await outOf(['sessions', 'export', session, '--format', 'ocsf']))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Ocsf)
      .filter(({ query_info: { query_string: text } }) => text.includes(mark));
    const same = {
      activity_id: 99,
      activity_name: 'Explain',
      action: 'Explained',
      disposition: 'Explained',
      status: 'Success',
      severity: 'Informational',
      message: 'pipeline-bot asked what would become of a statement',
    };
    expect(told).toEqual([
      expect.objectContaining({
        ...same,
        unmapped: expect.objectContaining({ explain: true, verdict: 'allow', kind: 'select' }),
      }),
      expect.objectContaining({
        ...same,
        unmapped: expect.objectContaining({
          explain: true,
          verdict: 'deny',
          verdict_code: 'KIND_DENIED',
          kind: 'drop',
        }),
      }),
    ]);
    const shown = await outOf(['sessions', 'show', session]);
    expect(shown).toMatch(new RegExp(`explain +DROP TABLE ${mark}\\n.*KIND_DENIED`));
  });
});
