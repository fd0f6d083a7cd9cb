/** Results as files: what `query` answers where a format is asked for, and what the link gives, to whom and how often. */
import { createHash } from 'node:crypto';
import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Client } from '@modelcontextprotocol/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Demo } from '../../dist/demo/demo.js';
import type { Warehouse } from '../../dist/warehouse/index.js';
import { agent, cli, demoWith, type QueryAnswer, query, tokenOf } from '../support/demo.js';
import { warehouseAt } from '../support/warehouse.mjs';

const SALES = (mask = 'email', more = ''): string => `policy: sales
principals: { groups: [sales-agents] }
snowflake: { role: AGENT_RO, warehouse: AGENT_WH }
rules:
  - allow: [read]
    on: [ANALYTICS.SALES.*, ANALYTICS.REF.*]
  - approve: [read]
    on: [ANALYTICS.HR.*]
    by: { groups: [data-stewards] }
${more}columns:
  - match: [ANALYTICS.SALES.CUSTOMERS.EMAIL]
    mask: ${mask}
detect:
  - find: [phone]
    mask: redact
limits: { rows: 120000, result_bytes: 100MB }
`;
const PIPELINE = `policy: pipeline
principals: { groups: [pipeline-agents] }
snowflake: { role: AGENT_RO, warehouse: AGENT_WH }
rules:
  - allow: [read, insert]
    on: [ANALYTICS.*.*]
limits: { rows: 500, result_bytes: 20KB }
record: { results: masked }
`;

let demo: Demo;
let end: () => Promise<void>;
let folder: string;
let files: string;
let sales: Client;
let pipeline: Client;
let owner: Warehouse;

beforeAll(async () => {
  ({ demo, policies: folder, end } = await demoWith({ 'sales.yaml': SALES(), 'pipeline.yaml': PIPELINE }));
  files = await mkdtemp(join(tmpdir(), 'snowfence-downloads-'));
  const { account, access_url, username, password } = demo.ready.warehouse;
  owner = warehouseAt(access_url, password, { account, username, poolSize: 1 });
  for (const sql of [
    `CREATE TABLE ANALYTICS.REF.BIG AS SELECT SEQ4() AS ID, 'row number ' || SEQ4() || REPEAT('.', 100) AS WORDS FROM TABLE(GENERATOR(ROWCOUNT => 100000))`,
    'CREATE TABLE ANALYTICS.REF.KEPT (ID INTEGER)',
  ])
    await owner.ask({ role: 'SYSADMIN', warehouse: 'WH' }, sql, 'test');
  [sales, pipeline] = await Promise.all([agent(demo.ready, 'sales-bot'), agent(demo.ready, 'pipeline-bot')]);
});
afterAll(async () => {
  await Promise.all([sales.close(), pipeline.close()]);
  await owner[Symbol.asyncDispose]();
  await end();
  await rm(files, { recursive: true });
});

interface Link {
  readonly url: string;
  readonly format: string;
  readonly expires_at: string;
  readonly rows: number | null;
}
type Linked = QueryAnswer & { readonly download?: Link };

const ask = async (client: Client, sql: string, format: string, more: Record<string, unknown> = {}): Promise<Linked> =>
  (await query(client, sql, { format, ...more })) as Linked;

function linkIn({ download, ...answer }: Linked): Link {
  if (!download) throw new Error(`There is no link: ${JSON.stringify(answer)}`);
  return download;
}

const get = (url: string, name = 'sales-bot', init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, headers: { authorization: `Bearer ${tokenOf(demo.ready, name)}`, ...init.headers } });

interface Whole {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly trailers: IncomingMessage['trailers'];
  readonly body: Buffer;
}

/** With its trailers, which `fetch` does not tell; rejects where the file breaks off. */
const whole = (url: string, name = 'sales-bot', headers: Record<string, string> = {}): Promise<Whole> =>
  new Promise((resolve, reject) => {
    const asked = httpRequest(
      url,
      { agent: false, headers: { authorization: `Bearer ${tokenOf(demo.ready, name)}`, ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status, headers: told, trailers } = response;
          resolve({ status, headers: told, trailers, body: Buffer.concat(parts) });
        });
      },
    );
    asked.on('error', reject);
    asked.end();
  });

