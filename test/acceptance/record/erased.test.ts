/** What an erasure leaves of what waits, goes on or is held: nobody decides on, runs or reads what nobody can be shown. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, type QueryAnswer, query } from '../../support/demo.js';
import { startGateway, startParts } from '../../support/gateways/replicas.mjs';

const POLICIES = fileURLToPath(new URL('../policies', import.meta.url));
const ORDERS = 'ANALYTICS.SALES.ORDERS';
const NAMES = ['pipeline-bot', 'steward', 'sales-bot'];

let parts: Awaited<ReturnType<typeof startParts>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let config = '';
/** With what whoever keeps the record may besides. */
let adminConfig = '';
let pipeline: Client;

const tokenOf = (name: string): string => parts.tokens[NAMES.indexOf(name)] ?? '';
async function agent(name: string): Promise<Client> {
  const client = new Client({ name: 'tests', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(parts.urls[0] ?? ''), {
      authProvider: { token: async () => tokenOf(name) },
    }),
  );
  return client;
}

beforeAll(async () => {
  parts = await startParts({
    agents: [
      { name: 'pipeline-bot', groups: ['pipeline-agents'] },
      { name: 'steward', groups: ['data-stewards'] },
      { name: 'sales-bot', groups: ['sales-agents'] },
    ],
    policies: POLICIES,
  });
  config = parts.configurations[0] ?? '';
  adminConfig = join(parts.folder, 'admin.yaml');
  await writeFile(join(parts.folder, 'admin-url'), parts.postgres.url);
  const text = await readFile(config, 'utf8');
  await writeFile(adminConfig, text.replace(/^transcript:\n/m, '$&  admin_url_file: admin-url\n'));
  gateway = await startGateway(config, parts.urls[0] ?? '');
  pipeline = await agent('pipeline-bot');
}, 180_000);
afterAll(async () => {
  await pipeline.close();
  gateway.child.kill('SIGTERM');
  await gateway.ended;
  await parts.end();
});

const steward = (...args: readonly string[]) => cli([...args, '--config', config], tokenOf('steward'));
const change = (id: number, purpose = 'To tidy up.', more: object = {}): Promise<QueryAnswer> =>
  query(pipeline, `DELETE FROM ${ORDERS} WHERE ORDER_ID = ${id}`, { purpose, ...more });
const resume = async (id: string): Promise<QueryAnswer & { approval_ended?: { why?: string; state: string } }> =>
  (await pipeline.callTool({ name: 'approval', arguments: { id } })).structuredContent as never;
const erase = async (session: string | null): Promise<void> => {
  const { code, said } = await cli(['keys', 'erase', session ?? '', '--yes', '--config', adminConfig]);
  expect([code, said]).toEqual([0, expect.stringContaining('The texts of 1 sessions are gone.')]);
};
/** The id of what waits. */
const waits = (answer: QueryAnswer): string => {
  expect(answer.status).toBe('approval_required');
  return answer.approval?.id ?? '';
};

describe('a session whose key was erased while', () => {
  it('a statement waited: nobody approves it, and it is over for a reason of its own', async () => {
    const asked = await change(9_001);
    const id = waits(asked);
    await erase(asked.session);
    expect((await steward('approvals', 'list')).said).not.toContain(id);
    expect((await steward('approvals', 'list', '--state', 'expired')).said).toContain(id);
    for (const more of [[], ['--standing', '10m']]) {
      const { code, said } = await steward('approvals', 'approve', id, ...more);
      expect(code).toBe(1);
      expect(said).toMatch(/is no longer open: it is expired \(its texts were erased, so that nobody can be shown/);
    }
    expect((await steward('approvals', 'standing')).said).toContain('None is in force.');
    const shown = (await steward('approvals', 'show', id)).said;
    expect(shown).toContain('its texts were erased');
    expect(shown).toContain('What pipeline-bot wrote was erased');
    expect(shown).not.toContain('gave no reason');
    expect(await resume(id)).toMatchObject({
      status: 'denied',
      denial: { code: 'APPROVAL_EXPIRED', message: expect.stringContaining('erased') },
      approval_ended: { state: 'expired', why: 'erased' },
    });
  });

  it('the agent goes on: its next statement begins another session, by its token and by its handle', async () => {
    const first = await query(pipeline, `SELECT COUNT(*) FROM ${ORDERS}`, { purpose: 'To count.' });
    await erase(first.session);
    const next = await query(pipeline, `SELECT COUNT(*) FROM ${ORDERS}`, { purpose: 'To count.' });
    expect(next.status).toBe('ok');
    expect(next.session).not.toBe(first.session);
    const held = await query(pipeline, `SELECT COUNT(*) FROM ${ORDERS}`, {
      purpose: 'To count.',
      session: first.session ?? '',
    });
    expect(held.session).toBe(next.session);
    const asked = await change(9_002, 'To be read.');
    expect((await steward('approvals', 'show', waits(asked))).said).toContain('To be read.');
  });

  it('a statement that was approved waited for its agent: it does not run, and the same is asked anew', async () => {
    const asked = await change(9_003);
    const id = waits(asked);
    expect((await steward('approvals', 'approve', id)).code).toBe(0);
    await erase(asked.session);
    expect(await resume(id)).toMatchObject({ status: 'denied', approval_ended: { why: 'erased' } });
    const again = await change(9_003);
    expect(waits(again)).not.toBe(id);
    // What the record says once somebody has written it down.
    expect((await steward('approvals', 'show', id)).said).toContain('its texts were erased');
  });

  it('a standing approval held: it lets nothing pass, and nobody is told that it would', async () => {
    const asked = await change(9_004);
    const id = waits(asked);
    expect((await steward('approvals', 'approve', id, '--standing', '10m')).code).toBe(0);
    expect((await resume(id)).status).toBe('ok');
    expect((await change(9_005)).status).toBe('ok');
    await erase(asked.session);
    waits(await change(9_006));
    expect((await steward('approvals', 'standing')).said).toContain('None is in force.');
    expect((await steward('approvals', 'show', id)).said).toContain(
      'of no use any more, since what it lets pass was erased',
    );
  });

  it('rows were left to be read, or a file to be fetched: there is nothing to read on from', async () => {
    const sales = await agent('sales-bot');
    const sql = `SELECT ORDER_ID FROM ${ORDERS} ORDER BY 1`;
    const first = await query(sales, sql, { max_rows: 1 });
    expect(first.cursor).not.toBeNull();
    await erase(first.session);
    const more = (await sales.callTool({ name: 'fetch', arguments: { cursor: first.cursor ?? '' } }))
      .structuredContent as unknown as QueryAnswer;
    expect(more.status).toBe('error');
    const file = (await query(sales, sql, { format: 'csv' })) as QueryAnswer & { download?: { url: string } };
    await erase(file.session);
    const fetched = await fetch(file.download?.url ?? '', {
      headers: { authorization: `Bearer ${tokenOf('sales-bot')}` },
    });
    expect(fetched.status).toBe(404);
    await sales.close();
  });
});
