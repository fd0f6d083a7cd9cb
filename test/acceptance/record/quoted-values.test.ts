/**
 * Errors of Snowflake's that quote rows and values, each over columns that are masked, filtered, under policies of Snowflake's own, or open:
 * nothing of it comes to the agent, into the record, the log, the metrics or the console. What it would have been stands in Snowflake's history.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ready } from '../../../dist/demo/ready.js';
import { ACCEPTANCE, agent, MAIN, type QueryAnswer, query } from '../../support/demo.js';
import { connectDriver, execute } from '../../support/outside/driver.mjs';
import { Person } from '../../support/outside/person.js';

/** Every value of the tables: none of it is in any statement. */
const VALUE = /hush-\w+-\d+|7654321\d/;
const DB = 'ANALYTICS.SALES';

const POLICY = `policy: quoting
principals: { groups: [pipeline-agents] }
snowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }
rules:
  - allow: [read, insert, update, delete, merge]
    on: [${DB}.PLAIN, ${DB}.FILTERED, ${DB}.NATIVE, ${DB}.SINK]
columns:
  - match: ["${DB}.*.HIDDEN"]
    mask: redact
  - match: ["${DB}.*.DIGITS"]
    mask: { constant: 1 }
rows:
  - on: ${DB}.FILTERED
    where: REGION = 'EU'
`;

const TABLES = ['PLAIN', 'FILTERED', 'NATIVE'] as const;
const COLUMNS =
  'ID NUMBER, OPEN VARCHAR, HIDDEN VARCHAR, DIGITS NUMBER, OWN VARCHAR, REGION VARCHAR, SHORT VARCHAR(4), CODE VARCHAR, NUM NUMBER';
const SEED = [
  ...TABLES.flatMap((table) => [
    `CREATE TABLE ${DB}.${table} (${COLUMNS})`,
    `INSERT INTO ${DB}.${table} VALUES ${[1, 2, 3, 4]
      .map(
        (id) =>
          `(${id}, 'hush-open-${id}', 'hush-hidden-${id}', 7654321${id}, 'hush-own-${id}', '${id % 2 ? 'EU' : 'US'}', 's', '7654321${id}', 7654321${id})`,
      )
      .join(', ')}`,
  ]),
  `CREATE TABLE ${DB}.SINK (ID NUMBER NOT NULL, N NUMBER, V VARCHAR(3), W VARCHAR(3) NOT NULL, D DATE, C TIME, S TIMESTAMP_NTZ, O BOOLEAN, F FLOAT, B BINARY(2), P NUMBER(3,0))`,
  `CREATE ROW ACCESS POLICY ${DB}.SOME AS (R VARCHAR) RETURNS BOOLEAN -> R = 'EU'`,
  `CREATE MASKING POLICY ${DB}.PART AS (V VARCHAR) RETURNS VARCHAR -> LEFT(V, 7) || '***'`,
  `ALTER TABLE ${DB}.NATIVE ADD ROW ACCESS POLICY ${DB}.SOME ON (REGION)`,
  `ALTER TABLE ${DB}.NATIVE MODIFY COLUMN OWN SET MASKING POLICY ${DB}.PART`,
];

