/** The driver's pitfalls, each closed: hostile VARIANT cells, its logger, its probes, its numbers. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect, promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  exactNumber,
  LogInRefused,
  parseVariant,
  StatementFailed,
  Warehouse,
  WarehouseUnavailable,
} from '../../dist/warehouse/index.js';
import { bareEnv } from '../support/demo.js';

const run = promisify(execFile);

/** A server that answers every statement with one VARIANT cell of its own choice. */
let server: Server;
let cell = '';
let logins = 0;
let isLoginRefused = false;
let failure: object | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    const path = request.url ?? '';
    response.setHeader('content-type', 'application/json');
    const answer = (data: unknown, more: object = {}): void =>
      void response.end(JSON.stringify({ success: true, code: null, message: null, data, ...more }));
    if (path.startsWith('/session/v1/login-request')) {
      logins++;
      if (isLoginRefused)
        return answer(null, {
          success: false,
          code: '390100',
          message: 'Incorrect username or password was specified.',
        });
      return answer({
        token: 't',
        masterToken: 'm',
        sessionId: 1,
        validityInSeconds: 3600,
        masterValidityInSeconds: 14400,
        parameters: [],
      });
    }
    if (path.startsWith('/queries/v1/query-request') && failure)
      return answer({ queryId: '01b2', sqlState: '42P18' }, failure);
    if (path.startsWith('/queries/v1/query-request'))
      return answer({
        queryId: '01b2',
        parameters: [{ name: 'TIMEZONE', value: 'UTC' }],
        rowtype: [{ name: 'V', type: 'variant', nullable: true, scale: null, precision: null }],
        rowset: [[cell]],
        total: 1,
        returned: 1,
        version: 1,
        statementTypeId: 4096,
        queryResultFormat: 'json',
      });
    return answer(null);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => void server.close());

const options = () => ({
  account: 'demo',
  accessUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  username: 'u',
  auth: { kind: 'password' as const, password: 'p' },
  database: undefined,
  schema: undefined,
  poolSize: 2,
  connectTimeoutMs: 60_000,
  confirm: 'off' as const,
});
const KEY = { role: 'R', warehouse: 'W' };
const RUN = {
  binds: [],
  tag: '',
  maxResultRows: 10,
  maxRows: 10,
  maxBytes: 1000,
  timeoutMs: 60_000,
  signal: undefined,
};

