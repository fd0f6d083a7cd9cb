/** Snowflake's REST protocol, piece by piece; as a whole the unmodified driver judges it (test/embedded). */
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  askedOf,
  binaryCell,
  failure,
  Parameters,
  packChunk,
  queryAnswer,
  readBody,
  readQuery,
  realCell,
  SnowflakeError,
  sessionFailure,
  spellType,
  statusOf,
  statusResult,
  timeCell,
  timestampCell,
  timestampTzCell,
  tokenOf,
  typeOfName,
  unknownSession,
} from '../../dist/protocol/index.js';

async function* parts(...some: readonly (string | Uint8Array)[]) {
  for (const part of some) yield Buffer.from(part);
}

describe('addresses', () => {
  const asked = (path: string, method = 'POST') => askedOf(method, new URL(path, 'http://localhost'));

  it('tell what is asked for', () => {
    expect(asked('/session/v1/login-request?warehouse=W')).toEqual({ what: 'login' });
    expect(asked('/session?delete=true')).toEqual({ what: 'session', isEnded: true });
    expect(asked('/session')).toEqual({ what: 'session', isEnded: false });
    expect(asked('/queries/v1/query-request?requestId=r')).toEqual({ what: 'query', requestId: 'r' });
    expect(asked('/queries/v1/abort-request')).toEqual({ what: 'abort by request' });
    expect(asked('/queries/01-ab/abort-request')).toEqual({ what: 'abort', queryId: '01-ab' });
    expect(asked('/queries/01-ab/result', 'GET')).toEqual({ what: 'result', queryId: '01-ab' });
    expect(asked('/monitoring/queries/01-ab', 'GET')).toEqual({ what: 'status', queryId: '01-ab' });
    expect(asked('/sf-chunks/01-ab/0-x', 'GET')).toEqual({ what: 'chunk', path: '/sf-chunks/01-ab/0-x' });
  });

  it('that are none lead nowhere, whatever they are called', () => {
    for (const path of ['/', '/constructor', '/queries/a/b/result', '/queries/v1/query-request/'])
      expect(asked(path)).toEqual({ what: 'unknown', path });
    expect(asked('/sf-chunks/01-ab/0-x')).toMatchObject({ what: 'unknown' });
  });

  it('come with a token in a form of their own', () => {
    expect(tokenOf('Snowflake Token="ver:1-hint:1-x"')).toBe('ver:1-hint:1-x');
    expect(tokenOf('Bearer x')).toBeUndefined();
    expect(tokenOf(undefined)).toBeUndefined();
  });
});

describe('bodies', () => {
  it('are JSON, gzipped or not', async () => {
    expect(await readBody(parts('{"a"', ':1}'), 100)).toEqual({ a: 1 });
    expect(await readBody(parts(gzipSync('{"a":1}')), 100)).toEqual({ a: 1 });
    expect(await readBody(parts(), 100)).toEqual({});
    await expect(readBody(parts('{'), 100)).rejects.toBeInstanceOf(SnowflakeError);
  });

  it('are bounded, also once they are unzipped', async () => {
    await expect(readBody(parts('"', 'x'.repeat(100)), 100)).rejects.toMatchObject({ code: '391920' });
    await expect(readBody(parts(gzipSync(`"${'x'.repeat(1000)}"`)), 100)).rejects.toThrow();
  });

  it('have binds by number, in columns for a bulk insert', () => {
    const sent = readQuery({
      sqlText: 'x',
      bindings: { 10: { type: 'TEXT', value: ['c', null] }, 2: { type: 'FIXED', value: ['1', '2'] } },
    });
    expect(sent.binds.map((row) => row.map(({ value }) => value))).toEqual([
      ['1', 'c'],
      ['2', null],
    ]);
    expect(readQuery({}).binds).toEqual([]);
    expect(() => readQuery({ sqlText: 1 })).toThrow('malformed');
  });
});

describe('answers', () => {
  it('to an unknown session have a status of their own, and no other has', () => {
    expect(statusOf(sessionFailure(unknownSession()))).toBe(401);
    expect(statusOf(failure(new SnowflakeError({ code: '001003', sqlState: '42000' }, 'x')))).toBe(200);
  });

  it('say where the session stands', () => {
    const place = { database: 'DB', schema: '', warehouse: 'W', role: 'R' };
    const result = statusResult('done');
    const { data } = queryAnswer({ id: 'q', result, parts: [] }, place, new Parameters(), 'http://here');
    expect(data).toMatchObject({
      queryId: 'q',
      rowset: [['done']],
      queryResultFormat: 'json',
      finalDatabaseName: 'DB',
      finalSchemaName: null,
    });
    expect(data).not.toHaveProperty('chunks');
  });

  it('in parts are at addresses that nobody can guess', async () => {
    const [one, two] = [await packChunk('q', 0, ['["1"]', '["2"]']), await packChunk('q', 0, ['["1"]'])];
    expect(gunzipSync(one.body).toString()).toBe('["1"],["2"]');
    expect(one.path).toMatch(/^\/sf-chunks\/q\/0-[\w-]{24}$/);
    expect(one.path).not.toBe(two.path);
  });
});

describe('cells', () => {
  it('are written as the driver reads them', () => {
    expect(realCell(Number.NEGATIVE_INFINITY)).toBe('-inf');
    expect(timeCell(3_661_000_000_001n)).toBe('3661.000000001');
    expect(timestampCell(-1_500_000_000n, 3)).toBe('-1.500');
    expect(timestampTzCell(1_000_000_000n, 9, -480)).toBe('1.000000000 960');
    expect(binaryCell(Uint8Array.of(0, 171))).toBe('00AB');
  });

  it('have types that are spelled as they are read', () => {
    for (const name of ['NUMBER(10,2)', 'VARCHAR(5)', 'TIMESTAMP_TZ(3)', 'BINARY(7)', 'BOOLEAN', 'VARIANT', 'FLOAT']) {
      const type = typeOfName(name);
      expect(type && spellType(type)).toBe(name);
    }
    expect(typeOfName('GEOGRAPHY')).toBeUndefined();
  });
});