/** What each text comes of, over one column of one table. */
const reading = (column: string, from: string): string[] => [
  ...['NUMBER', 'NUMBER(3,0)', 'FLOAT', 'DATE', 'TIME', 'TIMESTAMP_NTZ', 'TIMESTAMP_LTZ', 'BOOLEAN', 'VARCHAR(3)'].map(
    (type) => `SELECT CAST(${column} AS ${type}) FROM ${from}`,
  ),
  ...['NUMBER', 'FLOAT', 'DATE', 'BOOLEAN'].map((type) => `SELECT TO_VARIANT(${column})::${type} FROM ${from}`),
  `SELECT PARSE_JSON(${column}) FROM ${from}`,
  `SELECT TO_BINARY(${column}, 'HEX') FROM ${from}`,
  `SELECT ID FROM ${from} WHERE TO_NUMBER(${column}) > 1`,
  `SELECT ID FROM ${from} ORDER BY TO_DATE(${column})`,
  `SELECT ID / (ID - ID) FROM ${from} WHERE ${column} IS NOT NULL`,
  `SELECT (SELECT ${column} FROM ${from}) AS ONE`,
];
const changing = (column: string, from: string): string[] => [
  ...['N', 'V', 'D', 'C', 'S', 'O', 'F', 'B', 'P'].map(
    (into) => `INSERT INTO ${DB}.SINK (ID, W, ${into}) SELECT ID, 'w', ${column} FROM ${from}`,
  ),
  `INSERT INTO ${DB}.SINK (ID, V) SELECT ID, LEFT(${column}, 1) FROM ${from}`,
  `UPDATE ${from} SET SHORT = ${column}`,
  `UPDATE ${from} SET ID = ${column} WHERE ID = 1`,
  `DELETE FROM ${from} WHERE ${column}::NUMBER = 1`,
  `MERGE INTO ${DB}.SINK AS T USING ${from} AS Q ON T.ID = Q.ID WHEN NOT MATCHED THEN INSERT (ID, W, V) VALUES (Q.ID, 'w', Q.${column})`,
  `MERGE INTO ${from} AS T USING (SELECT 1 AS ID, 'a' AS V UNION ALL SELECT 1, 'b') AS Q ON T.ID = Q.ID WHEN MATCHED THEN UPDATE SET SHORT = Q.V`,
  `MERGE INTO ${from} AS T USING (SELECT 1 AS ID UNION ALL SELECT 1) AS Q ON T.ID = Q.ID WHEN MATCHED THEN UPDATE SET ${column} = '1'`,
];
const NUMBERS = TABLES.flatMap((table) => [
  `SELECT CAST(NUM AS NUMBER(3,0)) FROM ${DB}.${table}`,
  `SELECT CAST(TO_VARIANT(NUM) AS NUMBER(3,0)) FROM ${DB}.${table}`,
  `INSERT INTO ${DB}.SINK (ID, W, P) SELECT ID, 'w', NUM FROM ${DB}.${table}`,
  `UPDATE ${DB}.SINK SET P = (SELECT MAX(NUM) FROM ${DB}.${table})`,
]);
const STATEMENTS = TABLES.flatMap((table) =>
  ['OPEN', 'HIDDEN', 'DIGITS', 'OWN', 'CODE'].flatMap((column) => {
    const from = `${DB}.${table}`;
    return [...reading(column, from), ...changing(column, from)];
  }),
).concat(NUMBERS);

let folder: string;
let child: ChildProcess;
let ready: Ready;
let log = '';
const answers: { readonly sql: string; readonly answer: QueryAnswer }[] = [];
/** Code and text of what failed, as Snowflake's history has it. */
let history: { readonly code: string; readonly text: string }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-quoted-'));
  await chmod(folder, 0o711);
  const policies = join(folder, 'policies');
  await mkdir(policies);
  await writeFile(join(policies, 'quoting.yaml'), POLICY);
  const file = join(folder, 'ready.json');
  const args = ['--verbose', 'demo', '--port', '0', '--no-tour', '--ready-file', file];
  child = spawn(process.execPath, [MAIN, ...args, '--seed', ACCEPTANCE.seeds[0] ?? '', '--policies', policies], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (part: Buffer) => {
      log += part.toString();
    });
  const until = Date.now() + 200_000;
  while (!existsSync(file) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
  ready = JSON.parse(await readFile(file, 'utf8')) as Ready;
  const admin = await connectDriver(ready.warehouse, { role: 'SECURITYADMIN', database: 'ANALYTICS', schema: 'SALES' });
  for (const sql of SEED) await execute(admin, sql);
  const client = await agent(ready, 'pipeline-bot');
  for (const sql of STATEMENTS) answers.push({ sql, answer: await query(client, sql) });
  await client.close();
  const failed = await execute(
    admin,
    "SELECT ERROR_CODE, ERROR_MESSAGE FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY(RESULT_LIMIT => 10000)) WHERE EXECUTION_STATUS = 'FAIL'",
  );
  history = failed.map((row) => ({ code: String(row['ERROR_CODE']), text: String(row['ERROR_MESSAGE']) }));
  admin.destroy(() => undefined);
});
afterAll(async () => {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
  await rm(folder, { recursive: true, force: true });
});

