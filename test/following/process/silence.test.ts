/** From outside: a notary that somebody keeps locked with its own password. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import pg from 'pg';
import { expect, it } from 'vitest';
import { startGateway, startParts } from '../../support/gateways/replicas.mjs';

it('is not ready and runs nothing while nobody notarises, and on again after', {
  timeout: 300_000,
}, async () => {
  const policies = fileURLToPath(new URL('../../acceptance/policies', import.meta.url));
  const parts = await startParts({ agents: [{ name: 'sales-bot', groups: ['sales-agents'] }], policies });
  const [config = '', url = ''] = [parts.configurations[0], parts.urls[0]];
  const gateway = await startGateway(config, url);
  const thief = new pg.Client({ connectionString: await readFile(join(parts.folder, 'notary-url'), 'utf8') });
  try {
    const ready = async () => {
      const response = await fetch(new URL('/readyz', url));
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const query = async () => {
      const agent = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
      await agent.connect(
        new StreamableHTTPClientTransport(new URL(url), { authProvider: { token: async () => parts.tokens[0] } }),
      );
      const { structuredContent } = await agent.callTool({
        name: 'query',
        arguments: { sql: 'SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS', purpose: 'to see whether it runs' },
      });
      await agent.close();
      return structuredContent as object;
    };
    expect(await query()).toMatchObject({ status: 'ok' });
    await thief.connect();
    // With the notary's own password.
    await thief.query('BEGIN');
    await thief.query('SELECT FROM notary_turn FOR UPDATE');
    await query();
    await expect.poll(async () => (await ready()).status, { interval: 500 }).toBe(503);
    expect((await ready()).body['integrity']).toMatch(/^Nobody has notarised since/);
    expect(await query()).toMatchObject({ status: 'denied', denial: { code: 'RECORD_IN_DOUBT' } });
    expect(await (await fetch(new URL('/metrics', url))).text()).toMatch(/snowfence_integrity_problems_total [1-9]/);
    expect(gateway.words()).toContain('Nobody has notarised since');
    await thief.query('ROLLBACK');
    await expect.poll(async () => (await ready()).status).toBe(200);
    expect(await query()).toMatchObject({ status: 'ok' });
  } finally {
    await thief.end();
    gateway.child.kill('SIGKILL');
    await gateway.ended;
    await parts.end();
  }
});
