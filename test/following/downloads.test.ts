/** Downloads as processes meet them: two replicas, results of any size, clients that stand still, gateways that stop, a store that is away. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueryAnswer } from '../support/demo.js';
import { GENEROUS_CONFIG } from '../support/gateways/limits.mjs';
import { pause, restartPostgres, startGateway, startParts } from '../support/gateways/replicas.mjs';

const POLICY = `policy: everything
principals: { groups: [sales-agents] }
snowflake: { role: AGENT_RO, warehouse: AGENT_WH }
rules:
  - allow: [read]
    on: [ANALYTICS.*.*]
limits: { rows: 1000000, result_bytes: 2GB }
`;
const STALL_MS = 2000;

let folder: string;
let parts: Awaited<ReturnType<typeof startParts>>;
let gateways: Awaited<ReturnType<typeof startGateway>>[];
let sales: Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-policies-'));
  await writeFile(join(folder, 'policy.yaml'), POLICY);
  parts = await startParts({
    agents: [{ name: 'sales-bot', groups: ['sales-agents'] }],
    policies: folder,
    replicas: 2,
    limits: { ...GENEROUS_CONFIG, downloads: 12, open_downloads: 4, download_stall: `${STALL_MS}ms` },
  });
  gateways = await Promise.all(parts.configurations.map((config, at) => startGateway(config, parts.urls[at] ?? '')));
  sales = new Client({ name: 'snowfence-tests', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await sales.connect(
    new StreamableHTTPClientTransport(new URL(parts.urls[0] ?? ''), {
      authProvider: { token: async () => parts.tokens[0] ?? '' },
    }),
  );
});
afterAll(async () => {
  await sales.close();
  for (const { child, ended } of gateways) {
    child.kill('SIGKILL');
    await ended;
  }
  await parts.end();
  await rm(folder, { recursive: true });
});

type Linked = QueryAnswer & { readonly download?: { readonly url: string } };

const ask = async (sql: string, format = 'csv'): Promise<Linked> =>
  (await sales.callTool({ name: 'query', arguments: { sql, format } }, { timeout: 170_000 }))
    .structuredContent as unknown as Linked;

/** The same link at one of the replicas, as a load balancer would lead there. */
function at(replica: number, answer: Linked): URL {
  if (!answer.download) throw new Error(JSON.stringify(answer));
  return new URL(new URL(answer.download.url).pathname, parts.urls[replica]);
}