const textOf = async (client: Client, sql: string, format: string, name = 'sales-bot'): Promise<string> =>
  (await whole(linkIn(await ask(client, sql, format)).url, name)).body.toString();

interface Recorded {
  readonly kind: string;
  readonly body: Record<string, unknown>;
}

async function events(statement: string): Promise<Recorded[]> {
  const database = new pg.Client({ connectionString: demo.ready.database_url });
  await database.connect();
  const { rows } = await database.query('SELECT kind, body FROM event WHERE statement_id = $1 ORDER BY sequence', [
    statement,
  ]);
  await database.end();
  return rows as Recorded[];
}

/** The event by which a download ended, once it is there. */
async function ended(statement: string): Promise<Recorded['body']> {
  for (let tries = 0; tries < 200; tries++) {
    const found = (await events(statement)).find(({ kind }) => kind === 'download_ended');
    if (found) return found.body;
    await pause(50);
  }
  throw new Error('The download did not end.');
}

/** Rows of a Parquet file as another reader has them: values as JSON, types by name. */
async function parquet(bytes: Uint8Array, select = '*') {
  const file = join(files, `${createHash('sha256').update(bytes).digest('hex')}.parquet`);
  await writeFile(file, bytes);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const result = await connection.runAndReadAll(`SELECT ${select} FROM '${file}'`);
  const types = result.columnTypes().map((type) => String(type));
  const rows = result.getRowsJson();
  connection.closeSync();
  instance.closeSync();
  return { types, rows, names: result.columnNames() };
}

const BIG = 'SELECT ID, WORDS FROM ANALYTICS.REF.BIG ORDER BY ID';

describe('an answer with a link', () => {
  it('has columns, masks and the link in both forms, and no row in either', async () => {
    const sql = 'SELECT CUSTOMER_ID, EMAIL FROM ANALYTICS.SALES.CUSTOMERS ORDER BY CUSTOMER_ID';
    const result = await sales.callTool({ name: 'query', arguments: { sql, format: 'csv' } });
    const answer = result.structuredContent as unknown as Linked;
    const link = linkIn(answer);
    expect(answer).toMatchObject({ status: 'ok', rows: [], row_count: 0, truncated: false, cursor: null });
    expect(answer.columns).toEqual([
      { name: 'CUSTOMER_ID', type: 'NUMBER', mask: null },
      { name: 'EMAIL', type: 'TEXT', mask: 'email' },
    ]);
    expect(link).toMatchObject({ format: 'csv', rows: 1200 });
    expect(link.url).toMatch(/\/downloads\/[0-9a-f-]{36}$/);
    expect(new URL(link.url).origin).toBe(new URL(demo.ready.mcp_url).origin);
    const life = Date.parse(link.expires_at) - Date.now();
    expect(life).toBeGreaterThan(3_500_000);
    expect(life).toBeLessThan(3_602_000);
    const [said] = result.content as { text: string }[];
    expect(said?.text).toContain(`curl -f -H "Authorization: Bearer $TOKEN" ${link.url} -o result.csv`);
    expect(said?.text).toContain('1200 rows');
    expect(said?.text).toContain('Masked: EMAIL (email).');
    expect(said?.text).not.toContain('***@');
  });

  it('takes null for no format, and refuses one that there is not', async () => {
    expect((await ask(sales, 'SELECT 1 AS ONE', null as unknown as string)).rows).toEqual([[1]]);
    const refused = await sales.callTool({ name: 'query', arguments: { sql: 'SELECT 1 AS ONE', format: 'xlsx' } });
    expect(refused.isError).toBe(true);
    expect(JSON.stringify(refused.content)).toContain('parquet');
  });

  it('a change answers its numbers, and says why there is no file', async () => {
    const answer = await ask(pipeline, 'INSERT INTO ANALYTICS.REF.KEPT (ID) VALUES (1), (2)', 'csv');
    expect(answer).toMatchObject({ status: 'ok', rows: [[2]] });
    expect(answer.download).toBeUndefined();
    expect(answer.notices.join()).toContain('There is no file');
  });

  it('a denied statement is denied as ever, and a failed one fails', async () => {
    expect(await ask(sales, 'SELECT * FROM ANALYTICS.NOWHERE.T', 'csv')).toMatchObject({ status: 'denied' });
    const failed = await ask(sales, 'SELECT 1 / (ORDER_ID - ORDER_ID) AS N FROM ANALYTICS.SALES.ORDERS', 'csv');
    expect(failed).toMatchObject({ status: 'error' });
    expect(failed.download).toBeUndefined();
  });
});

