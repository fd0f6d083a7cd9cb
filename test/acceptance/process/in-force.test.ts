/** What is in force, as the record and people are told it: after a change of the policies, and where a gateway could not start. */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { cli, type QueryAnswer, query } from '../../support/demo.js';
import { startGateway, startParts } from '../../support/gateways/replicas.mjs';
import { Receiver } from '../../support/outside/receiver.js';

const CHANGED = /policies have changed since this was asked for.*nothing runs.*has to ask anew/;
const more = (name: string): string =>
  `policy: ${name}\nprincipals: { groups: [nobody] }\nsnowflake: { role: R, warehouse: W }\nrules:\n  - allow: [read]\n    on: [DB.S.T]\n`;

let folder: string;
let parts: Awaited<ReturnType<typeof startParts>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let chat: Receiver;
let pipeline: Client;
let config = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-in-force-'));
  await cp(new URL('../policies', import.meta.url), join(folder, 'policies'), { recursive: true });
  chat = await Receiver.start(randomBytes(32));
  parts = await startParts({
    agents: [
      { name: 'pipeline-bot', groups: ['pipeline-agents'] },
      { name: 'steward', groups: ['data-stewards'] },
    ],
    policies: join(folder, 'policies'),
    webhooks: [{ name: 'chat', format: 'slack', url: chat.url }],
  });
  config = parts.configurations[0] ?? '';
  gateway = await startGateway(config, parts.urls[0] ?? '');
  pipeline = new Client({ name: 'tests', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await pipeline.connect(
    new StreamableHTTPClientTransport(new URL(parts.urls[0] ?? ''), {
      authProvider: { token: async () => parts.tokens[0] },
    }),
  );
}, 180_000);
afterAll(async () => {
  await pipeline.close();
  gateway.child.kill('SIGTERM');
  await gateway.ended;
  await parts.end();
  await chat[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const steward = (...args: readonly string[]) => cli([...args, '--config', config], parts.tokens[1]);
const history = async (): Promise<string> => (await steward('policy', 'history')).out;

it('a gateway that could not listen has put nothing in force', async () => {
  const before = await history();
  const other = join(folder, 'other');
  await cp(join(folder, 'policies'), other, { recursive: true });
  await writeFile(join(other, 'other.yaml'), more('other'));
  const second = join(parts.folder, 'second.yaml');
  const text = await readFile(config, 'utf8');
  await writeFile(second, text.replace(/^policies: .*$/m, `policies: ${other}`));
  const { code, said } = await cli(['serve', '--config', second]);
  expect(code).not.toBe(0);
  expect(said).toContain('PORT_IN_USE');
  expect(await history()).toBe(before);
  expect(before).not.toContain('other');
});

it('reviewers hear before and after their word that the policies have changed since it was asked for', async () => {
  const asked = await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 9201', {
    purpose: 'To tidy.',
  });
  const id = asked.approval?.id ?? '';
  for (const command of ['show', 'list'])
    expect((await steward('approvals', command, ...(command === 'show' ? [id] : []))).out).not.toMatch(CHANGED);
  await writeFile(join(folder, 'policies', 'new.yaml'), more('new'));
  gateway.child.kill('SIGHUP');
  await vi.waitFor(async () => expect(await history()).toContain('new'), { timeout: 30_000, interval: 500 });
  expect((await steward('approvals', 'show', id)).out).toMatch(CHANGED);
  expect((await steward('approvals', 'list')).out).toMatch(CHANGED);
  const approved = await steward('approvals', 'approve', id);
  expect(approved.code).toBe(0);
  expect(approved.out).toContain('The statement is approved.');
  expect(approved.out).toMatch(CHANGED);
  // In the chat, too, with the word that was given.
  await vi.waitFor(
    () =>
      expect(
        chat.received
          .map(({ body }) => body)
          .filter((body) => body.includes(id))
          .join('\n'),
      ).toMatch(CHANGED),
    {
      timeout: 60_000,
    },
  );
  const answer = (await pipeline.callTool({ name: 'approval', arguments: { id } }))
    .structuredContent as unknown as QueryAnswer;
  expect(answer).toMatchObject({ status: 'denied', denial: { code: 'APPROVAL_EXPIRED' } });
  // What is over is told as that, and no longer as what may come.
  expect((await steward('approvals', 'show', id)).out).not.toMatch(CHANGED);
});