const open = (url: URL): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${parts.tokens[0]}` };
    httpRequest(url, { agent: false, headers }, resolve).on('error', reject).end();
  });

/** Its bytes, and the error where it broke off. */
async function taken(response: IncomingMessage, onPart = (_part: Buffer): void => undefined) {
  let bytes = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      bytes += part.length;
      onPart(part);
    }
    return { bytes, error: undefined };
  } catch (error) {
    return { bytes, error };
  }
}

async function ended(statement: string): Promise<Record<string, unknown>> {
  const database = new pg.Client({ connectionString: parts.postgres.url });
  await database.connect();
  try {
    for (let tries = 0; tries < 400; tries++) {
      const { rows } = await database.query<{ body: Record<string, unknown> }>(
        "SELECT body FROM event WHERE statement_id = $1 AND kind = 'download_ended'",
        [statement],
      );
      if (rows[0]) return rows[0].body;
      await pause(50);
    }
  } finally {
    await database.end();
  }
  throw new Error('The download did not end.');
}

const rowsOf = (count: number, width: number): string =>
  `SELECT SEQ4() AS ID, REPEAT('x', ${width}) AS WORDS FROM TABLE(GENERATOR(ROWCOUNT => ${count}))`;

async function memoryOf({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

describe('a link', () => {
  it('is opened once by twenty at once over two replicas', async () => {
    const answer = await ask(rowsOf(1000, 10));
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const response = await open(at(index % 2, answer));
        await taken(response);
        return response.statusCode;
      }),
    );
    expect(statuses.toSorted()).toEqual([200, ...Array.from({ length: 19 }, () => 410)]);
    expect(await ended(answer.statement_id)).toMatchObject({ end: 'whole', rows: 1000 });
  });

  it('of which there are as many as a principal may have, until one is opened', async () => {
    const links: Linked[] = [];
    for (let index = 0; index < 4; index++) links.push(await ask('SELECT 1 AS ONE'));
    const refused = await ask('SELECT 2 AS TWO');
    expect(refused).toMatchObject({
      status: 'denied',
      denial: { code: 'LIMIT_REACHED', message: expect.stringContaining('4 downloads') },
    });
    expect(refused.query_id).toBe(null);
    for (const link of links) await taken(await open(at(1, link)));
    const after = await ask('SELECT 2 AS TWO');
    expect((await taken(await open(at(1, after)))).error).toBeUndefined();
  });
});

describe('links that are asked for at once', () => {
  it('are as many as a principal may have, over both replicas, and the others are told why', async () => {
    const other = new Client({ name: 'snowfence-tests', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await other.connect(
      new StreamableHTTPClientTransport(new URL(parts.urls[1] ?? ''), {
        authProvider: { token: async () => parts.tokens[0] ?? '' },
      }),
    );
    const answers = await Promise.all(
      Array.from(
        { length: 40 },
        async (_, at) =>
          (
            await (at % 2 === 0 ? sales : other).callTool(
              { name: 'query', arguments: { sql: `SELECT ${at} AS N`, format: 'csv' } },
              { timeout: 170_000 },
            )
          ).structuredContent as unknown as Linked,
      ),
    );
    await other.close();
    const links = answers.filter(({ download }) => download);
    expect(links).toHaveLength(4);
    for (const refused of answers.filter(({ download }) => !download))
      expect(refused).toMatchObject({
        status: 'denied',
        denial: { code: 'LIMIT_REACHED', message: expect.stringContaining('4 downloads') },
      });
    for (const link of links) expect((await taken(await open(at(1, link)))).error).toBeUndefined();
    expect((await ask('SELECT 2 AS TWO')).status).toBe('ok');
  });
});

describe('a result of a hundred megabytes and more', () => {
  const COUNT = 300_000;

  /** The most that a gateway has in memory while it gives a file out. */
  async function watched(gateway: ChildProcess, answer: Linked): Promise<{ most: number; bytes: number }> {
    let most = 0;
    const look = async (): Promise<void> => {
      most = Math.max(most, await memoryOf(gateway));
    };
    const response = await open(at(1, answer));
    const watch = setInterval(() => void look(), 50);
    const { bytes, error } = await taken(response);
    clearInterval(watch);
    expect(error).toBeUndefined();
    return { most, bytes };
  }

  it('takes no more memory than one of a third, in each format', async () => {
    const gateway = gateways[1]?.child;
    if (!gateway) throw new Error('There is no second gateway.');
    const small = await watched(gateway, await ask(rowsOf(COUNT / 3, 600)));
    for (const format of ['csv', 'jsonl', 'parquet']) {
      const answer = await ask(rowsOf(COUNT, 600), format);
      const { most, bytes } = await watched(gateway, answer);
      expect(await ended(answer.statement_id)).toMatchObject({ end: 'whole', rows: COUNT, file_bytes: bytes });
      if (format !== 'parquet') expect(bytes).toBeGreaterThan(180e6);
      expect(most - small.most).toBeLessThan(80e6);
    }
  });

  it('ends before a row that is larger than an answer may be', async () => {
    const answer = await ask(
      "SELECT REPEAT('a1b2.c3@d ', 1300000) AS A FROM ANALYTICS.SALES.CUSTOMERS ORDER BY CUSTOMER_ID LIMIT 3",
    );
    const { bytes, error } = await taken(await open(at(1, answer)));
    expect([error, bytes]).toEqual([undefined, 'A\r\n'.length]);
    expect(await ended(answer.statement_id)).toMatchObject({ end: 'byte_limit', rows: 0 });
  });

  it('is not read on for a client that takes nothing, which is not waited for', async () => {
    const answer = await ask(rowsOf(COUNT, 600));
    const response = await open(at(1, answer));
    response.pause();
    const since = performance.now();
    const { end, rows } = await ended(answer.statement_id);
    expect(end).toBe('stalled');
    expect(rows).toBeLessThan(COUNT / 4);
    expect(performance.now() - since).toBeLessThan(STALL_MS + 10_000);
    expect((await taken(response)).error).toBeInstanceOf(Error);
  });

  it('breaks off where its record can not be written', async () => {
    const answer = await ask(rowsOf(COUNT, 600));
    const response = await open(at(1, answer));
    let isAway = false;
    const { error, bytes } = await taken(response, () => {
      if (!isAway) process.kill(parts.postgres.pid, 'SIGKILL');
      isAway = true;
    });
    expect(isAway).toBe(true);
    expect(error).toBeInstanceOf(Error);
    expect(bytes).toBeLessThan(120e6);
    await restartPostgres(parts.postgres);
  });

  it('breaks off, and is recorded so, where its gateway is stopped', async () => {
    let answer = await ask(rowsOf(COUNT, 600)).catch(() => undefined);
    for (let tries = 0; answer?.status !== 'ok' && tries < 100; tries++) {
      await pause(100);
      answer = await ask(rowsOf(COUNT, 600)).catch(() => undefined);
    }
    if (!answer) throw new Error('The gateways did not come back.');
    const response = await open(at(1, answer));
    const second = gateways[1];
    let isTold = false;
    const { error } = await taken(response, () => {
      // A second signal would end it at once.
      if (!isTold) second?.child.kill('SIGTERM');
      isTold = true;
    });
    await second?.ended;
    expect(error).toBeInstanceOf(Error);
    expect(await ended(answer.statement_id)).toMatchObject({ end: 'stopped' });
  });
});
