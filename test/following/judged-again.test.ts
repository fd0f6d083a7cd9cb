/** A verdict can be made again from the record, and an end says by itself what it is the end of. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { agent, cli, type QueryAnswer, query, tokenOf } from '../support/demo.js';

const ready = inject('ready');
const here = ['--config', ready.config_file];
let pipeline: Client;
let sales: Client;

beforeAll(async () => {
  [pipeline, sales] = await Promise.all([agent(ready, 'pipeline-bot'), agent(ready, 'sales-bot')]);
});
afterAll(() => Promise.all([pipeline.close(), sales.close()]));

const change = (sql: string): Promise<QueryAnswer> => query(pipeline, sql, { purpose: 'Mend orders.' });

interface Line {
  readonly type: string;
  readonly kind: string;
  readonly statement: string | null;
  readonly body: Record<string, unknown>;
}

async function eventsOf({ session, statement_id: id }: QueryAnswer): Promise<Line[]> {
  const { out } = await cli(['sessions', 'export', session ?? '', ...here]);
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
    .filter(({ type, statement }) => type === 'event' && statement === id);
}

async function openingOf(answer: QueryAnswer): Promise<Line['body']> {
  const found = (await eventsOf(answer)).find(({ kind }) => /^statement_(?:submitted|refused)$/.test(kind));
  if (!found) throw new Error('It did not begin.');
  return found.body;
}

describe('the event of a verdict', () => {
  it('has what it was made from: groups and claims that policies ask for, what was written, the catalog, the size', async () => {
    const asked = await change("UPDATE ANALYTICS.SALES.ORDERS SET STATUS = 'x' WHERE ORDER_ID = 3301");
    const body = await openingOf(asked);
    expect(body).toMatchObject({
      judged_as: { groups: ['pipeline-agents'] },
      writes: ['ANALYTICS.SALES.ORDERS.STATUS'],
      connection: {
        transport: 'streamable-http',
        client: 'snowfence-tests',
        address: expect.stringContaining('127.0.0.1'),
      },
      statement_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(body['columns']).toContain('ANALYTICS.SALES.ORDERS.ORDER_ID');
    await pipeline.callTool({ name: 'approval', arguments: { id: asked.approval?.id, withdraw: true } });
  });

  it('names objects by the hash of what the catalog said, and that is in the record, once', async () => {
    const first = await openingOf(await query(sales, 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS LIMIT 1'));
    const second = await openingOf(await query(sales, 'SELECT STATUS FROM ANALYTICS.SALES.ORDERS LIMIT 2'));
    const [part] = first['catalog'] as { object: string; digest: string }[];
    expect(part?.object).toBe('ANALYTICS.SALES.ORDERS');
    expect(second['catalog']).toEqual(first['catalog']);
    const { out } = await cli(['sessions', 'export', ...here]);
    const kept = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
      .filter(({ kind, body }) => kind === 'content_kept' && body['digest'] === part?.digest);
    expect(kept).toHaveLength(1);
    const content = String(kept[0]?.body['content']);
    expect(createHash('sha256').update(content).digest('hex')).toBe(part?.digest);
    expect(JSON.parse(content)).toMatchObject({ object: 'ANALYTICS.SALES.ORDERS', kind: 'table' });
    expect((JSON.parse(content) as { columns: { name: string }[] }).columns.map(({ name }) => name)).toContain(
      'STATUS',
    );
  });

  it('names a version of the policies whose files can be had again, byte by byte', async () => {
    const { policy_version: version } = await openingOf(await query(sales, 'SELECT 1'));
    const listed = await cli(['policy', 'history', '--json', ...here]);
    expect(listed.out).toContain(String(version));
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-history-'));
    try {
      const out = join(folder, 'then');
      const shown = await cli(['policy', 'history', String(version).slice(0, 20), ...here]);
      expect(shown.said).toContain(String(version));
      expect(shown.said).toMatch(/^# sales\S*\.yaml$/m);
      expect(shown.said).toContain('principals:');
      const written = await cli(['policy', 'history', String(version).slice(0, 20), '--out', out, ...here]);
      expect(written.code).toBe(0);
      const now = fileURLToPath(new URL('../acceptance/policies', import.meta.url));
      const names = (await readdir(now)).filter((name) => name.endsWith('.yaml') && !name.endsWith('.test.yaml'));
      expect((await readdir(out)).sort()).toEqual(names.sort());
      for (const name of names)
        expect(await readFile(join(out, name), 'utf8')).toBe(await readFile(join(now, name), 'utf8'));
      const again = await cli(['policy', 'history', String(version), '--out', out, ...here]);
      expect(again).toMatchObject({ code: 2, said: expect.stringContaining('FILE_EXISTS') });
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(await cli(['policy', 'history', 'ffff0000', '--out', '/nowhere', ...here])).toMatchObject({
      code: 1,
      said: expect.stringContaining('UNKNOWN_VERSION'),
    });
    expect((await cli(['policy', 'history', '--out', '/nowhere', ...here])).code).toBe(2);
  });
});

describe('the event that ends a statement', () => {
  const BEGUN = [
    'statement_digest',
    'kind',
    'fingerprint',
    'verdict',
    'objects',
    'policies',
    'policy_version',
    'connection',
  ];
  const approval = async (id: string | undefined, more: object = {}): Promise<QueryAnswer> =>
    (await pipeline.callTool({ name: 'approval', arguments: { id, ...more } }))
      .structuredContent as unknown as QueryAnswer;

  /** Its last event, held against its first. */
  async function endOf(answer: QueryAnswer, kind: string): Promise<Line['body']> {
    const events = await eventsOf(answer);
    const opening = events.find((event) => event.kind === 'statement_submitted')?.body ?? {};
    const end = events.findLast((event) => event.kind === kind)?.body ?? {};
    const about = (end['about'] ?? {}) as Record<string, unknown>;
    expect(Object.fromEntries(BEGUN.map((key) => [key, about[key]]))).toEqual(
      Object.fromEntries(BEGUN.map((key) => [key, opening[key]])),
    );
    expect(opening['statement_digest']).toMatch(/^[0-9a-f]{64}$/);
    expect(end['principal']).toEqual(opening['principal']);
    return about;
  }

  it('says who, over which connection, what and what was decided: where it ran, and where it failed', async () => {
    await endOf(await query(sales, 'SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS'), 'statement_completed');
    await endOf(await query(sales, 'SELECT 1 / (ORDER_ID - ORDER_ID) FROM ANALYTICS.SALES.ORDERS'), 'statement_failed');
  });

  it('names the approval that it ran under, and who gave it', async () => {
    const asked = await change('DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 3302');
    const { id = '' } = asked.approval ?? {};
    await cli(['approvals', 'approve', id, ...here], tokenOf(ready, 'steward'));
    expect((await approval(id)).status).toBe('ok');
    expect(await endOf(asked, 'statement_completed')).toMatchObject({
      approval: { id, reviewers: [expect.stringContaining('steward')] },
    });
  });

  it('names the approval that a person refused, or that its agent gave up', async () => {
    const denied = await change('DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 3303');
    await cli(['approvals', 'deny', denied.approval?.id ?? '', ...here], tokenOf(ready, 'steward'));
    expect(await endOf(denied, 'approval_decided')).toMatchObject({ approval: { id: denied.approval?.id } });
    const withdrawn = await change('DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 3304');
    await approval(withdrawn.approval?.id, { withdraw: true });
    expect(await endOf(withdrawn, 'approval_withdrawn')).toMatchObject({ approval: { id: withdrawn.approval?.id } });
  });
});
