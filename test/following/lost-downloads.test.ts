/**
 * A gateway dies while it gives out a file: the download has an end all the same, once, by whichever replica misses it; one that a living gateway
 * gives out has none but its own.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, type QueryAnswer } from '../support/demo.js';
import { GENEROUS_CONFIG } from '../support/gateways/limits.mjs';
import { pause, startGateway, startParts } from '../support/gateways/replicas.mjs';

const POLICY = `policy: everything
principals: { groups: [sales-agents] }
snowflake: { role: AGENT_RO, warehouse: AGENT_WH }
rules:
  - allow: [read]
    on: [ANALYTICS.*.*]
limits: { rows: 1000000, result_bytes: 2GB }
`;
const COUNT = 200_000;

let folder: string;
let parts: Awaited<ReturnType<typeof startParts>>;
let gateways: Awaited<ReturnType<typeof startGateway>>[];
let database: pg.Client;

const start = (at: number) => startGateway(parts.configurations[at] ?? '', parts.urls[at] ?? '');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-policies-'));
  await writeFile(join(folder, 'policy.yaml'), POLICY);
  parts = await startParts({
    agents: [{ name: 'sales-bot', groups: ['sales-agents'] }],
    policies: folder,
    replicas: 3,
    limits: { ...GENEROUS_CONFIG, downloads: 12, download_stall: '10m' },
  });
  gateways = await Promise.all(parts.configurations.map((_, at) => start(at)));
  database = new pg.Client({ connectionString: parts.postgres.url });
  await database.connect();
}, 120_000);
afterAll(async () => {
  await database.end();
  for (const { child, ended } of gateways) {
    child.kill('SIGKILL');
    await ended;
  }
  await parts.end();
  await rm(folder, { recursive: true });
});

type Linked = QueryAnswer & { readonly download?: { readonly url: string } };

interface Giving {
  readonly answer: Linked;
  readonly response: IncomingMessage;
}

/** Given out by one of the replicas, to a client that takes the beginning and then nothing. */
async function givenBy(replica: number): Promise<Giving> {
  const client = new Client({ name: 'lost-downloads', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(parts.urls[0] ?? ''), {
      authProvider: { token: async () => parts.tokens[0] ?? '' },
    }),
  );
  const sql = `SELECT SEQ4() AS ID, REPEAT('x', 600) AS WORDS FROM TABLE(GENERATOR(ROWCOUNT => ${COUNT}))`;
  const { structuredContent } = await client.callTool(
    { name: 'query', arguments: { sql, format: 'csv' } },
    { timeout: 170_000 },
  );
  await client.close();
  const answer = structuredContent as unknown as Linked;
  if (!answer.download) throw new Error(JSON.stringify(answer));
  const url = new URL(new URL(answer.download.url).pathname, parts.urls[replica]);
  const headers = { authorization: `Bearer ${parts.tokens[0]}` };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(url, { agent: false, headers }, resolve).on('error', reject).end();
  });
  expect(response.statusCode).toBe(200);
  await new Promise((resolve) => response.once('data', resolve));
  response.pause();
  return { answer, response };
}

/** What comes yet, to the end or until it breaks off. */
async function rest({ response }: Giving): Promise<Error | undefined> {
  try {
    for await (const _ of response);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

async function recorded(giving: Giving, kind: string): Promise<Record<string, unknown>[]> {
  const { rows } = await database.query<{ body: Record<string, unknown> }>(
    'SELECT body FROM event WHERE statement_id = $1 AND kind = $2 ORDER BY sequence',
    [giving.answer.statement_id, kind],
  );
  return rows.map(({ body }) => body);
}

async function endsOf(giving: Giving): Promise<Record<string, unknown>[]> {
  for (const until = Date.now() + 120_000; Date.now() < until; await pause(500)) {
    const ends = await recorded(giving, 'download_ended');
    if (ends.length > 0) return ends;
  }
  throw new Error('The download has no end.');
}

const here = (): string[] => ['--config', parts.configurations[0] ?? ''];
/** Rounds in which every replica looks for what is lost. */
const SOME_ROUNDS_MS = 6000;

describe('a download whose gateway is killed', () => {
  it('ends once, with what was about to leave; one of a living gateway goes on', async () => {
    const lost = await givenBy(1);
    const living = await givenBy(0);
    const kept = await pages(lost);
    gateways[1]?.child.kill('SIGKILL');
    await gateways[1]?.ended;
    expect(await rest(lost)).toBeInstanceOf(Error);
    const again = await start(1);
    gateways[1] = again;
    const [end] = await endsOf(lost);
    expect(kept).toBeGreaterThan(0);
    expect(end).toMatchObject({
      end: 'unknown',
      format: 'csv',
      query_id: lost.answer.query_id,
      rows: kept,
      about: { kind: 'select' },
      principal: { subject: 'sales-bot' },
    });
    expect(kept).toBeLessThan(COUNT);
    await pause(SOME_ROUNDS_MS);
    expect(await recorded(lost, 'download_ended')).toHaveLength(1);
    // It has been given out for longer than a process may be silent.
    expect(await recorded(living, 'download_ended')).toEqual([]);
    expect(await rest(living)).toBeUndefined();
    expect(await endsOf(living)).toMatchObject([{ end: 'whole', rows: COUNT }]);

    const session = lost.answer.session ?? '';
    const shown = await cli(['sessions', 'show', session, ...here()]);
    expect(shown.out).toContain(`at most ${kept} rows of csv: its gateway has gone`);
    const ocsf = (await cli(['sessions', 'export', session, '--format', 'ocsf', ...here()])).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { activity_name: string; status: string; unmapped: Record<string, unknown> })
      .filter(({ activity_name, unmapped }) => activity_name === 'Read' && unmapped['rows'] === kept);
    expect(ocsf).toMatchObject([{ status: 'Unknown', unmapped: { format: 'csv' } }]);
  }, 240_000);

  it('ends once, too, where it was only away for as long: it gives out nothing more', async () => {
    const away = await givenBy(2);
    gateways[2]?.child.kill('SIGSTOP');
    try {
      expect(await endsOf(away)).toMatchObject([{ end: 'unknown' }]);
    } finally {
      gateways[2]?.child.kill('SIGCONT');
    }
    expect(await rest(away)).toBeInstanceOf(Error);
    await pause(SOME_ROUNDS_MS);
    expect(await recorded(away, 'download_ended')).toHaveLength(1);
    // And is one of the replicas again.
    const next = await givenBy(2);
    expect(await rest(next)).toBeUndefined();
    expect(await endsOf(next)).toMatchObject([{ end: 'whole', rows: COUNT }]);
  }, 240_000);
});

/** Rows that were recorded before they left. */
async function pages(giving: Giving): Promise<number> {
  await pause(1000);
  return (await recorded(giving, 'rows_fetched')).reduce((sum, { rows }) => sum + Number(rows), 0);
}
