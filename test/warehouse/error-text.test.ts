/** What of Snowflake's messages may be told: each known shape, and values in every quoting that must never show. */
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ownWords } from '../../dist/gateway/answer/own-words.js';
import { analyse, keptAnalysis, keptStatement, readStatement, spaced } from '../../dist/sql/index.js';
import { failureOf } from '../../dist/warehouse/errors/driver-error.js';
import { COMPILING, LOGIN, RUNNING } from '../../dist/warehouse/errors/shapes.js';
import { errorText, loginText, type OwnWords } from '../../dist/warehouse/errors/text.js';
import { StatementFailed } from '../../dist/warehouse/index.js';
import { catalog, DEFAULTS } from '../support/catalog.js';
import { random } from '../support/random.mjs';

interface Case {
  readonly statement: string;
  readonly sent?: string;
  readonly code: string;
  readonly state: string;
  readonly ahead?: number;
  readonly message: string;
  readonly expected: string;
}

const cases = JSON.parse(readFileSync(new URL('./errors.json', import.meta.url), 'utf8')) as readonly Case[];

async function wordsOf(sql: string, sent?: string): Promise<OwnWords> {
  const read = readStatement(sql);
  const analysis = keptAnalysis(await analyse(read, catalog, DEFAULTS));
  const statement = { ...keptStatement(read), fingerprint: '' };
  const judged = { version: 'v', statement, analysis, verdict: undefined, denial: undefined, outputMasks: [] };
  return ownWords({ ...judged, sent: sent ?? spaced(read.tokens) });
}

describe('messages of Snowflake', () => {
  it.each(cases)('$message', async ({ statement, sent, code, state, ahead = 0, message, expected }) => {
    const error = new StatementFailed(message, code, state, undefined, ahead);
    expect(error.textFor(await wordsOf(statement, sent))).toBe(expected);
  });

  it('of every shape in the tables are known by it', () => {
    for (const { text } of RUNNING) {
      const told = { message: text.replaceAll(/\{\w+\}/g, "'x'"), code: '100999', sqlState: undefined, ahead: 0 };
      expect(errorText(told)).toBe(text.replaceAll(/\{\w+\}/g, '…'));
    }
    for (const { text } of LOGIN)
      expect(loginText(text.replaceAll(/\{\w+\}/g, 'x'))).toBe(text.replaceAll(/\{\w+\}/g, '…'));
    for (const { text } of COMPILING) {
      const message = `SQL compilation error:\n${text.replaceAll(/\{\w+\}/g, "'x'")}.`;
      const told = { message, code: '002000', sqlState: undefined, ahead: 0 };
      expect(errorText(told)).toBe(`SQL compilation error: ${text.replaceAll(/\{\w+\}/g, '…')}`);
    }
  });
});

// --- generated: no value shows, whatever stands around it

const ALPHABET = [
  'a',
  'Z',
  '7',
  ' ',
  "'",
  '"',
  '[',
  ']',
  '(',
  ')',
  '.',
  ',',
  '\\',
  '\n',
  '\t',
  'é',
  '漢',
  '\u202e',
  ':',
  '=',
];
const FIXED = [...RUNNING, ...COMPILING]
  .flatMap(({ text }) => text.split(/\{\w+\}/))
  .filter((words) => words.length > 3);

