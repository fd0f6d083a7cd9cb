/**
 * What a mask promises, by generation: for every method and every type that the embedded warehouse has, over values at edges and by a seed.
 * The outcome has the column's type, is a function of what is kept, keeps that, and leaves null as null.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, Warehouse as Embedded } from '../../dist/embedded/warehouse/index.js';
import { type MaskMethod, maskExpression } from '../../dist/masking/index.js';
import type { Warehouse } from '../../dist/warehouse/index.js';
import { random } from '../support/random.mjs';
import { warehouseAt } from '../support/warehouse.mjs';

const KEY = { role: 'PUBLIC', warehouse: 'COMPUTE_WH' };
const RUN = {
  binds: [],
  tag: '',
  maxResultRows: 10_000,
  maxRows: 10_000,
  maxBytes: 100_000_000,
  timeoutMs: 60_000,
  signal: undefined,
};

const next = random(1018);
const below = (most: number): number => Math.floor(next() * most);
const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

/** So many digits, with a point, of either sign. */
function decimals(precision: number, scale: number): string[] {
  const write = (units: bigint): string => {
    const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
    return `${units < 0n ? '-' : ''}${scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`}`;
  };
  const most = 10n ** BigInt(precision) - 1n;
  const unit = 10n ** BigInt(scale);
  const edges = [0n, 1n, -1n, most, -most, most - 1n, 1n - most];
  for (const size of [7n, 10n, 1000n, 10n ** 15n])
    for (const times of [1n, -1n, 3n, -3n, most / (size * unit), -(most / (size * unit))])
      for (const off of [-1n, 0n, 1n]) edges.push(times * size * unit + off);
  const drawn = times(40, () => {
    let value = 0n;
    for (let digits = 1 + below(precision); digits > 0; digits--) value = value * 10n + BigInt(below(10));
    return next() < 0.5 ? value : -value;
  });
  return [...edges, ...drawn].filter((value) => value >= -most && value <= most).map(write);
}

/** From texts: a number between others would be read as a double on its way. */
const numbers = (precision: number, scale: number): string[] =>
  decimals(precision, scale).map((value) => `CAST('${value}' AS NUMBER(${precision}, ${scale}))`);

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');
const day = (): string => {
  const year = pick([1, 1582, 1899, 1969, 1970, 2000, 2024, 2025, 9999]);
  return `${pad(year, 4)}-${pad(1 + below(12))}-${pad(1 + below(28))}`;
};
const DAYS = ['0001-01-01', '9999-12-31', '1970-01-01', '1969-12-31', '2024-02-29', '2024-12-30', '2021-01-03'];
const clock = (): string =>
  pick(['00:00:00', '23:59:59.999999', `${pad(below(24))}:${pad(below(60))}:${pad(below(60))}`]);

const CHARACTERS = ['a', 'B', '@', '.', ' ', "'", 'é', 'ß', '漢', '\u{1F600}', '\\', '%', '_', '*', '\u0301'];
const text = (): string => times(below(12), () => pick(CHARACTERS)).join('');
const TEXTS = ['', '@', 'a@b', 'ann@example.com', 'a@b@c.de', 'no at', '***', "it's", 'x'.repeat(200), ' @ '];

const quoted = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
const json = (): unknown =>
  pick<unknown>([
    { who: { mail: pick(TEXTS), name: 'n' }, mail: text(), 'a b': 1 },
    { who: 'text', mail: null },
    { who: ['list', { mail: 'x@y' }], mail: { deep: 'x@y' } },
    { who: { mail: ['x@y'] }, other: text() },
    { who: { mail: 5 } },
    { mail: true },
    {},
  ]);
const NO_OBJECTS = [[1, { mail: 'x@y' }], 'a@b', 7, true, null];

/** Values as SQL, by the type that DESCRIBE gives. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  'NUMBER(38,0)': numbers(38, 0),
  'NUMBER(10,2)': numbers(10, 2),
  'NUMBER(2,0)': numbers(2, 0),
  'NUMBER(38,10)': numbers(38, 10),
  FLOAT: [
    '0',
    '-0.5',
    '1e300',
    '-1e300',
    '0.1',
    '29.999999999999996',
    '-29.999999999999996',
    '1e15',
    '30',
    '-30',
  ].concat(times(30, () => String((next() - 0.5) * 10 ** below(12)))),
  VARCHAR: [...TEXTS, ...times(60, text)].map(quoted),
  'VARCHAR(4)': times(30, () => quoted([...text()].slice(0, 4).join(''))),
  BOOLEAN: ['TRUE', 'FALSE'],
  DATE: [...DAYS, ...times(40, day)].map((value) => `DATE '${value}'`),
  'TIME(9)': times(20, () => `TIME '${clock()}'`),
  'TIMESTAMP_NTZ(9)': [...DAYS.map((date) => `${date} 00:00:00`), ...times(40, () => `${day()} ${clock()}`)].map(
    (value) => `'${value}'::TIMESTAMP_NTZ`,
  ),
  'TIMESTAMP_LTZ(9)': times(30, () => `'${day()} ${clock()}'::TIMESTAMP_LTZ`),
  'TIMESTAMP_TZ(9)': times(
    30,
    () => `'${pick(['2024', '2025'])}${day().slice(4)} ${clock()} ${pick(['+0200', '+0100', '-0800'])}'::TIMESTAMP_TZ`,
  ),
  'BINARY(8388608)': ["TO_BINARY('00ff')", "TO_BINARY('')"],
  VARIANT: [...times(40, json), ...NO_OBJECTS].map((value) => `PARSE_JSON(${quoted(JSON.stringify(value))})`),
  OBJECT: times(30, () => `TO_OBJECT(PARSE_JSON(${quoted(JSON.stringify(json()))}))`),
  ARRAY: ['ARRAY_CONSTRUCT(1, 2)'],
};
const tableOf = (type: string): string => `T_${type.replaceAll(/\W+/g, '_')}`;

const PARTS = ['year', 'quarter', 'month', 'week', 'day'] as const;
const SIZES = [1, 7, 10, 1000, 10 ** 15];
const CONSTANTS = ['hidden', 5, 1.25, true, '2020-02-29', '2020-02-30', '12:30', '2020-02-29 12:30:00', "it's"];
const PATHS: MaskMethod = {
  kind: 'paths',
  paths: [
    { path: ['who', 'mail'], method: { kind: 'email' } },
    { path: ['mail'], method: { kind: 'keep_first', count: 1 } },
    { path: ['missing'], method: { kind: 'redact' } },
  ],
};
const METHODS: readonly MaskMethod[] = [
  { kind: 'null' },
  { kind: 'redact' },
  { kind: 'hash' },
  { kind: 'email' },
  ...[1, 4].flatMap((count): MaskMethod[] => [
    { kind: 'keep_first', count },
    { kind: 'keep_last', count },
  ]),
  ...SIZES.map((size): MaskMethod => ({ kind: 'bucket', size })),
  ...PARTS.map((part): MaskMethod => ({ kind: 'truncate_date', part })),
  ...CONSTANTS.map((value): MaskMethod => ({ kind: 'constant', value })),
  PATHS,
];

let embedded: Embedded;
let warehouse: Warehouse;
beforeAll(async () => {
  embedded = await Embedded.start({
    ...DEFAULT_OPTIONS,
    timezone: 'Europe/Berlin',
    databases: ['DB'],
    seeds: [],
    users: [{ name: 'A', password: 'p' }],
  });
  warehouse = warehouseAt(embedded.url, 'p', { username: 'A', database: 'DB', schema: 'PUBLIC', poolSize: 2 });
  for (const [type, values] of Object.entries(TYPES)) {
    await ask(`CREATE TABLE ${tableOf(type)} (N INT, "C" ${type})`);
    const rows = [`CAST(NULL AS ${type})`, ...values].map((value, at) => `SELECT ${at}, ${value}`);
    await ask(`INSERT INTO ${tableOf(type)} ${rows.join(' UNION ALL ')}`);
  }
});
afterAll(async () => {
  await warehouse[Symbol.asyncDispose]();
  await embedded[Symbol.asyncDispose]();
});

const ask = (sql: string) => warehouse.run(KEY, sql, RUN);

/** A number's digits without an exponent. */
const digits = (value: number): string => value.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 20 });

type Kept = readonly [raw: string | null, masked: string | null];

/** Raw and masked values as texts, row by row, and the types of both. */
async function masked(type: string, method: MaskMethod) {
  const expression = maskExpression(method, '"C"', type);
  const plain = await ask(`SELECT "C", ${expression} AS M FROM ${tableOf(type)} WHERE N = 0`);
  const asText = (value: string): string => {
    if (type.startsWith('NUMBER')) return value;
    return /^(?:VARIANT|OBJECT|ARRAY)$/.test(type) ? `TO_JSON(${value})` : `TO_VARCHAR(${value})`;
  };
  const { rows } = await ask(`SELECT ${asText('"C"')}, ${asText(`(${expression})`)} FROM ${tableOf(type)} ORDER BY N`);
  // Numbers that a double holds come as numbers, the others as texts.
  const shown = (value: unknown): string | null =>
    value === null ? null : typeof value === 'number' ? digits(value) : String(value);
  return { types: plain.columns, rows: rows.map(([one, other]): Kept => [shown(one), shown(other)]) };
}

const isNothing = (rows: readonly Kept[]): boolean => rows.every(([, value]) => value === null);

/** A decimal as whole units of a scale. */
function units(value: string, scale: number): bigint {
  const [whole = '0', behind = ''] = value.replace('-', '').split('.');
  const size = BigInt(whole + behind.padEnd(scale, '0').slice(0, scale));
  return value.startsWith('-') ? -size : size;
}

/** `2024-07-01 03:00:00.000 -0700` as the same moment in UTC. */
const inUtc = (value: string): string =>
  new Date(value.replace(' ', 'T').replace(/ ([+-]\d\d)(\d\d)$/, '$1:$2')).toISOString();

const startOf = (value: string, part: (typeof PARTS)[number]): string => {
  const date = new Date(`${value.slice(0, 10)}T00:00:00Z`);
  if (part === 'week') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  if (part !== 'week' && part !== 'day') date.setUTCDate(1);
  if (part === 'quarter') date.setUTCMonth(date.getUTCMonth() - (date.getUTCMonth() % 3));
  if (part === 'year') date.setUTCMonth(0);
  return date.toISOString().slice(0, 10);
};

/** What has to come of one value, told without the warehouse; undefined where the method is not for the type. */
function expected(method: MaskMethod, type: string): ((raw: string) => string | null | RegExp) | undefined {
  const isText = type.startsWith('VARCHAR');
  switch (method.kind) {
    case 'redact':
      return isText ? () => '***' : undefined;
    case 'hash':
      return isText ? () => /^[0-9a-f]{64}$/ : undefined;
    case 'email':
      return isText ? (raw) => (raw.includes('@') ? `***@${raw.split('@').at(-1) ?? ''}` : '***') : undefined;
    case 'keep_first':
      return isText
        ? (raw) => ([...raw].length > method.count ? `${[...raw].slice(0, method.count).join('')}***` : '***')
        : undefined;
    case 'keep_last':
      return isText
        ? (raw) => ([...raw].length > method.count ? `***${[...raw].slice(-method.count).join('')}` : '***')
        : undefined;
    default:
      return undefined;
  }
}

const ofType = (kind: MaskMethod['kind'], type: string): boolean => {
  if (kind === 'bucket') return /^(?:NUMBER|FLOAT)/.test(type);
  if (kind === 'truncate_date') return /^(?:DATE|TIMESTAMP)/.test(type);
  if (kind === 'paths') return /^(?:VARIANT|OBJECT)$/.test(type);
  return type.startsWith('VARCHAR');
};

describe.each(Object.keys(TYPES))('a column of the type %s', (type) => {
  it.each(METHODS.map((method) => [JSON.stringify(method), method] as const))('under %s', async (_name, method) => {
    const { types, rows } = await masked(type, method);
    const [raw, outcome] = types;
    expect(outcome?.type).toBe(raw?.type);
    if (raw?.type === 'FIXED') expect([outcome?.precision, outcome?.scale]).toEqual([raw.precision, raw.scale]);
    if (method.kind === 'constant') {
      // One value for all, or none: whether there is one tells nothing.
      expect(new Set(rows.map(([, value]) => value)).size).toBe(1);
      return;
    }
    if (method.kind === 'redact' && type.startsWith('VARCHAR')) {
      expect(new Set(rows.map(([, value]) => value))).toEqual(new Set(['***']));
      return;
    }
    for (const [value, out] of rows) if (value === null) expect(out).toBeNull();
    if (method.kind === 'null' || !ofType(method.kind, type)) {
      expect(isNothing(rows)).toBe(true);
      return;
    }
    const told = expected(method, type);
    const seen = new Map<string, string | null>();
    for (const [value, out] of rows) {
      if (value === null) continue;
      if (told) {
        const want = told(value);
        if (want instanceof RegExp) expect(out).toMatch(want);
        else expect(out, JSON.stringify(value)).toBe(want);
      }
      // The same value has the same mask.
      expect(seen.get(value) ?? out).toBe(out);
      seen.set(value, out);
    }
    if (method.kind === 'hash') expect(new Set(seen.values()).size).toBe(seen.size);
    if (method.kind === 'truncate_date')
      for (const [value, out] of rows) {
        if (value === null) continue;
        // A time with a zone of its own counts in UTC: what is shown of it is in the session's zone.
        const [wall, shown] = type.startsWith('TIMESTAMP_TZ') ? [inUtc(value), inUtc(out ?? '')] : [value, out];
        expect(shown?.slice(0, 10), value).toBe(startOf(wall, method.part));
        if (type !== 'DATE') expect(shown?.slice(11), value).toMatch(/^00:00:00/);
      }
    if (method.kind === 'bucket' && type !== 'FLOAT') {
      const [precision = 38, scale = 0] = (/\d+,\d+/.exec(type)?.[0] ?? '').split(',').map(Number);
      const size = BigInt(method.size) * 10n ** BigInt(scale);
      const least = 1n - 10n ** BigInt(precision);
      for (const [value, out] of rows) {
        if (value === null || out === null) continue;
        const [one, bucket] = [units(value, scale), units(out, scale)];
        expect(bucket === least || bucket % size === 0n, `${value} ${out}`).toBe(true);
        expect(bucket <= one && one < bucket + size, `${value} ${out}`).toBe(true);
      }
    }
    if (method.kind === 'bucket' && type === 'FLOAT')
      for (const [value, out] of rows) {
        const [one, bucket] = [Number(value), Number(out)];
        // Beyond what a double holds in whole numbers there is nothing between an edge and the next number.
        if (value === null || Math.abs(one) > 2 ** 53) continue;
        expect(bucket % method.size === 0, `${value} ${out}`).toBe(true);
        expect(bucket <= one && one < bucket + method.size, `${value} ${out}`).toBe(true);
      }
    if (method.kind === 'paths')
      for (const [value, out] of rows) {
        if (value === null) continue;
        const [before, after] = [JSON.parse(value), out === null ? null : JSON.parse(out)];
        expect(after, value).toEqual(maskedPaths(before));
      }
  });
});

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const asWritten = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** PATHS, in words of another language. */
function maskedPaths(value: unknown): unknown {
  if (!isObject(value)) return null;
  const out = { ...value };
  const put = (object: Record<string, unknown>, key: string, made: unknown): void => {
    if (made === undefined) delete object[key];
    else object[key] = made;
  };
  const leaf = (inner: unknown, mask: (text: string) => string): unknown =>
    inner === undefined || inner === null || typeof inner === 'object' ? undefined : mask(asWritten(inner));
  if (isObject(value['who'])) {
    const who = { ...value['who'] };
    put(
      who,
      'mail',
      leaf(who['mail'], (raw) => (raw.includes('@') ? `***@${raw.split('@').at(-1) ?? ''}` : '***')),
    );
    out['who'] = who;
  } else delete out['who'];
  put(
    out,
    'mail',
    leaf(value['mail'], (raw) => ([...raw].length > 1 ? `${[...raw][0]}***` : '***')),
  );
  return out;
}
