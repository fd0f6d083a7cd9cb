/** What a gateway answers once it has found the record changed: it is not ready, runs nothing and signs nothing, until somebody looks. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { verifyConfigured } from '../../../dist/cli/record/verify.js';
import { loadConfig } from '../../../dist/config/config.js';
import { batchMessage, contentOf } from '../../../dist/transcript/form/chain.js';
import { storePool } from '../../../dist/transcript/index.js';
import { startGateway, startParts } from '../../support/gateways/replicas.mjs';
import { putIn } from '../fill.mjs';

let parts: Awaited<ReturnType<typeof startParts>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
const config = (): string => parts.configurations[0] ?? '';
const url = (): string => parts.urls[0] ?? '';
beforeAll(async () => {
  const policies = fileURLToPath(new URL('../../acceptance/policies', import.meta.url));
  parts = await startParts({ agents: [{ name: 'sales-bot', groups: ['sales-agents'] }], policies });
  gateway = await startGateway(config(), url());
});
afterAll(async () => {
  gateway.child.kill('SIGKILL');
  await gateway.ended;
  await parts.end();
});

interface Said {
  readonly status?: string;
  readonly denial?: { readonly code?: string };
}

async function query(): Promise<Said> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url()), { authProvider: { token: async () => parts.tokens[0] } }),
  );
  const { structuredContent } = await client.callTool({
    name: 'query',
    arguments: { sql: 'SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS', purpose: 'to see whether it runs' },
  });
  await client.close();
  return structuredContent as Said;
}

const ready = async (): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(new URL('/readyz', url()));
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

const look = async () =>
  verifyConfigured(await loadConfig(config()), { checkpoints: [], keys: [], onProgress: () => undefined });

/** With the gateway's own password and no key. */
async function forge(): Promise<void> {
  const pool = storePool(await readFile(join(parts.folder, 'gateway-url'), 'utf8'), 30_000, 1);
  const { rows } = await pool.query(
    "SELECT e.session_id AS session, e.writer, e.n::int AS n FROM event e JOIN session s ON s.id = e.session_id WHERE s.actor = 'agent' ORDER BY e.sequence DESC LIMIT 1",
  );
  const [{ session, writer, n }] = rows;
  const at = new Date().toISOString();
  const body = { approval: session, decision: 'approve', reviewer: 'steward' };
  const event = { session, at, writer, n, statement: null, kind: 'approval_decided', body: JSON.stringify(body) };
  const key = generateKeyPairSync('ed25519').privateKey;
  const sig = sign(null, batchMessage(writer, n, [contentOf(event)]), key).toString('base64');
  await putIn(pool, writer, session, [{ at, n, k: event.kind, body, sig }]);
  await pool.end();
}

/** In order: its parent lets go of it, too. */
async function stop(): Promise<void> {
  gateway.child.kill('SIGTERM');
  gateway.child.disconnect();
  await gateway.ended;
}

it('a forged event: not ready, nothing run, nothing signed; verify names it until it was looked into', {
  // Three gateways, one after the other.
  timeout: 300_000,
}, async () => {
  expect(await query()).toMatchObject({ status: 'ok' });
  expect(await ready()).toMatchObject({ status: 200, body: { transcript: 'ok' } });
  await expect.poll(async () => (await look()).checkpoints).toBeGreaterThan(0);
  expect((await look()).breaks).toEqual([]);
  await forge();
  await expect.poll(async () => (await ready()).status).toBe(503);
  expect((await ready()).body['integrity']).toMatch(/had written number \d+ before: this event was put in/);
  expect(await query()).toMatchObject({ status: 'denied', denial: { code: 'RECORD_IN_DOUBT' } });
  await expect
    .poll(async () => (await look()).breaks.map(({ what }) => what).join('\n'))
    .toMatch(/A gateway found the record changed/);
  const report = await look();
  expect(report.uncovered).toBeGreaterThan(0);
  const size = report.size;

  // Another one does not sign it either; where it was told to, it goes on running.
  await stop();
  const settings = parse(await readFile(config(), 'utf8')) as { transcript: Record<string, unknown> };
  settings.transcript['on_integrity_problem'] = 'warn';
  await writeFile(config(), stringify(settings));
  gateway = await startGateway(config(), url());
  await expect.poll(async () => (await ready()).body['integrity']).toBeDefined();
  expect((await ready()).status).toBe(200);
  expect(await query()).toMatchObject({ status: 'ok' });
  expect((await look()).size).toBe(size);

  // Somebody has looked into it.
  await stop();
  const words = (await look()).breaks.map(({ what }) => what).join('\n');
  const [, forged] = /had written number \d+ before.*\(its hash is ([0-9a-f]{64})\)/.exec(words) ?? [];
  const acknowledged = [...words.matchAll(/transcript\.acknowledged with ([0-9a-f]{64})/g)].map(([, hash]) => hash);
  Object.assign(settings.transcript, { on_integrity_problem: 'stop', forged: [forged], acknowledged });
  await writeFile(config(), stringify(settings));
  gateway = await startGateway(config(), url());
  expect(await query()).toMatchObject({ status: 'ok' });
  await expect.poll(async () => (await look()).size).toBeGreaterThan(size);
  expect(await ready()).toMatchObject({ status: 200 });
  expect((await look()).breaks).toEqual([]);

  // One that runs would begin the file anew with its next checkpoint.
  await stop();
  const file = join(parts.folder, 'checkpoints.txt');
  await rename(file, `${file}.away`);
  expect((await look()).breaks[0]?.what).toContain(`The checkpoints that are kept in ${file} are missing`);
});
