import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Demo, type DemoOptions } from '../../dist/demo/demo.js';
import type { Ready } from '../../dist/demo/ready.js';
import { GENEROUS_CONFIG } from './gateways/limits.mjs';
import { copyCluster } from './store/postgres.mjs';

export const ACCEPTANCE: DemoOptions = {
  port: 0,
  data: undefined,
  seeds: [fileURLToPath(new URL('../acceptance/seed.sql', import.meta.url))],
  policies: fileURLToPath(new URL('../acceptance/policies', import.meta.url)),
  readyFile: undefined,
  tour: false,
  latencyMs: 0,
  verbose: false,
  limits: GENEROUS_CONFIG,
  prepare: async (folder) => {
    const password = await copyCluster(folder);
    if (password !== undefined) await writeFile(join(folder, 'database-password'), password, { mode: 0o600 });
  },
};

/** What says which zone and, under libfaketime, which time it is. */
const CLOCK = /^(?:TZ|LD_PRELOAD|FAKETIME\w*|DONT_FAKE_MONOTONIC)$/;

/** For a program that is to find nothing in its environment but what is given: it still lives at the tests' time and place. */
export const bareEnv = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  ...Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      CLOCK.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  ),
  ...more,
});

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface QueryAnswer {
  readonly status: 'ok' | 'denied' | 'approval_required' | 'error';
  readonly statement_id: string;
  readonly session: string | null;
  readonly columns: readonly { name: string; type: string; mask: string | null }[];
  readonly rows: readonly (readonly unknown[])[];
  readonly row_count: number;
  readonly truncated: boolean;
  readonly cursor: string | null;
  readonly notices: readonly string[];
  readonly query_id: string | null;
  readonly duration_ms: number;
  readonly denial?: {
    code: string;
    message: string;
    policy?: string;
    rule?: string;
    position?: { line: number; column: number };
    hint?: string;
  };
  readonly error?: { code: string; message: string };
  readonly approval?: {
    id: string;
    url: string;
    expires_at: string;
    decided_by: string;
    notified: readonly { webhook: string; state: string }[];
  };
}

export function tokenOf(ready: Ready, name: string): string {
  const found = [...ready.agents, ...ready.reviewers].find((agent) => agent.name === name);
  if (!found) throw new Error(`There is no ${name} in the demo.`);
  return found.token;
}

/** Longer than the client's own minute: as long as a test. */
const PATIENT = { timeout: 170_000 };

/** A client of the current protocol, as one of the demo's agents. */
export async function agent(ready: Ready, name: string): Promise<Client> {
  const client = new Client({ name: 'snowfence-tests', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(ready.mcp_url), {
      authProvider: { token: async () => tokenOf(ready, name) },
    }),
    PATIENT,
  );
  return client;
}

export async function query(client: Client, sql: string, more: Record<string, unknown> = {}): Promise<QueryAnswer> {
  const result = await client.callTool({ name: 'query', arguments: { sql, ...more } }, PATIENT);
  return result.structuredContent as unknown as QueryAnswer;
}

/** A demo with policies of its own, by the names of their files. */
export async function demoWith(files: Readonly<Record<string, string>>) {
  const policies = await mkdtemp(join(tmpdir(), 'snowfence-policies-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(policies, name), text);
  const demo = await Demo.start({ ...ACCEPTANCE, policies }, () => undefined);
  const end = async (): Promise<void> => {
    await demo[Symbol.asyncDispose]();
    await rm(policies, { recursive: true });
  };
  return { demo, policies, end };
}

const run = promisify(execFile);

/** The command line, with `token` as its caller's. Answers what it said on standard output, and on either stream; throws where Node has warned. */
export const cli = (args: readonly string[], token?: string): Promise<{ code: number; out: string; said: string }> =>
  run(process.execPath, [MAIN, ...args], {
    env: bareEnv(token === undefined ? {} : { SNOWFENCE_TOKEN: token }),
    maxBuffer: 64e6,
  })
    .then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, said: stdout + stderr }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        code: error.code,
        out: error.stdout,
        said: error.stdout + error.stderr,
      }),
    )
    .then((answered) => {
      // Nobody who types a command can do anything about it.
      if (/\(node:\d+\) |\bWarning: /.test(answered.said)) throw new Error(answered.said);
      return answered;
    });
