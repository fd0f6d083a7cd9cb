/** A gateway that is asked to stop writes its last outcomes, however often and however impatiently it is asked. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storePool } from '../../dist/transcript/index.js';
import { cli, query } from '../support/demo.js';
import { type Parts, pause, startGateway, startParts } from '../support/gateways/replicas.mjs';

const POLICY = `policy: all
principals: { groups: [all] }
snowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }
rules:
  - allow: [select]
    on: [ANALYTICS.SALES.*]
`;
const GRACE_MS = 60_000;
const long = (name: string): string =>
  `SELECT COUNT(*) AS ${name} FROM TABLE(GENERATOR(ROWCOUNT => 1000000)) a, TABLE(GENERATOR(ROWCOUNT => 1000000)) b`;

let folder: string;
let parts: Parts;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-stopping-'));
  await writeFile(join(folder, 'all.yaml'), POLICY);
  parts = await startParts({
    agents: [{ name: 'bot', groups: ['all'] }],
    policies: folder,
    sections: { shutdown: { grace: `${GRACE_MS / 1000}s` } },
  });
}, 180_000);
afterAll(async () => {
  await parts.end();
  await rm(folder, { recursive: true });
});

/** The kinds of events of a statement, once it is there. */
async function kindsOf(sql: string): Promise<readonly string[]> {
  const admin = storePool(parts.postgres.url, 30_000, 1);
  const { rows } = await admin
    .query<{ kind: string }>(
      'SELECT e.kind FROM event e JOIN statement s ON s.id = e.statement_id WHERE s.text = $1 ORDER BY e.sequence',
      [sql],
    )
    .finally(() => admin.end());
  return rows.map(({ kind }) => kind);
}

describe('a gateway with a statement that runs', () => {
  it('that hears SIGTERM twice, and more often, cancels it and writes that down', async () => {
    const signal = 'SIGTERM';
    const url = parts.urls[0] ?? '';
    const gateway = await startGateway(parts.configurations[0] ?? '', url);
    const bot = new Client({ name: 'stopping', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await bot.connect(
      new StreamableHTTPClientTransport(new URL(url), { authProvider: { token: async () => parts.tokens[0] } }),
    );
    const sql = long(signal);
    query(bot, sql).catch(() => undefined);
    await expect.poll(() => kindsOf(sql), { timeout: 30_000 }).toContain('statement_submitted');
    await pause(1000);
    const begun = Date.now();
    gateway.child.kill(signal);
    await pause(500);
    expect([gateway.child.exitCode, gateway.child.signalCode]).toEqual([null, null]);
    for (let more = 0; more < 5; more++) {
      gateway.child.kill(signal);
      await pause(50);
    }
    await gateway.ended;
    expect(Date.now() - begun).toBeLessThan(GRACE_MS);
    // A signal that comes behind this word ends what has nothing left to do.
    expect(gateway.words()).toContain('snowfence has stopped');
    expect((await kindsOf(sql)).at(-1)).toBe('statement_cancelled');
    const { code, said } = await cli(['verify', '--config', parts.configurations[0] ?? '']);
    expect([code, said]).toEqual([0, expect.stringContaining('whole')]);
    await bot.close().catch(() => undefined);
  }, 120_000);
});