describe('errors that quote values', () => {
  it('are what Snowflake said: each of them, with values', () => {
    const texts = (code: string): readonly string[] =>
      history.filter((one) => one.code === code).map(({ text }) => text);
    for (const code of [
      '100035',
      '100037',
      '100038',
      '100039',
      '100040',
      '100069',
      '100071',
      '100078',
      '100108',
      '100115',
    ])
      expect([code, texts(code).some((text) => VALUE.test(text))]).toEqual([code, true]);
    expect(texts('100046').some((text) => VALUE.test(text))).toBe(true);
    for (const code of ['100051', '100072', '090150']) expect([code, texts(code).length > 0]).toEqual([code, true]);
    // The whole row of a MERGE's target, masked columns as they are.
    expect(texts('100090')).toEqual(
      expect.arrayContaining([expect.stringMatching(/Row Values: \[1, "hush-open-1", "hush-hidden-1", 76543211, /)]),
    );
  });

  it('come to the agent as words without them', () => {
    const errors = answers.filter(({ answer }) => answer.status === 'error');
    expect(errors.length).toBeGreaterThan(150);
    for (const { sql, answer } of answers)
      expect([sql, answer.status === 'ok' ? '' : JSON.stringify(answer)]).toEqual([
        sql,
        expect.not.stringMatching(VALUE),
      ]);
    // What is masked or hidden is in no answer at all.
    for (const { answer } of answers) expect(JSON.stringify(answer)).not.toMatch(/hush-hidden-|hush-own-/);
    // Words that are known are said, without what stands between them.
    const unknown = errors.filter(({ answer }) => /is not shown/.test(answer.error?.message ?? ''));
    expect(unknown.map(({ sql, answer }) => [sql, answer.error])).toEqual([]);
  });

  it('are in no table of the store', async () => {
    const database = new pg.Client({ connectionString: ready.database_url });
    await database.connect();
    const { rows: tables } = await database.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
    );
    let records = 0;
    const leaks: string[] = [];
    for (const { name } of tables) {
      const { rows } = await database.query<{ text: string }>(`SELECT t::text AS text FROM "${name}" t`);
      records += rows.length;
      leaks.push(...rows.map(({ text }) => text).filter((text) => VALUE.test(text)));
    }
    await database.end();
    expect(leaks).toEqual([]);
    expect(records).toBeGreaterThan(STATEMENTS.length);
  });

  it('are in no line of the log, no metric, and nothing that the console is told', async () => {
    expect(log).toContain('snowfence is listening');
    expect(log).not.toMatch(VALUE);
    expect(await (await fetch(ready.metrics_url)).text()).not.toMatch(VALUE);
    const person = new Person(ready);
    await person.signIn('auditor');
    const told: unknown[] = [];
    for (const path of ['/now', '/agents', '/sessions', '/search?limit=200', '/approvals']) {
      const { status, body } = await person.get(path);
      expect([path, status]).toEqual([path, 200]);
      told.push(body);
    }
    const { sessions } = (await person.get('/sessions')).body as { sessions: { id: string }[] };
    for (const { id } of sessions) {
      told.push((await person.get(`/sessions/${id}`)).body, (await person.get(`/sessions/${id}/statements`)).body);
    }
    const failed = answers.filter(({ answer }) => answer.status === 'error');
    for (const { answer } of failed.filter((_, at) => at % 7 === 0)) {
      const { status, body } = await person.get(`/statements/${answer.statement_id}`);
      expect(status).toBe(200);
      told.push(body);
    }
    expect(JSON.stringify(told).length).toBeGreaterThan(100_000);
    expect(JSON.stringify(told)).not.toMatch(VALUE);
  });
});