describe('a VARIANT cell', () => {
  it.each([
    ['brackets and escaped quotes', `<a>1234567890123456${'\\"'.repeat(300_000)}</a>`],
    ['quotes', `1234567890123456${'"x'.repeat(300_001)}`],
    ['digits', `x${'12345678901234567'.repeat(60_000)}`],
  ])('that is no JSON stays a text, in time that grows with its length alone: %s', (_what, text) => {
    expect(parseVariant(text)).toBe(text);
  });

  it('of many large numbers and strings keeps each as it is', () => {
    const json = `[${Array.from({ length: 20_000 }, (_, at) => `{"k\\"${at}": 9007199254740993, "s": "1234567890123456789"}`).join(',')}]`;
    const value = parseVariant(json) as Record<string, unknown>[];
    expect(value).toHaveLength(20_000);
    expect(value[7]).toEqual({ 'k"7': '9007199254740993', s: '1234567890123456789' });
  });

  it.each([
    'globalThis.hacked = true',
    '{"a": 1, "b": process.exit(1)}',
    '(() => { throw new Error("x") })()',
    '<a>&b;</a>',
    '{',
  ])('%s is text, never run', async (hostile) => {
    cell = hostile;
    await using warehouse = new Warehouse(options());
    const result = await warehouse.run(KEY, 'SELECT 1', RUN);
    expect(result.rows).toEqual([[hostile]]);
    expect((globalThis as { hacked?: boolean }).hacked).toBeUndefined();
  });

  it('that is JSON is JSON', async () => {
    cell = '{"a":[1,null]}';
    await using warehouse = new Warehouse(options());
    expect((await warehouse.run(KEY, 'SELECT 1', RUN)).rows).toEqual([[{ a: [1, null] }]]);
    expect(parseVariant('nonsense')).toBe('nonsense');
  });
});

describe('the driver', () => {
  it('writes nothing, leaves no log file, and asks no metadata address', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-driver-'));
    const script = `
      const net = await import('node:net'); const asked = [];
      const connect = net.Socket.prototype.connect;
      net.Socket.prototype.connect = function (...args) { const where = args.flat()[0]; asked.push(where?.host ?? where?.path ?? where); return connect.apply(this, args); };
      const { Warehouse } = await import(process.argv[1]);
      const warehouse = new Warehouse(JSON.parse(process.argv[2]));
      await warehouse.run({ role: 'R', warehouse: 'W' }, 'SELECT 1', ${JSON.stringify(RUN)});
      await warehouse[Symbol.asyncDispose]();
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.stderr.write(JSON.stringify([...new Set(asked)]));
      process.exit(0);`;
    const module = fileURLToPath(new URL('../../dist/warehouse/index.js', import.meta.url));
    cell = '1';
    const { stdout, stderr } = await run(
      process.execPath,
      ['--input-type=module', '-e', script, module, JSON.stringify(options())],
      { cwd: folder, env: bareEnv({ HTTP_PROXY: 'http://127.0.0.1:9' }) },
    );
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toEqual(['127.0.0.1']);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it('is asked to log in once, not in a loop, where credentials are refused', async () => {
    await using warehouse = new Warehouse(options());
    isLoginRefused = true;
    const before = logins;
    const attempts = await Promise.allSettled(Array.from({ length: 5 }, () => warehouse.run(KEY, 'SELECT 1', RUN)));
    isLoginRefused = false;
    for (const attempt of attempts)
      expect(attempt.status === 'rejected' && attempt.reason).toBeInstanceOf(WarehouseUnavailable);
    expect(logins - before).toBeLessThanOrEqual(2);
  });

  it('is asked by one look alone while its log-in is refused, whatever the roles, and goes on once that is over', async () => {
    await using warehouse = new Warehouse(options());
    isLoginRefused = true;
    const before = logins;
    for (let round = 0; round < 4; round++) {
      const keys = Array.from({ length: 3 }, (_, at) => ({ ...KEY, role: `ROLE_${at}` }));
      const attempts = await Promise.allSettled(keys.map((key) => warehouse.run(key, 'SELECT 1', RUN)));
      for (const attempt of attempts)
        expect(attempt.status === 'rejected' && attempt.reason).toBeInstanceOf(LogInRefused);
      // Longer than the pause after a failure.
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    // Those of the first round were under way at once.
    expect(logins - before).toBeLessThanOrEqual(3);
    expect(warehouse.refusal).toMatch(/390100/);
    isLoginRefused = false;
    await expect(warehouse.run({ ...KEY, role: 'ROLE_9' }, 'SELECT 1', RUN)).rejects.toBeInstanceOf(LogInRefused);
    await warehouse.logIn();
    expect(warehouse.refusal).toBeUndefined();
    expect((await warehouse.run({ ...KEY, role: 'ROLE_9' }, 'SELECT 1', RUN)).queryId).not.toBe('');
  });

  it('gives up on a server that does not answer when our time is over', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    await using warehouse = new Warehouse({
      ...options(),
      accessUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      connectTimeoutMs: 400,
    });
    const started = performance.now();
    await expect(warehouse.run(KEY, 'SELECT 1', RUN)).rejects.toBeInstanceOf(WarehouseUnavailable);
    // The driver by itself would go on for minutes.
    expect(performance.now() - started).toBeLessThan(15_000);
    silent.closeAllConnections();
    silent.close();
  });
});

describe('an error of Snowflake', () => {
  const MESSAGE =
    'Duplicate row detected during DML action\nRow Values: ["canary", 2, "4111111111111111", "a\\"] b", NULL]';

  it('that prints the whole row of the target is told without it', async () => {
    await using warehouse = new Warehouse(options());
    await warehouse.run(KEY, 'SELECT 1', RUN);
    failure = { success: false, code: '100090', message: MESSAGE };
    const asked = [
      warehouse.run(KEY, 'MERGE', RUN),
      warehouse.explain(KEY, 'MERGE', [], ''),
      warehouse.ask(KEY, 'MERGE', ''),
    ];
    const errors = await Promise.all(asked.map((one) => one.then(String, (error: unknown) => error)));
    failure = undefined;
    for (const error of errors) {
      expect(error).toBeInstanceOf(StatementFailed);
      expect(error).toMatchObject({
        code: '100090',
        message: 'Duplicate row detected during DML action Row Values: …',
      });
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/canary|4111/);
    }
  });
});

describe('numbers', () => {
  it.each([
    ['12', 12],
    ['-0.5', -0.5],
    ['12.50', 12.5],
    ['9007199254740993', '9007199254740993'],
    ['12345678901234567000', '12345678901234567000'],
    ['100000000000000000000', 1e20],
    ['0.1', 0.1],
    ['1e400', '1e400'],
    ['NaN', 'NaN'],
  ])('%s', (text, value) => expect(exactNumber(text)).toBe(value));
});