describe('who may open a link, and how often', () => {
  it('its principal, once; a look and a part use nothing up', async () => {
    const { url } = linkIn(await ask(sales, 'SELECT 1 AS ONE', 'csv'));
    const looked = await get(url, 'sales-bot', { method: 'HEAD' });
    expect([looked.status, looked.headers.get('content-type')]).toEqual([
      200,
      'text/csv; charset=utf-8; header=present',
    ]);
    expect((await get(url, 'sales-bot', { method: 'POST' })).status).toBe(405);
    const other = await get(url, 'pipeline-bot');
    const none = await get(`${url.slice(0, -1)}${url.endsWith('0') ? '1' : '0'}`);
    expect([other.status, none.status]).toEqual([404, 404]);
    expect(await other.text()).toBe(await none.text());
    expect((await get(url, 'pipeline-bot', { method: 'HEAD' })).status).toBe(404);
    const nobody = await fetch(url);
    expect(nobody.status).toBe(401);
    expect(nobody.headers.get('www-authenticate')).toContain('/.well-known/oauth-protected-resource');
    // A part is asked for, and the whole is given.
    const opened = await whole(url, 'sales-bot', { range: 'bytes=0-1' });
    expect(opened).toMatchObject({ status: 200, trailers: { 'snowfence-end': 'whole', 'snowfence-rows-given': '1' } });
    expect(opened.body.toString()).toBe('ONE\r\n1\r\n');
    expect(opened.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'none',
      'snowfence-rows': '1',
      'content-disposition': expect.stringMatching(/^attachment; filename="result-[0-9a-f]{8}\.csv"$/),
    });
    const again = await get(url);
    expect(again.status).toBe(410);
    expect(await again.json()).toMatchObject({ error: { code: 'DOWNLOAD_OVER' } });
    expect((await get(url, 'sales-bot', { method: 'HEAD' })).status).toBe(410);
    // To others it is still none.
    expect((await get(url, 'pipeline-bot')).status).toBe(404);
  });

  it('no page of another site, no other name of this host, and no client that could not tell a part from the whole', async () => {
    const { url } = linkIn(await ask(sales, 'SELECT 1 AS ONE', 'csv'));
    expect((await whole(url, 'sales-bot', { host: 'elsewhere.example' })).status).toBe(403);
    expect((await whole(url, 'sales-bot', { origin: 'https://elsewhere.example' })).status).toBe(403);
    const { hostname, port, pathname, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET ${pathname} HTTP/1.0\r\nhost: ${host}\r\nauthorization: Bearer ${tokenOf(demo.ready, 'sales-bot')}\r\n\r\n`,
    );
    let said = '';
    for await (const part of socket) said += String(part);
    expect(said).toMatch(/^HTTP\/1\.1 505 /);
    expect((await whole(url)).status).toBe(200);
  });
});

describe('a file', () => {
  it('has the same masks, and what the detectors take out', async () => {
    const sql =
      'SELECT CUSTOMER_ID, EMAIL, NOTES FROM ANALYTICS.SALES.CUSTOMERS WHERE CUSTOMER_ID IN (9, 10) ORDER BY CUSTOMER_ID';
    const shown = (await query(sales, sql)).rows;
    expect(shown.map(([, email]) => email)).toEqual(['***@mail2.example', '***@mail3.example']);
    expect(shown[1]?.[2]).not.toContain('415-555');
    const answer = await ask(sales, sql, 'jsonl');
    const lines = (await whole(linkIn(answer).url)).body.toString().trimEnd().split('\n');
    expect(lines.map((line) => Object.values(JSON.parse(line) as object))).toEqual(shown);
    const recorded = await events(answer.statement_id);
    expect(recorded.map(({ kind }) => kind)).toEqual([
      'statement_submitted',
      'statement_sent',
      'statement_completed',
      'download_opened',
      'rows_fetched',
      'download_ended',
    ]);
    expect(recorded[0]?.body).toMatchObject({ format: 'jsonl' });
    expect(recorded[2]?.body).toMatchObject({ rows: 0, masks: [['EMAIL', 'email']] });
    expect(recorded[4]?.body).toMatchObject({ rows: 2, from: 0, detected: ['phone'] });
    expect(recorded[5]?.body).toMatchObject({ end: 'whole', rows: 2, detected: ['phone'] });
  });

  it('as CSV tells NULL from the empty text, and changes no value', async () => {
    const sql = `SELECT NULL AS "no, thing", '' AS EMPTY, 'a,b' AS A, 'say "x"' AS Q, '=1+1' AS F, 'two
lines' AS L, ' x' AS SPACE, 1.50 AS N, TRUE AS B`;
    expect(await textOf(sales, sql, 'csv')).toBe(
      '"no, thing",EMPTY,A,Q,F,L,SPACE,N,B\r\n,"","a,b","say ""x""",=1+1,"two\nlines"," x",1.5,true\r\n',
    );
  });

  it('of no rows has its head all the same', async () => {
    const none = 'SELECT ORDER_ID, STATUS FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID < 0';
    expect(await textOf(sales, none, 'csv')).toBe('ORDER_ID,STATUS\r\n');
    expect(await textOf(sales, none, 'jsonl')).toBe('');
    const { body } = await whole(linkIn(await ask(sales, none, 'parquet')).url);
    expect(await parquet(body)).toMatchObject({ rows: [], names: ['ORDER_ID', 'STATUS'] });
  });

  const TYPES = `SELECT 12345678901234567890123456789012345678::NUMBER(38,0) AS LARGE, 7::NUMBER(9,0) AS SMALL,
    -12.34::NUMBER(12,2) AS MONEY, '-1234567890123456789012345678.0123456789'::NUMBER(38,10) AS PRECISE,
    0.0000001::NUMBER(10,7) AS TINY, 0.1::FLOAT AS FRACTION, TRUE AS YES, '1969-07-20'::DATE AS DAY,
    '1969-07-20 20:17:40.123456'::TIMESTAMP_NTZ AS WALL, '2026-03-01 12:00:00.5 +02:00'::TIMESTAMP_TZ AS MOMENT,
    TO_BINARY('00FF41', 'HEX') AS BYTES, PARSE_JSON('{"a": [1, "x", null]}') AS DOC, TO_VARIANT('plain') AS WORD,
    'Grüße, 世界' AS WORDS, 1 AS TWICE, 2 AS TWICE, NULL AS NOTHING`;

  it('have columns called as what every object of JavaScript has', async () => {
    const names = [...Object.getOwnPropertyNames(Object.prototype), 'then', 'A'];
    const listed = names.map((name, at) => `ID + ${at} AS "${name}"`).join(', ');
    const sql = `SELECT ${listed} FROM ANALYTICS.REF.BIG WHERE ID < 3 ORDER BY ID`;
    const wanted = [0, 1, 2].map((id) => names.map((_, at) => id + at));
    const lines = (await textOf(sales, sql, 'csv')).trim().split(/\r?\n/);
    expect(lines[0]).toBe(names.join(','));
    expect(lines.slice(1)).toEqual(wanted.map((row) => row.join(',')));
    const jsonl = (await textOf(sales, sql, 'jsonl')).trim().split('\n');
    expect(jsonl).toEqual(wanted.map((row) => `{${names.map((name, at) => `"${name}":${row[at]}`).join(',')}}`));
    const { names: read, rows } = await parquet((await whole(linkIn(await ask(sales, sql, 'parquet')).url)).body);
    expect(read).toEqual(names);
    expect(rows.map((row) => row.map(Number))).toEqual(wanted);
  });

  it('has the types of the result, in three formats, as query answers them', async () => {
    const { columns, rows } = await query(sales, TYPES);
    const [row] = rows;
    const names = columns.map(({ name }) => name);
    const line = await textOf(sales, TYPES, 'jsonl');
    const keys = names.map((name, at) => (names.indexOf(name) < at ? `${name}_2` : name));
    expect(line).toBe(`{${keys.map((key, at) => `"${key}":${JSON.stringify(row?.[at])}`).join(',')}}\n`);
    expect(row?.[0]).toBe('12345678901234567890123456789012345678');
    const [head, values] = (await textOf(sales, TYPES, 'csv')).split('\r\n');
    expect(head).toBe(names.join(','));
    expect(values).toBe(
      [
        '12345678901234567890123456789012345678,7,-12.34,-1234567890123456789012345678.0123456789,0.0000001,0.1,true',
        `1969-07-20,1969-07-20T20:17:40.123456,${String(row?.[9])},00FF41,"{""a"":[1,""x"",null]}","""plain"""`,
        '"Grüße, 世界",1,2,',
      ].join(','),
    );
    const { body } = await whole(linkIn(await ask(sales, TYPES, 'parquet')).url);
    const read = await parquet(body, '* EXCLUDE (MOMENT), epoch_ms(MOMENT) AS MOMENT');
    expect(read.names).toEqual([...keys.filter((key) => key !== 'MOMENT'), 'MOMENT']);
    const found = Object.fromEntries(read.names.map((name, at) => [name, [read.types[at], read.rows[0]?.[at]]]));
    expect(found).toMatchObject({
      LARGE: ['DECIMAL(38,0)', '12345678901234567890123456789012345678'],
      MONEY: [expect.stringMatching(/^DECIMAL\(\d+,2\)$/), '-12.34'],
      PRECISE: ['DECIMAL(38,10)', '-1234567890123456789012345678.0123456789'],
      TINY: [expect.stringMatching(/^DECIMAL\(\d+,7\)$/), '0.0000001'],
      FRACTION: ['DOUBLE', 0.1],
      YES: ['BOOLEAN', true],
      DAY: ['DATE', '1969-07-20'],
      WALL: ['TIMESTAMP', '1969-07-20 20:17:40.123456'],
      MOMENT: ['BIGINT', String(Date.parse('2026-03-01T10:00:00.500Z'))],
      BYTES: ['BLOB', '\\x00\\xFFA'],
      DOC: ['VARCHAR', '{"a":[1,"x",null]}'],
      WORD: ['VARCHAR', '"plain"'],
      WORDS: ['VARCHAR', 'Grüße, 世界'],
      NOTHING: [expect.any(String), null],
    });
    expect([found['SMALL']?.[1], found['TWICE']?.[1], found['TWICE_2']?.[1]].map(String)).toEqual(['7', '1', '2']);
  });

  it('is whole, however many rows it has, and the same in each format', async () => {
    const answers = await Promise.all(['csv', 'jsonl', 'parquet'].map((format) => ask(sales, BIG, format)));
    const [csv, jsonl, columnar] = await Promise.all(answers.map((answer) => whole(linkIn(answer).url)));
    const words = (id: number): string => `row number ${id}${'.'.repeat(100)}`;
    const ids = Array.from({ length: 100_000 }, (_, id) => id);
    expect(csv?.body.toString() === `ID,WORDS\r\n${ids.map((id) => `${id},${words(id)}\r\n`).join('')}`).toBe(true);
    expect(jsonl?.body.toString() === ids.map((id) => `{"ID":${id},"WORDS":"${words(id)}"}\n`).join('')).toBe(true);
    const sums = "count(*), sum(ID), count(DISTINCT WORDS), bool_and(WORDS LIKE 'row number ' || ID || '....%')";
    const read = await parquet(columnar?.body ?? Buffer.alloc(0), sums);
    expect(read.rows[0]?.map(String)).toEqual(['100000', '4999950000', '100000', 'true']);
    // What is in the record is this very file.
    for (const [at, file] of [csv, jsonl, columnar].entries()) {
      const sum = createHash('sha256')
        .update(file?.body ?? '')
        .digest('hex');
      const told = await ended(answers[at]?.statement_id ?? '');
      expect(told).toMatchObject({ end: 'whole', rows: 100_000, file_bytes: file?.body.length, file_sha256: sum });
    }
  });

  it('leaves nothing of a client that goes away', async () => {
    const answer = await ask(sales, BIG, 'jsonl');
    const controller = new AbortController();
    const response = await get(linkIn(answer).url, 'sales-bot', { signal: controller.signal });
    await response.body?.getReader().read();
    controller.abort();
    const { end: how, rows } = await ended(answer.statement_id);
    expect(how).toBe('client_gone');
    expect(rows).toBeLessThan(100_000);
    expect((await get(linkIn(answer).url)).status).toBe(410);
  });
});

