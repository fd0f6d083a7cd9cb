/** A gateway that is asked to stop writes its last outcomes, however often and however impatiently it is asked. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { storePool } from '../../../dist/transcript/index.js';
import { cli, query } from '../../support/demo.js';
import { type Parts, pause, startGateway, startParts } from '../../support/gateways/replicas.mjs';
import { Receiver } from '../../support/outside/receiver.js';

const POLICY = `policy: all
principals: { groups: [all] }
snowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }
rules:
  - allow: [select]
    on: [ANALYTICS.SALES.*]
`;
const SECRET = Buffer.alloc(32, 's');
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

describe('a gateway with webhooks', () => {
  it.each([1, 2, 3])(
    'ends without an error, whatever it was about to tell whom: time %i',
    async () => {
      await using receiver = await Receiver.start(SECRET);
      const config = join(parts.folder, 'with-webhooks.yaml');
      const draft = parse(await readFile(parts.configurations[0] ?? '', 'utf8')) as Record<string, unknown>;
      await writeFile(join(parts.folder, 'whsec'), `whsec_${SECRET.toString('base64')}`);
      const webhooks = [{ name: 'siem', url: receiver.url, secret_file: 'whsec' }];
      await writeFile(config, stringify({ ...draft, webhooks }));
      const url = parts.urls[0] ?? '';
      const gateway = await startGateway(config, url);
      const bot = new Client({ name: 'stopping', version: '1' }, { versionNegotiation: { mode: 'auto' } });
      await bot.connect(
        new StreamableHTTPClientTransport(new URL(url), { authProvider: { token: async () => parts.tokens[0] } }),
      );
      for (let at = 0; at < 10; at++) await query(bot, `SELECT ${at} AS N`);
      await expect.poll(() => receiver.received.length, { timeout: 60_000 }).toBeGreaterThan(0);
      const more = Array.from({ length: 10 }, (_, at) => query(bot, `SELECT ${at} AS M`).catch(() => undefined));
      await pause(Math.random() * 200);
      gateway.child.kill('SIGTERM');
      await gateway.ended;
      await Promise.all(more);
      await bot.close().catch(() => undefined);
      const words = gateway.words();
      expect(words).toContain('snowfence has stopped');
      expect(words).not.toMatch(/"level":50|after calling end/);
    },
    120_000,
  );
});

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
