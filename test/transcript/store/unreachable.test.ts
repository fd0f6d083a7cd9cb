/** Which failures of PostgreSQL are the store's being away, as the driver tells them: by a real server, and by none. */
import { createServer, type Server } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isUnreachable } from '../../../dist/transcript/index.js';

const url = inject('ready').database_url;
let pool: pg.Pool;
const servers: Server[] = [];
beforeAll(() => {
  pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
});
afterAll(async () => {
  await pool.end();
  for (const server of servers) server.close();
});

/** A server that does `to` each connection; answers its port. */
async function listening(to: (socket: import('node:net').Socket) => void): Promise<number> {
  const server = createServer(to);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
const connecting = async (port: number, options: pg.PoolConfig = {}): Promise<unknown> => {
  const other = new pg.Pool({ host: '127.0.0.1', port, user: 'nobody', database: 'nothing', ...options });
  other.on('error', () => undefined);
  const failure = await failureOf(other.query('SELECT 1'));
  await other.end();
  return failure;
};

describe('the store is away', () => {
  it('where nothing listens', async () => {
    const port = await listening(() => undefined);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(isUnreachable(await connecting(port))).toBe(true);
  });
  it('where there is no such host', async () => {
    expect(isUnreachable(await connecting(1, { host: 'no-such-host.invalid' }))).toBe(true);
  });
  it('where what listens hangs up', async () => {
    expect(isUnreachable(await connecting(await listening((socket) => socket.end())))).toBe(true);
  });
  it('where what listens never answers', async () => {
    const port = await listening((socket) => socket.on('error', () => undefined));
    expect(isUnreachable(await connecting(port, { connectionTimeoutMillis: 200 }))).toBe(true);
  });
  it('where a connection is ended while it works', async () => {
    const client = await pool.connect();
    client.on('error', () => undefined);
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    const failure = failureOf(client.query('SELECT pg_sleep(60)'));
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    expect(isUnreachable(await failure)).toBe(true);
    expect(isUnreachable(await failureOf(client.query('SELECT 1')))).toBe(true);
    client.release(true);
  });
  it('where a statement takes longer than it may', async () => {
    const client = await pool.connect();
    await client.query('SET statement_timeout = 50');
    expect(isUnreachable(await failureOf(client.query('SELECT pg_sleep(60)')))).toBe(true);
    client.release(true);
  });
});

describe('it is there', () => {
  it.each([
    ['a text that it does not take', 'SELEC 1'],
    ['a table that is not', 'SELECT * FROM no_such_table'],
    ['a value that does not fit', "SELECT 'x'::int"],
    ['a division by zero', 'SELECT 1/0'],
  ])('with %s', async (_, sql) => {
    expect(isUnreachable(await failureOf(pool.query(sql)))).toBe(false);
  });
  it('for a fault of our own', () => {
    expect(isUnreachable(new TypeError('x is not a function'))).toBe(false);
    expect(isUnreachable(Object.assign(new Error('no such file'), { code: 'ENOENT' }))).toBe(false);
    expect(isUnreachable('Connection terminated')).toBe(false);
  });
});