describe('the limits of a policy', () => {
  const ORDERS = 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS ORDER BY ORDER_ID';

  it('of rows is told before, and the file ends there', async () => {
    const answer = await ask(pipeline, ORDERS, 'csv');
    expect(answer).toMatchObject({ truncated: true, download: { rows: 500 } });
    expect(answer.notices.join()).toContain('cut at your limit');
    const { headers, trailers, body } = await whole(linkIn(answer).url, 'pipeline-bot');
    expect(headers).toMatchObject({ 'snowfence-truncated': 'row_limit', 'snowfence-rows': '500' });
    expect(trailers).toEqual({ 'snowfence-end': 'row_limit', 'snowfence-rows-given': '500' });
    expect(body.toString().split('\r\n')).toHaveLength(502);
    expect(await ended(answer.statement_id)).toMatchObject({ end: 'row_limit', rows: 500 });
  });

  it('of bytes is told at the end', async () => {
    const sql = `SELECT ORDER_ID, REPEAT('x', 90) AS X FROM ANALYTICS.SALES.ORDERS ORDER BY ORDER_ID LIMIT 400`;
    const answer = await ask(pipeline, sql, 'jsonl');
    expect(answer).toMatchObject({ truncated: false, download: { rows: 400 } });
    const { trailers, body } = await whole(linkIn(answer).url, 'pipeline-bot');
    const rows = body.toString().trimEnd().split('\n').length;
    expect(trailers).toEqual({ 'snowfence-end': 'byte_limit', 'snowfence-rows-given': String(rows) });
    expect(rows).toBeGreaterThan(150);
    expect(rows).toBeLessThan(230);
    const { bytes, end: how } = await ended(answer.statement_id);
    expect(how).toBe('byte_limit');
    expect(bytes).toBeLessThanOrEqual(20_000);
    // Of a policy that has results recorded, the record has the rows as they were given out.
    const pages = (await events(answer.statement_id)).filter(({ kind }) => kind === 'rows_fetched');
    expect(pages.flatMap(({ body: page }) => page['result'])).toHaveLength(rows);
  });

  it('and what was asked for, where that is less', async () => {
    const answer = await ask(pipeline, ORDERS, 'csv', { max_rows: 3 });
    expect(answer).toMatchObject({ truncated: true, download: { rows: 3 } });
    expect(answer.notices).toEqual(['The file ends after 3 rows, as max_rows says; the result has more.']);
    expect((await whole(linkIn(answer).url, 'pipeline-bot')).body.toString()).toBe('ORDER_ID\r\n1\r\n2\r\n3\r\n');
  });
});

