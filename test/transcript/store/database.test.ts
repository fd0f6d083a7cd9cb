/** How PostgreSQL is reached: TLS with the certificate checked, but on this machine. */

import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectionTo, storePool } from '../../../dist/transcript/index.js';

afterEach(() => vi.unstubAllEnvs());

const ELSEWHERE = [
  'db.example.com',
  '10.0.0.7',
  '127.1',
  '127.0.0.1.example.com',
  'localhost.example.com',
  '[fe80::1]',
  '%31%30.0.0.7',
];

describe('the connection to PostgreSQL', () => {
  it.each(ELSEWHERE)('is TLS with the certificate checked, whatever the environment says: %s', (host) => {
    for (const mode of ['', '?sslmode=require', '?sslmode=verify-ca', '?sslmode=verify-full'])
      for (const said of ['disable', 'no-verify', 'prefer', '']) {
        vi.stubEnv('PGSSLMODE', said);
        expect(connectionTo(`postgres://u:p@${host}/x${mode}`).ssl).toEqual({ rejectUnauthorized: true });
      }
  });

  it.each(['127.0.0.1', '127.3.2.1', 'localhost', '[::1]', '%2Fvar%2Frun%2Fpostgresql'])(
    'may be plain on this machine: %s',
    (host) => {
      expect(connectionTo(`postgres://u:p@${host}/x`).ssl).toBe(false);
      expect(connectionTo(`postgres://u:p@${host}/x?sslmode=require`).ssl).toEqual({ rejectUnauthorized: true });
    },
  );

  it('tells the driver nothing of TLS in its URL, where that would win', () => {
    const { connectionString } = connectionTo('postgres://u:p@db.example.com/x?sslmode=require');
    expect(connectionString).toBe('postgres://u:p@db.example.com/x');
    expect(connectionTo('postgres://u@localhost/x?host=/tmp/sockets').connectionString).toContain(
      'host=%2Ftmp%2Fsockets',
    );
    expect(() => connectionTo('postgres://u:p@127.0.0.1/x?options=-c%20row_security%3Don')).toThrow('options');
  });

  it('sends no password where the server, or whoever answers in its name, has no TLS', async () => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    // A machine without a network has nobody elsewhere to be asked.
    const host = address ?? '127.0.0.1';
    let heard = '';
    const server: Server = createServer((socket) => {
      socket.on('data', (data) => {
        heard += data.toString('latin1');
        socket.write('N');
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((done) => server.listen(0, '0.0.0.0', done));
    const { port } = server.address() as AddressInfo;
    const pool = storePool(
      `postgres://gateway:of-a-test@${host}:${port}/x${address === undefined ? '?sslmode=require' : ''}`,
      60_000,
      1,
    );
    await expect(pool.query('SELECT 1')).rejects.toThrow(/SSL/);
    await pool.end();
    server.close();
    // SSLRequest (PostgreSQL's documentation, 54.7) and nothing else.
    expect(Buffer.from(heard, 'latin1').toString('hex')).toBe('0000000804d2162f');
  });
});