describe('values in holes', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 32);
  const next = random(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T;
  /** Holds a mark that is nobody's word, and now and then the fixed words of another shape. */
  const value = (): string => {
    const noise = (): string => Array.from({ length: Math.floor(next() * 12) }, () => pick(ALPHABET)).join('');
    const words = next() < 0.3 ? pick(FIXED) : '';
    return `${noise()}${words}canary${Math.floor(next() * 1e9)}${noise()}`;
  };
  const quoted = (text: string): string =>
    pick([
      (raw: string) => raw,
      (raw: string) => `'${raw}'`,
      (raw: string) => `"${raw}"`,
      (raw: string) => `[${raw}]`,
      (raw: string) => `'${raw.replaceAll("'", "''")}'`,
      (raw: string) => `'${raw.replaceAll("'", "\\'")}'`,
      (raw: string) => `"${raw.replaceAll('"', '\\"')}"`,
      (raw: string) => JSON.stringify([raw, 1, null]),
      (raw: string) => `0x${Buffer.from(raw).toString('hex')} ${raw}`,
      (raw: string) => `ORDERS.${raw}`,
      (raw: string) => `"ORDERS"."${raw}"`,
      (raw: string) => `UPPER(${raw})`,
    ])(text);
  const message = (): string => {
    const filled = (text: string): string => text.replaceAll(/\{\w+\}/g, () => quoted(value()));
    const [shape, other] = [pick([...RUNNING, ...COMPILING]), pick([...RUNNING, ...COMPILING])];
    const head = pick([
      '',
      'SQL compilation error:\n',
      'SQL compilation error: error line 1 at position 7\n',
      `${value()}: `,
    ]);
    return `${head}${filled(shape.text)}${pick(['', '.', '\n', ` ${value()}`, `\nerror line 1 at position 3 ${filled(other.text)}`])}`;
  };

  it(`never show, seed ${seed}`, async () => {
    const own = await wordsOf("SELECT UPPER(ID), 'x' FROM DB.S.ORDERS WHERE TOTAL = 7");
    for (let round = 0; round < 5000; round++) {
      const text = message();
      const error = new StatementFailed(
        text,
        pick(['100038', '000904', '', '-20001', '002003']),
        pick(['22018', undefined]),
      );
      for (const shown of [error.textFor(own), error.message, error.stack ?? '', inspect(error), JSON.stringify(error)])
        if (/canary|\u202e/.test(shown)) expect.fail(`shows ${JSON.stringify(shown)} of ${JSON.stringify(text)}`);
    }
  });

  it('of the run do not show where they equal what the agent wrote', async () => {
    const own = await wordsOf("SELECT ID FROM DB.S.ORDERS WHERE ID = 'guess' AND TOTAL = 4711");
    for (const { text } of RUNNING)
      for (const guess of ["'guess'", '"guess"', 'guess', '4711', 'ORDERS', "'ID'"]) {
        const told = { message: text.replaceAll(/\{\w+\}/g, guess), code: '100038', sqlState: '22018', ahead: 0 };
        const other = { ...told, message: text.replaceAll(/\{\w+\}/g, 'something else') };
        expect(errorText(told, own)).toBe(errorText(other, own));
      }
  });

  it('take no longer for being long', () => {
    const told = { code: '100038', sqlState: '22018', ahead: 0 };
    const start = process.cpuUsage();
    for (const part of ["'", ' with format ', ' as ', ' at position 1 ', ' error line 1 at position 1 '])
      for (const head of ['', "Can't parse ", 'SQL compilation error: '])
        errorText({ ...told, code: '000904', message: `${head}${part.repeat(200_000)}` });
    // Of the processor's time, which a busy machine makes no longer.
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(5000);
  });
});

describe('an error of the driver', () => {
  it('is held by no property that is printed or logged', () => {
    const raw = Object.assign(new Error("Numeric value 'canary' is not recognized"), {
      name: 'OperationFailedError',
      code: '100038',
      sqlState: '22018',
      data: { queryId: '01b2-0000' },
    });
    const error = failureOf(raw);
    expect(error).toMatchObject({ code: '100038', sqlState: '22018', queryId: '01b2-0000' });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary');
  });

  it('keeps of a broken network its names and codes alone', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED canary'), { code: 'ECONNREFUSED' });
    const error = failureOf(Object.assign(new Error('canary', { cause }), { name: 'NetworkError', code: 401_001 }));
    expect(error.cause).toBe('NetworkError 401001 Error ECONNREFUSED');
    expect(inspect(error, { depth: 10 })).not.toContain('canary');
  });

  it('of codes and states in another form keeps none', () => {
    const error = new StatementFailed('x', "canary' 1", 'canary', 'canary\n');
    expect(error).toMatchObject({ code: '', sqlState: undefined, queryId: undefined });
  });
});
