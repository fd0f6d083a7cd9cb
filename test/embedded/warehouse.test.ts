/** The embedded warehouse by the unmodified driver: log-in, types, large results, cancelling, sessions, errors, history. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { Connection, RowStatement } from 'snowflake-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, Warehouse } from '../../dist/embedded/warehouse/index.js';
import { OBJECT_LIKE } from '../../dist/warehouse/connection/own-questions.js';
import { connectDriver, execute } from '../support/outside/driver.mjs';

const pair = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const [own, other] = [pair(), pair()];

let warehouse: Warehouse;
let connection: Connection;
let address: { access_url: string; username: string; password: string };

beforeAll(async () => {
  warehouse = await Warehouse.start({
    ...DEFAULT_OPTIONS,
    databases: ['DB'],
    seeds: [],
    defaultDatabase: 'DB',
    inlineRows: 100,
    chunkRows: 500,
    syncWaitMs: 300,
    users: [{ name: 'AGENT', password: 'pw', publicKey: own.publicKey, tokens: ['tok-1'] }],
  });
  address = { access_url: warehouse.url, username: 'agent', password: 'pw' };
  connection = await connectDriver(address);
  await execute(connection, 'CREATE TABLE PEOPLE (ID NUMBER, NAME STRING, BORN DATE)');
  await execute(connection, "INSERT INTO PEOPLE VALUES (1, 'Ann', '1990-01-02'), (2, 'Bo', NULL)");
});
afterAll(async () => {
  connection.destroy(() => undefined);
  await warehouse[Symbol.asyncDispose]();
});

const failure = async (work: Promise<unknown>): Promise<{ code?: string; sqlState?: string; message: string }> =>
  work.then(
    () => {
      throw new Error('It did not fail.');
    },
    (error: unknown) => error as { code: string; sqlState: string; message: string },
  );

describe('virtual columns and CHECK constraints (virtual-columns, constraints-overview)', () => {
  beforeAll(async () => {
    await execute(
      connection,
      "CREATE TABLE CREDITS (ID NUMBER, CEILING NUMBER, SSN VARCHAR(20) DEFAULT 'x', AMOUNT NUMBER CHECK (AMOUNT > 0), SSN_KEY VARCHAR GENERATED ALWAYS AS (LOWER(SSN)) VIRTUAL, TAIL VARCHAR AS (SSN_KEY || '!'), CONSTRAINT KEPT CHECK (AMOUNT <= CEILING))",
    );
    await execute(connection, "INSERT INTO CREDITS VALUES (1, 10, 'ABC', 5)");
  });

  afterAll(() => execute(connection, 'DROP TABLE CREDITS'));

  it('are computed, and no new row gives them a value', async () => {
    expect(await execute(connection, 'SELECT SSN_KEY, TAIL FROM CREDITS')).toEqual([{ SSN_KEY: 'abc', TAIL: 'abc!' }]);
    await failure(execute(connection, "INSERT INTO CREDITS (ID, SSN_KEY) VALUES (2, 'x')"));
  });

  it('are told by DESCRIBE with their expression', async () => {
    const rows = await execute(connection, 'DESCRIBE TABLE CREDITS');
    expect(rows.map(({ name, kind, expression }) => [name, kind, expression])).toEqual([
      ['ID', 'COLUMN', null],
      ['CEILING', 'COLUMN', null],
      ['SSN', 'COLUMN', null],
      ['AMOUNT', 'COLUMN', null],
      ['SSN_KEY', 'VIRTUAL', expect.stringMatching(/lower\(SSN\)/i)],
      ['TAIL', 'VIRTUAL', expect.stringMatching(/SSN_KEY \|\| '!'/i)],
    ]);
  });

  it('conditions hold for changes, and the Information Schema tells them', async () => {
    await failure(execute(connection, 'UPDATE CREDITS SET AMOUNT = 11 WHERE ID = 1'));
    await failure(execute(connection, 'UPDATE CREDITS SET AMOUNT = 0 WHERE ID = 1'));
    await execute(connection, 'UPDATE CREDITS SET AMOUNT = 10 WHERE ID = 1');
    const rows = await execute(
      connection,
      "SELECT CHECK_CLAUSE FROM DB.INFORMATION_SCHEMA.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 'PUBLIC' AND CONSTRAINT_TABLE = 'CREDITS' ORDER BY 1",
    );
    expect(rows.map((row) => String(Object.values(row)[0]).replaceAll(/[\s()]/g, ''))).toEqual([
      'AMOUNT<=CEILING',
      'AMOUNT>0',
    ]);
  });
});

describe('log-in', () => {
  const close = (open: Connection): void => open.destroy(() => undefined);

  it('by key pair, whose signature, issuer and fingerprint are verified', async () => {
    const { password: _password, ...who } = address;
    close(await connectDriver(who, { authenticator: 'SNOWFLAKE_JWT', privateKey: own.privateKey }));
    expect(
      (await failure(connectDriver(who, { authenticator: 'SNOWFLAKE_JWT', privateKey: other.privateKey }))).code,
    ).toBe('390144');
  });

  it.each(['OAUTH', 'PROGRAMMATIC_ACCESS_TOKEN'])('by %s', async (authenticator) => {
    const { password: _password, ...who } = address;
    const open = await connectDriver(who, { authenticator, token: 'tok-1' });
    expect(await execute(open, 'SELECT CURRENT_USER() AS U')).toEqual([{ U: 'AGENT' }]);
    close(open);
    expect(['390303', '394400']).toContain((await failure(connectDriver(who, { authenticator, token: 'bad' }))).code);
  });

  it('refuses a wrong password, and an unknown user in the same words', async () => {
    const [wrong, unknown] = [
      await failure(connectDriver({ ...address, password: 'no' })),
      await failure(connectDriver({ ...address, username: 'nobody' })),
    ];
    expect(wrong.code).toBe('390100');
    expect(unknown.message).toBe(wrong.message);
  });
});

describe('types', () => {
  it('come in Snowflake’s encodings', async () => {
    const [row] = await execute(
      connection,
      `SELECT 12345678901234567890::NUMBER(38,0) AS BIG, 1.25::NUMBER(10,2) AS DEC, 1.5::FLOAT AS F, TRUE AS B, '2024-02-29'::DATE AS D, '23:59:58.123456'::TIME AS T,
              '2024-02-29 12:34:56.789'::TIMESTAMP_NTZ AS NTZ, TO_BINARY('CAFE') AS BIN, PARSE_JSON('{a: [1, {"b": null}]}') AS V, ARRAY_CONSTRUCT(1, 'x') AS A, NULL AS N`,
      { fetchAsString: ['Number'] },
    );
    expect(row).toMatchObject({
      BIG: '12345678901234567890',
      DEC: '1.25',
      F: '1.5',
      B: true,
      T: '23:59:58',
      V: { a: [1, { b: null }] },
      A: [1, 'x'],
    });
    expect((row?.['NTZ'] as Date | undefined)?.toJSON()).toBe('2024-02-29 12:34:56.789');
    expect((row?.['BIN'] as Buffer | undefined)?.toString('hex')).toBe('cafe');
  });

  it('names columns as Snowflake does', async () => {
    expect(
      Object.keys(
        (await execute(connection, 'SELECT id, name AS "nick", count(*) over (), \'x\' FROM people'))[0] ?? {},
      ),
    ).toEqual(['ID', 'nick', 'COUNT(*) OVER ()', "'X'"]);
  });

  it('places behind a character of two units are where they are', async () => {
    const [row] = await execute(connection, "SELECT '😀😀' AS face, name FROM people ORDER BY id LIMIT 1; ");
    expect(Object.keys(row ?? {})).toEqual(['FACE', 'NAME']);
    expect(row?.['FACE']).toBe('😀😀');
    expect(Object.keys((await execute(connection, "SELECT '😀' , upper('é😀')"))[0] ?? {})).toEqual([
      "'😀'",
      "UPPER('É😀')",
    ]);
  });
});

describe('results', () => {
  it('large ones come in chunks, whole and in order', async () => {
    const rows = await execute(connection, 'SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => 5000)) ORDER BY 1');
    expect(rows.map((row) => row['N'])).toEqual(Array.from({ length: 5000 }, (_, index) => index));
  });

  it('of long statements are polled for', async () => {
    // Three times as long as a request waits, however fast or busy the machine is.
    const started = performance.now();
    expect(Object.values((await execute(connection, 'CALL SYSTEM$WAIT(1)'))[0] ?? {})).toEqual(['waited 1 seconds']);
    expect(performance.now() - started).toBeGreaterThan(900);
    const rows = await execute(
      connection,
      'SELECT COUNT(*) AS N FROM TABLE(GENERATOR(ROWCOUNT => 6000)) a, TABLE(GENERATOR(ROWCOUNT => 1000)) b WHERE a.range * b.range % 7 > 2',
    );
    expect(Number(rows[0]?.['N'])).toBeGreaterThan(1e6);
  });

  it('keep within ROWS_PER_RESULTSET', async () => {
    expect(
      await execute(connection, 'SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => 50))', {
        parameters: { ROWS_PER_RESULTSET: 7 },
      }),
    ).toHaveLength(7);
  });

  it('of several statements come one by one', async () => {
    expect((await failure(execute(connection, 'SELECT 1; SELECT 2'))).code).toBe('000008');
    const got: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      connection.execute({
        sqlText: 'SELECT 1 AS A; SELECT 2 AS B',
        parameters: { MULTI_STATEMENT_COUNT: 2 },
        complete: (error, statement, rows) => {
          if (error) return reject(error);
          got.push(rows);
          const part = statement as RowStatement & { hasNext?: () => boolean; NextResult?: () => void };
          return part.hasNext?.() ? part.NextResult?.() : resolve();
        },
      });
    });
    expect(got).toEqual([[{ A: 1 }], [{ B: 2 }]]);
  });
});

describe('cancelling', () => {
  const LONG = 'SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 1000000)) a, TABLE(GENERATOR(ROWCOUNT => 1000000)) b';

  it('ends a running statement, and the session goes on', async () => {
    let statement: RowStatement | undefined;
    const running = new Promise((resolve, reject) => {
      statement = connection.execute({
        sqlText: LONG,
        complete: (error) => (error ? reject(error) : resolve(undefined)),
      });
    });
    // A word that overtakes the statement itself is about nothing yet: it is said again.
    const cancelling = setInterval(() => statement?.cancel(() => undefined), 300);
    expect(await failure(running).finally(() => clearInterval(cancelling))).toMatchObject({
      code: '000604',
      sqlState: '57014',
    });
    expect(await execute(connection, 'SELECT 1 AS A')).toEqual([{ A: 1 }]);
  });

  it('comes by itself after STATEMENT_TIMEOUT_IN_SECONDS', async () => {
    expect(await failure(execute(connection, LONG, { parameters: { STATEMENT_TIMEOUT_IN_SECONDS: 1 } }))).toMatchObject(
      { code: '000630' },
    );
  });
});

describe('identifiers', () => {
  it('fold as Snowflake’s do', async () => {
    expect(await execute(connection, 'SELECT "NAME" FROM "PEOPLE" WHERE id = 1')).toEqual([{ NAME: 'Ann' }]);
    expect(await failure(execute(connection, 'SELECT * FROM "people"'))).toMatchObject({
      code: '002003',
      sqlState: '42S02',
    });
    expect(await failure(execute(connection, 'SELECT "name" FROM PEOPLE'))).toMatchObject({ code: '000904' });
  });
});

describe('errors', () => {
  it.each([
    ['SELECT * FROM NOPE', '002003', '42S02'],
    ['SELECT NOPE FROM PEOPLE', '000904', '42000'],
    ['SELEC 1', '001003', '42000'],
    ['SELECT 1/0', '100051', '22012'],
    ["SELECT 'abc'::NUMBER", '100038', '22018'],
    ["SELECT CAST('9.8765' AS VARCHAR(4))", '100078', '22000'],
    ['SELECT NO_SUCH_FUNCTION(1)', '002141', '42601'],
    ['', '000900', '42601'],
    ['PUT file:///etc/passwd @~', '000002', '0A000'],
    ["SELECT * FROM READ_CSV('/etc/passwd')", '002999', '42000'],
    ["SELECT PARSE_JSON('{')", '100069', '22P02'],
  ])('%s', async (sql, code, state) =>
    expect(await failure(execute(connection, sql))).toMatchObject({ code, sqlState: state }),
  );

  it('of requests that are none do not take the process down', async () => {
    const send = (path: string, body: string): Promise<unknown> =>
      fetch(new URL(path, warehouse.url), { method: 'POST', body }).then((response) => response.json());
    for (const [path, body] of [
      ['/session/v1/login-request', '{'],
      ['/session/v1/login-request', '{}'],
      ['/queries/v1/query-request', '[]'],
      ['/nothing', ''],
      ['/session/v1/login-request', '\u001f\u008b'],
    ] as const)
      expect(await send(path, body)).toMatchObject({ success: false });
    expect((await fetch(new URL('/sf-chunks/x', warehouse.url))).status).toBe(404);
    expect(await execute(connection, 'SELECT 1 AS A')).toEqual([{ A: 1 }]);
  });
});

describe('what it knows of itself', () => {
  it('answers SHOW, DESCRIBE, INFORMATION_SCHEMA and GET_DDL', async () => {
    await execute(connection, 'CREATE OR REPLACE VIEW ADULTS AS SELECT ID, NAME FROM PEOPLE');
    expect((await execute(connection, 'SHOW TABLES IN SCHEMA DB.PUBLIC')).map((row) => row['name'])).toEqual([
      'PEOPLE',
    ]);
    expect((await execute(connection, "SHOW VIEWS LIKE 'adu%' IN SCHEMA DB.PUBLIC"))[0]).toMatchObject({
      name: 'ADULTS',
      text: 'CREATE OR REPLACE VIEW ADULTS AS SELECT ID, NAME FROM PEOPLE',
    });
    expect((await execute(connection, 'DESCRIBE TABLE PEOPLE')).map((row) => row['type'])).toEqual([
      'NUMBER(38,0)',
      'VARCHAR(16777216)',
      'DATE',
    ]);
    expect(
      (await execute(connection, "SELECT GET_DDL('view', 'DB.PUBLIC.ADULTS')")).map((row) => Object.values(row)),
    ).toEqual([['CREATE OR REPLACE VIEW ADULTS AS SELECT ID, NAME FROM PEOPLE;']]);
    expect(
      await execute(connection, 'SELECT TABLE_NAME, TABLE_TYPE FROM DB.INFORMATION_SCHEMA.TABLES ORDER BY 1'),
    ).toEqual([
      { TABLE_NAME: 'ADULTS', TABLE_TYPE: 'VIEW' },
      { TABLE_NAME: 'PEOPLE', TABLE_TYPE: 'BASE TABLE' },
    ]);
    expect(
      await execute(
        connection,
        "SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'PEOPLE' ORDER BY ORDINAL_POSITION",
      ),
    ).toEqual([{ COLUMN_NAME: 'ID' }, { COLUMN_NAME: 'NAME' }, { COLUMN_NAME: 'BORN' }]);
    expect((await execute(connection, 'SELECT TABLE_NAME FROM INFORMATION_SCHEMA.VIEWS'))[0]).toEqual({
      TABLE_NAME: 'ADULTS',
    });
  });

  it('finds one name by the question of the catalog, whatever it is made of', async () => {
    const names = ['%', '%%', '%_', '_', '__', 'A_B', 'AxB', 'A%', 'A%B', "it's", 'LIMIT 1', 'x IN y', 'b\\s'];
    await execute(connection, 'CREATE SCHEMA DB.WILD');
    for (const name of names) await execute(connection, `CREATE TABLE DB.WILD."${name}" (ID NUMBER)`);
    const shown = async (question: string) => (await execute(connection, question)).map((row) => row['name']);
    const found = new Map<string, unknown[]>();
    for (const name of [...names, '%%%', '%x', '_x_', 'nothing'])
      found.set(name, await shown(OBJECT_LIKE.of(name, 'DB', 'WILD')));
    for (const name of names) expect(found.get(name)?.[0], name).toBe(name);
    // Only where a name goes on behind a `%` there is another beside it.
    expect([...found].filter(([, rows]) => rows.length > 1)).toEqual([
      ['%', ['%', '%%', '%_']],
      ['A%', ['A%', 'A%B']],
    ]);
    expect([...found].filter(([, rows]) => rows.length === 0).map(([name]) => name)).toEqual([
      '%%%',
      '%x',
      '_x_',
      'nothing',
    ]);
    expect(await shown("SHOW OBJECTS LIKE '%' IN SCHEMA DB.WILD")).toHaveLength(names.length);
    expect(await shown("SHOW OBJECTS IN SCHEMA DB.WILD STARTS WITH 'A' LIMIT 2")).toEqual(['A%', 'A%B']);
    expect(await shown("SHOW OBJECTS IN SCHEMA DB.WILD STARTS WITH 'a'")).toEqual([]);
    await execute(connection, 'USE SCHEMA DB.PUBLIC');
  });

  it('explains with the base tables of every scan', async () => {
    const [row] = await execute(connection, 'EXPLAIN USING JSON SELECT NAME FROM ADULTS WHERE ID = ?', { binds: [1] });
    const plan = JSON.parse(String(row?.['content'])) as { Operations: { objects?: string[] }[][] };
    expect(plan.Operations.flat().flatMap((step) => step.objects ?? [])).toEqual(['DB.PUBLIC.PEOPLE']);
  });

  it('keeps a query history with tags', async () => {
    await execute(connection, 'SELECT 4711 AS MARK', { parameters: { QUERY_TAG: 'tag-1' } });
    const rows = await execute(
      connection,
      "SELECT QUERY_TEXT, QUERY_TAG, EXECUTION_STATUS, USER_NAME FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY()) WHERE QUERY_TAG = 'tag-1'",
    );
    expect(rows).toEqual([
      { QUERY_TEXT: 'SELECT 4711 AS MARK', QUERY_TAG: 'tag-1', EXECUTION_STATUS: 'SUCCESS', USER_NAME: 'AGENT' },
    ]);
  });
});

describe('sessions', () => {
  it('expire and are renewed by the driver', async () => {
    const short = await Warehouse.start({
      ...DEFAULT_OPTIONS,
      databases: ['DB'],
      seeds: [],
      sessionSeconds: 1,
      users: [{ name: 'A', password: 'p' }],
    });
    const open = await connectDriver({ access_url: short.url, username: 'A', password: 'p' });
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(await execute(open, 'SELECT 42 AS A')).toEqual([{ A: 42 }]);
    open.destroy(() => undefined);
    await short[Symbol.asyncDispose]();
  });

  it('keep their parameters and variables', async () => {
    const open = await connectDriver(address);
    await execute(open, "ALTER SESSION SET TIMEZONE = 'Asia/Tokyo', QUERY_TAG = 'own'");
    await execute(open, "SET X = 'y'");
    expect(await execute(open, 'SELECT $X AS V, CURRENT_DATABASE() AS D')).toEqual([{ V: 'y', D: 'DB' }]);
    expect(await execute(open, "SHOW PARAMETERS LIKE 'timezone'")).toMatchObject([
      { key: 'TIMEZONE', value: 'Asia/Tokyo' },
    ]);
    await execute(open, 'USE SCHEMA DB.PUBLIC');
    expect((await failure(execute(open, "ALTER SESSION SET TIMEZONE = 'Nowhere/Land'"))).code).toBe('001007');
    open.destroy(() => undefined);
  });

  it('whose connection breaks off take their transactions back', async () => {
    const agent = new Agent({ keepAlive: true });
    const post = (path: string, body: object, token?: string): Promise<{ data: { token: string } }> =>
      new Promise((resolve, reject) => {
        const sent = request(
          `${address.access_url}${path}`,
          {
            agent,
            method: 'POST',
            headers: {
              'content-type': 'application/json',
              ...(token ? { authorization: `Snowflake Token="${token}"` } : {}),
            },
          },
          (response) => {
            let text = '';
            response.setEncoding('utf8').on('data', (part: string) => {
              text += part;
            });
            response.on('end', () => resolve(JSON.parse(text)));
          },
        );
        sent.on('error', reject);
        sent.end(JSON.stringify(body));
      });
    const login = { data: { ACCOUNT_NAME: 'demo', LOGIN_NAME: 'agent', PASSWORD: 'pw' } };
    const { data } = await post('/session/v1/login-request', login);
    for (const sqlText of ['BEGIN', "UPDATE DB.PUBLIC.PEOPLE SET NAME = 'x' WHERE ID = 1"])
      await post(`/queries/v1/query-request?requestId=${randomUUID()}`, { sqlText }, data.token);
    const update = "UPDATE DB.PUBLIC.PEOPLE SET NAME = 'Ann' WHERE ID = 1";
    await failure(execute(connection, update));
    agent.destroy();
    await expect.poll(() => execute(connection, update).then(() => 'well'), { interval: 300 }).toBe('well');
  });

  it('run transactions', async () => {
    const open = await connectDriver(address);
    await execute(open, 'BEGIN');
    await execute(open, 'DELETE FROM DB.PUBLIC.PEOPLE');
    await execute(open, 'ROLLBACK');
    expect(await execute(open, 'SELECT COUNT(*) AS N FROM DB.PUBLIC.PEOPLE')).toEqual([{ N: 2 }]);
    open.destroy(() => undefined);
  });
});