describe('the rules of the moment', () => {
  const take = async (text: string): Promise<void> => {
    await writeFile(join(folder, 'sales.yaml'), text);
    process.kill(demo.ready.pids.gateway, 'SIGHUP');
  };
  const EMAILS = 'SELECT CUSTOMER_ID, EMAIL FROM ANALYTICS.SALES.CUSTOMERS ORDER BY CUSTOMER_ID LIMIT 5';

  it('are asked when the link is opened; where they give it no more it stays closed, and unused', async () => {
    const answer = await ask(sales, EMAILS, 'csv');
    const { url } = linkIn(answer);
    await take(SALES('redact'));
    let refused: Response;
    do refused = await get(url, 'sales-bot', { method: 'HEAD' });
    while (((await query(sales, EMAILS)).columns[1]?.mask ?? '') !== 'redact');
    refused = await get(url);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error: { code: 'NOT_VERIFIED' } });
    await take(SALES('email', '  - deny: [read]\n    on: [ANALYTICS.SALES.CUSTOMERS]\n    reason: Not now.\n'));
    while ((await query(sales, EMAILS)).status !== 'denied') await pause(50);
    refused = await get(url);
    expect(await refused.json()).toMatchObject({
      error: { code: 'OBJECT_DENIED', message: expect.stringContaining('Not now.') },
    });
    await take(SALES());
    while ((await query(sales, EMAILS)).columns[1]?.mask !== 'email') await pause(50);
    const given = (await whole(url)).body.toString();
    expect(given).toContain('1,***@mail1.example\r\n');
    const told = (await events(answer.statement_id)).filter(({ kind }) => kind.startsWith('download_'));
    expect(told.map(({ kind, body }) => `${kind} ${String(body['end'] ?? '')}`.trim())).toEqual([
      'download_ended denied',
      'download_ended denied',
      'download_opened',
      'download_ended whole',
    ]);
  });

  it('are asked again while it is given out, and it breaks off where they are narrower', async () => {
    const sql =
      'SELECT B.ID, B.WORDS, C.EMAIL FROM ANALYTICS.REF.BIG B JOIN ANALYTICS.SALES.CUSTOMERS C ON C.CUSTOMER_ID = 1 + B.ID % 1000';
    const answer = await ask(sales, sql, 'csv');
    const socket = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { authorization: `Bearer ${tokenOf(demo.ready, 'sales-bot')}` };
      httpRequest(linkIn(answer).url, { agent: false, headers }, resolve).on('error', reject).end();
    });
    // Nothing is taken meanwhile, so that nearly all of it is yet to come.
    socket.pause();
    await take(SALES('redact'));
    while ((await query(sales, EMAILS)).columns[1]?.mask !== 'redact') await pause(50);
    const failed = await new Promise<unknown>((resolve) => {
      socket.on('error', resolve).on('end', () => resolve(undefined));
      socket.resume();
    });
    expect(failed).toBeInstanceOf(Error);
    expect(await ended(answer.statement_id)).toMatchObject({ end: 'denied', denial: { code: 'NOT_VERIFIED' } });
    await take(SALES());
    while ((await query(sales, EMAILS)).columns[1]?.mask !== 'email') await pause(50);
  });
});

