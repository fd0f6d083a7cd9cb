/** A statement cancelled: told until it is heard, and nothing else sent to where it may still run. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StatementCancelled, Warehouse, WarehouseUnavailable } from '../../dist/warehouse/index.js';

const STATEMENT = 'UPDATE T SET A = 1';
const LOGIN = {
  token: 't',
  masterToken: 'm',
  sessionId: 1,
  validityInSeconds: 3600,
  masterValidityInSeconds: 14_400,
  parameters: [],
};
const DONE = {
  queryId: '01b2',
  parameters: [],
  rowtype: [{ name: 'status', type: 'text', nullable: true, scale: null, precision: null }],
  rowset: [['done']],
  total: 1,
  returned: 1,
  version: 1,
  statementTypeId: 4096,
  queryResultFormat: 'json',
};

/** A warehouse whose statements run until they are cancelled, which it hears at the try named last. */
let server: Server;
let logins = 0;
let cancels = 0;
let hearsAt = 1;
let isDeaf = false;
let end: (() => void) | undefined;

/** What the session is told before the statement, and the statement. */
const isStatement = (body: Buffer): boolean => JSON.parse(body.toString()).sqlText === STATEMENT;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const path = request.url ?? '';
    response.setHeader('content-type', 'application/json');
    const answer = (data: unknown, more: object = {}): void =>
      void response.end(JSON.stringify({ success: true, code: null, message: null, data, ...more }));
    const failed = (code: string, message: string): void => answer(null, { success: false, code, message });
    if (path.startsWith('/session/v1/login-request')) {
      logins++;
      answer(LOGIN);
    } else if (path.startsWith('/queries/v1/query-request') && isStatement(body))
      end = () => failed('000604', 'SQL execution canceled');
    else if (path.startsWith('/queries/v1/query-request')) answer(DONE);
    else if (path.startsWith('/queries/v1/abort-request')) {
      cancels++;
      if (isDeaf) return;
      if (cancels < hearsAt) failed('000605', 'Identified SQL statement is not currently executing.');
      else {
        answer(null);
        end?.();
      }
    } else answer(null);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  [logins, cancels, hearsAt, isDeaf] = [0, 0, 1, false];
});

const warehouse = (): Warehouse =>
  new Warehouse({
    account: 'demo',
    accessUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    username: 'u',
    auth: { kind: 'password', password: 'p' },
    database: undefined,
    schema: undefined,
    poolSize: 1,
    connectTimeoutMs: 60_000,
    confirm: 'off',
  });
const run = (on: Warehouse, signal: AbortSignal | undefined, timeoutMs = 60_000): Promise<unknown> =>
  on
    .run({ role: 'R', warehouse: 'W' }, STATEMENT, {
      binds: [],
      tag: 'test',
      maxResultRows: 1,
      maxRows: 1,
      maxBytes: 100,
      timeoutMs,
      signal,
    })
    .catch((error: unknown) => error);
/** Runs a statement, and cancels it once it is there. */
async function cancelled(on: Warehouse): Promise<unknown> {
  end = undefined;
  const controller = new AbortController();
  const outcome = run(on, controller.signal);
  await expect.poll(() => end !== undefined).toBe(true);
  controller.abort();
  return outcome;
}

describe('a statement that is cancelled', () => {
  it('is told again where the warehouse does not know it yet', async () => {
    await using on = warehouse();
    hearsAt = 4;
    expect(await cancelled(on)).toBeInstanceOf(StatementCancelled);
    expect(cancels).toBe(4);
    // It has ended: its connection is good for the next.
    await cancelled(on);
    expect(logins).toBe(1);
  });

  it('is nobody’s any more where the warehouse never knows it: what comes next has another connection', async () => {
    await using on = warehouse();
    hearsAt = Number.POSITIVE_INFINITY;
    expect(await cancelled(on)).toBeInstanceOf(StatementCancelled);
    expect(cancels).toBeGreaterThan(5);
    expect(cancels).toBeLessThan(20);
    hearsAt = 1;
    await cancelled(on);
    expect(logins).toBe(2);
  });

  it('nor where it does not answer', async () => {
    await using on = warehouse();
    isDeaf = true;
    expect(await cancelled(on)).toBeInstanceOf(StatementCancelled);
    isDeaf = false;
    await cancelled(on);
    expect(logins).toBe(2);
  });

  it('by its deadline says so of the warehouse, where that does not answer', async () => {
    await using on = warehouse();
    isDeaf = true;
    expect(await run(on, undefined, 100)).toBeInstanceOf(WarehouseUnavailable);
  });

  it('by its deadline is late, and not the warehouse away, where that answers', async () => {
    await using on = warehouse();
    hearsAt = Number.POSITIVE_INFINITY;
    expect(await run(on, undefined, 100)).toMatchObject({ name: 'StatementCancelled', reason: 'timeout' });
  });
});
