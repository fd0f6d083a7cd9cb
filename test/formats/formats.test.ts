/** Files of each format, written in parts, and read back by another reader where there is one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FileColumn, type Format, fileOf } from '../../dist/formats/index.js';

type Rows = Parameters<ReturnType<typeof fileOf>['rows']>[0];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-formats-'));
});
afterAll(() => rm(folder, { recursive: true }));

const text = (name: string): FileColumn => ({ name, type: 'TEXT' });

function written(format: Format, columns: readonly FileColumn[], ...parts: Rows[]): Buffer {
  const file = fileOf(format, columns);
  return Buffer.concat([file.begin(), ...parts.map((rows) => file.rows(rows)), file.end()]);
}

async function read(format: Format, bytes: Uint8Array, select = '*') {
  const file = join(folder, `file.${format}`);
  await writeFile(file, bytes);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const from =
    format === 'csv'
      ? `read_csv('${file}', header = true, all_varchar = true, allow_quoted_nulls = false)`
      : `'${file}'`;
  const result = await connection.runAndReadAll(`SELECT ${select} FROM ${from}`);
  const found = { rows: result.getRowsJson(), types: result.columnTypes().map(String), names: result.columnNames() };
  connection.closeSync();
  instance.closeSync();
  return found;
}

describe('numbers', () => {
  it.each([
    [1e-7, '0.0000001'],
    [-1.5e-9, '-0.0000000015'],
    [1e21, '1000000000000000000000'],
    [1.25e22, '12500000000000000000000'],
    [-0.5, '-0.5'],
    [123456.789, '123456.789'],
  ])('%d stands in CSV without an exponent', (value, told) => {
    expect(written('csv', [{ name: 'N', type: 'REAL' }], [[value]]).toString()).toBe(`N\r\n${told}\r\n`);
  });

  it('keep all of their digits in Parquet', async () => {
    const columns = [
      { name: 'A', type: 'FIXED', precision: 38, scale: 0 },
      { name: 'B', type: 'FIXED', precision: 38, scale: 37 },
      { name: 'C', type: 'FIXED', precision: 18, scale: 0 },
      { name: 'D', type: 'FIXED', precision: 18, scale: 18 },
    ];
    const most = '9'.repeat(38);
    const small = `0.${'9'.repeat(18)}`;
    const rows: Rows = [
      [most, `9.${'9'.repeat(37)}`, '999999999999999999', small],
      [`-${most}`, `-9.${'9'.repeat(37)}`, '-999999999999999999', `-${small}`],
      [0, 1e-7, -1, 0],
      [null, null, null, null],
    ];
    const found = await read('parquet', written('parquet', columns, rows));
    expect(found.types).toEqual(['DECIMAL(38,0)', 'DECIMAL(38,37)', 'BIGINT', 'DECIMAL(18,18)']);
    expect(found.rows.slice(0, 2)).toEqual(rows.slice(0, 2));
    expect(found.rows[2]?.map(Number)).toEqual([0, 1e-7, -1, 0]);
    expect(found.rows[3]).toEqual([null, null, null, null]);
  });

  it('that do not fit their column are no others', () => {
    const file = fileOf('parquet', [{ name: 'N', type: 'FIXED', precision: 10, scale: 2 }]);
    expect(() => file.rows([['1.234']])).toThrow('scale 2');
    expect(() => file.rows([['***']])).toThrow();
  });

  it('which are none, or have no end, are what they are', async () => {
    const bytes = written('parquet', [{ name: 'N', type: 'REAL' }], [['NaN'], ['Infinity'], ['-inf'], [0.1]]);
    const { rows } = await read('parquet', bytes, 'N::VARCHAR');
    expect(rows.flat()).toEqual(['nan', 'inf', '-inf', '0.1']);
  });
});

describe('times', () => {
  it('of any year, before 1970 and with nine digits', async () => {
    const columns = [
      { name: 'D', type: 'DATE' },
      { name: 'N', type: 'TIMESTAMP_NTZ' },
      { name: 'Z', type: 'TIMESTAMP_TZ' },
    ];
    const rows: Rows = [
      ['0001-01-01', '0001-01-01T00:00:00', '1969-12-31T23:59:59.999999999Z'],
      ['9999-12-31', '9999-12-31T23:59:59.999999999', '2026-03-29T02:30:00.25+05:30'],
    ];
    const found = await read('parquet', written('parquet', columns, rows), 'D::VARCHAR, N::VARCHAR, epoch_us(Z)');
    expect(found.rows).toEqual([
      ['0001-01-01', '0001-01-01 00:00:00', '-1'],
      ['9999-12-31', '9999-12-31 23:59:59.999999', String(Date.parse('2026-03-28T21:00:00.250Z') * 1000)],
    ]);
  });
});

describe('texts', () => {
  const HARD = [
    '',
    ' ',
    '"',
    ',',
    'a"b',
    '\r',
    '\n',
    'a\r\nb',
    'Ä世界🙂',
    "=HYPERLINK('x')",
    '+1',
    '-1',
    '@x',
    '\tx',
    'NULL',
  ];

  it('come back from CSV and Parquet as they were, and NULL as NULL', async () => {
    const rows: Rows = [...HARD.map((one, at) => [at, one]), [HARD.length, null]];
    const columns = [{ name: 'AT', type: 'FIXED', precision: 9, scale: 0 }, text('T')];
    for (const format of ['csv', 'parquet'] as const) {
      const found = await read(format, written(format, columns, rows), 'T');
      expect(found.rows.map(([one]) => one)).toEqual([...HARD, null]);
    }
  });

  it('are a line each in CSV, though it has one column and nothing stands there', () => {
    const lines = Buffer.from(written('csv', [text('T')], [['a'], [null], ['b']])).toString();
    expect(lines).toBe('T\r\na\r\n""\r\nb\r\n');
  });

  it('of semi-structured columns are JSON, and what a detector put for bytes stays', async () => {
    const columns = [text('T'), { name: 'V', type: 'VARIANT' }, { name: 'B', type: 'BINARY' }];
    const rows: Rows = [
      ['1', '1', '00FF'],
      ['2', { b: [1], a: null }, '[phone]'],
      ['3', 7, null],
    ];
    expect(written('csv', columns, rows).toString()).toBe(
      'T,V,B\r\n1,"""1""",00FF\r\n2,"{""b"":[1],""a"":null}",[phone]\r\n3,7,\r\n',
    );
    const found = await read('parquet', written('parquet', columns, rows), 'V, hex(B)');
    expect(found.rows).toEqual([
      ['"1"', '00FF'],
      ['{"b":[1],"a":null}', Buffer.from('[phone]').toString('hex').toUpperCase()],
      ['7', null],
    ]);
  });
});

describe('columns', () => {
  const NAMES = ['A', '1', '__proto__', 'A', 'A_2', 'A', 'x"y', ''];

  it('keep their order in JSON Lines, and each has a name of its own', async () => {
    const line = written('jsonl', NAMES.map(text), [NAMES.map((_, at) => String(at))]).toString();
    expect(line).toBe('{"A":"0","1":"1","__proto__":"2","A_3":"3","A_2":"4","A_4":"5","x\\"y":"6","":"7"}\n');
    const found = await read('parquet', written('parquet', NAMES.slice(0, 7).map(text), [NAMES.slice(0, 7)]));
    expect(found.names).toEqual(['A', '1', '__proto__', 'A_3', 'A_2', 'A_4', 'x"y']);
  });

  it('keep their names as they are in CSV', () => {
    expect(written('csv', NAMES.map(text)).toString()).toBe('A,1,__proto__,A,A_2,A,"x""y",""\r\n');
  });
});

describe('rows in parts', () => {
  it('make one file, and leave as they come', async () => {
    const columns = [{ name: 'N', type: 'FIXED', precision: 9, scale: 0 }, text('T')];
    const part = (from: number): Rows => Array.from({ length: 6000 }, (_, at) => [from + at, 'x'.repeat(100)]);
    const parts = [0, 6000, 12_000, 18_000, 24_000].map(part);
    for (const format of ['csv', 'jsonl', 'parquet'] as const) {
      const found = await read(format, written(format, columns, ...parts), 'count(*), sum(N::BIGINT), min(length(T))');
      expect(found.rows[0]?.map(String)).toEqual(['30000', '449985000', '100']);
    }
    const file = fileOf('parquet', columns);
    file.begin();
    // A row group is full with the second part: it is not kept until the end.
    expect(parts.map((rows) => file.rows(rows).length > 0)).toEqual([false, true, false, true, true]);
  });
});