describe('snowfence connect --download', () => {
  const connected = (url: string, out: string, gateway = demo.ready.mcp_url) =>
    cli(['connect', '--url', gateway, '--download', url, '--out', out], tokenOf(demo.ready, 'pipeline-bot'));

  it('writes the file, whole or not at all, and says where it ends at a limit', async () => {
    const sql = 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS ORDER BY ORDER_ID';
    const { url } = linkIn(await ask(pipeline, sql, 'csv'));
    const out = join(files, 'orders.csv');
    const done = await connected(url, out);
    expect([done.code, done.out.replace(/\s+/g, ' ')]).toEqual([0, expect.stringContaining('500 rows in')]);
    expect(done.said.replace(/\s+/g, ' ')).toContain('It ends at the limit of rows');
    expect((await readFile(out, 'utf8')).split('\r\n')).toHaveLength(502);
    const again = await connected(url, join(files, 'again.csv'));
    expect([again.code, again.said.replace(/\s+/g, ' ')]).toEqual([1, expect.stringContaining('has been opened')]);
    await expect(readFile(join(files, 'again.csv'))).rejects.toThrow();
    expect((await readdir(files)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('writes to nothing and removes nothing that is there, whatever it is called', async () => {
    const [out, precious] = [join(files, 'linked.csv'), join(files, 'precious')];
    await writeFile(precious, 'PRECIOUS');
    await symlink(precious, `${out}.part`);
    const { url } = linkIn(await ask(pipeline, 'SELECT 1 AS ONE', 'csv'));
    expect((await connected(url, out)).code).toBe(0);
    expect(await readFile(precious, 'utf8')).toBe('PRECIOUS');
    expect((await lstat(out)).isFile()).toBe(true);
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect((await lstat(`${out}.part`)).isSymbolicLink()).toBe(true);

    const notes = join(files, 'notes.csv');
    await writeFile(`${notes}.part`, 'my own notes');
    expect((await connected(url.replace(/.{4}$/, 'ffff'), notes)).code).toBe(1);
    expect(await readFile(`${notes}.part`, 'utf8')).toBe('my own notes');

    // A link that leads nowhere is there, too: what it names is not written.
    const dangling = join(files, 'dangling.csv');
    await symlink(join(files, 'not-there'), dangling);
    const told = await connected(url, dangling);
    expect([told.code, told.said]).toEqual([2, expect.stringContaining('is there already')]);
    await expect(readFile(join(files, 'not-there'))).rejects.toThrow();

    for (const wrong of [join(files, 'nowhere', 'x.csv'), join(precious, 'x.csv')]) {
      const { code, said } = await connected(url, wrong);
      expect([code, said]).toEqual([2, expect.stringMatching(/NOT_WRITTEN.*--out/)]);
      expect(said).not.toMatch(/ENOENT|ENOTDIR|UNEXPECTED/);
    }
  });

  it('sends the token nowhere else, and uses no link up for a file that is there', async () => {
    const { url } = linkIn(await ask(pipeline, 'SELECT 1 AS ONE', 'csv'));
    const elsewhere = await connected('https://elsewhere.example/downloads/x', join(files, 'x.csv'));
    expect([elsewhere.code, elsewhere.said]).toEqual([2, expect.stringContaining('Nothing was sent')]);
    const out = join(files, 'there.csv');
    await writeFile(out, 'kept');
    expect((await connected(url, out)).code).toBe(2);
    expect(await readFile(out, 'utf8')).toBe('kept');
    expect((await connected(url, join(files, 'other.csv'))).code).toBe(0);
  });
});

describe('a statement that a person has to approve', () => {
  it('gives the file that was asked for, once it is approved', async () => {
    const sql = 'SELECT COUNT(*) AS N FROM ANALYTICS.HR.PAYROLL';
    const asked = await ask(sales, sql, 'jsonl');
    expect(asked).toMatchObject({ status: 'approval_required' });
    const id = asked.approval?.id ?? '';
    // Without a file it is another question.
    expect((await query(sales, sql)).approval?.id).not.toBe(id);
    const steward = tokenOf(demo.ready, 'steward');
    const shown = await cli(['approvals', 'show', id, '--config', demo.ready.config_file], steward);
    expect(shown.out).toContain('as a jsonl file');
    await cli(['approvals', 'approve', id, '--config', demo.ready.config_file], steward);
    const answer = (await sales.callTool({ name: 'approval', arguments: { id, wait_seconds: 20 } }))
      .structuredContent as unknown as Linked;
    expect(answer).toMatchObject({ status: 'ok', rows: [], download: { format: 'jsonl', rows: 1 } });
    expect((await whole(linkIn(answer).url)).body.toString()).toMatch(/^\{"N":\d+\}\n$/);
  });
});

describe('the record', () => {
  it('shows a download in replay and listings, and exports it to whoever watches by OCSF', async () => {
    const answer = await ask(pipeline, 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID < 4', 'csv');
    await whole(linkIn(answer).url, 'pipeline-bot');
    const session = answer.session ?? '';
    const config = ['--config', demo.ready.config_file];
    const shown = (await cli(['sessions', 'show', session, ...config])).out;
    expect(shown).toContain('the download as csv');
    expect(shown).toMatch(/3 rows, \d+ bytes of csv, whole/);
    const out = join(files, 'ocsf.jsonl');
    await cli(['sessions', 'export', session, '--format', 'ocsf', '--out', out, ...config]);
    const lines = (await readFile(out, 'utf8')).trimEnd().split('\n');
    const told = lines
      .map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>)
      .filter(
        ({ metadata, unmapped }) =>
          metadata?.['event_code'] === 'download_ended' && unmapped?.['statement_id'] === answer.statement_id,
      );
    expect(told).toMatchObject([
      {
        class_uid: 6005,
        activity_name: 'Read',
        type_uid: 600_501,
        status: 'Success',
        status_detail: 'whole',
        action: 'Allowed',
        message: 'pipeline-bot downloaded the result of a statement',
        unmapped: { rows: 3, format: 'csv', file_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    ]);
    const verified = await cli(['verify', ...config]);
    expect([verified.code, verified.said.split('\n')[1]]).toEqual([0, expect.any(String)]);
  });
});
