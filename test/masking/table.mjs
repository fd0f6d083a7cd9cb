/**
 * The table of masks and types in docs/masks.md, made from what the gateway sends. `node test/masking/table.mjs` writes it; the test beside it
 * holds the page against it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { maskExpression, methodName, misfit } from '../../dist/masking/index.js';

const PAGE = new URL('../../docs/masks.md', import.meta.url);
const [BEGIN, END] = ['<!-- made by test/masking/table.mjs -->', '<!-- to here -->'];

export const TYPES = [
  'NUMBER(10,2)',
  'NUMBER(38,0)',
  'FLOAT',
  'DECFLOAT',
  'VARCHAR(20)',
  "VARCHAR(20) COLLATE 'en-ci'",
  'BOOLEAN',
  'DATE',
  'TIME(9)',
  'TIMESTAMP_NTZ(9)',
  'TIMESTAMP_LTZ(9)',
  'TIMESTAMP_TZ(9)',
  'BINARY(16)',
  'VARIANT',
  'OBJECT',
  'ARRAY',
  'OBJECT(A NUMBER(38,0))',
  'ARRAY(NUMBER(38,0))',
  'MAP(VARCHAR, NUMBER(38,0))',
  'VECTOR(FLOAT, 3)',
  'GEOGRAPHY',
  'GEOMETRY',
  'INTERVAL DAY TO SECOND',
  'UUID',
  'FILE',
];
export const METHODS = [
  { kind: 'null' },
  { kind: 'redact' },
  { kind: 'constant', value: 'none' },
  { kind: 'constant', value: 0 },
  { kind: 'constant', value: '2020-01-01' },
  { kind: 'hash' },
  { kind: 'bucket', size: 10 },
  { kind: 'truncate_date', part: 'month' },
  { kind: 'truncate_date', part: 'week' },
  { kind: 'email' },
  { kind: 'keep_first', count: 2 },
  { kind: 'keep_last', count: 2 },
  { kind: 'paths', paths: [{ path: ['user', 'email'], method: { kind: 'redact' } }] },
];

const written = (method) =>
  method.kind === 'constant' ? `constant ${JSON.stringify(method.value)}` : methodName(method);
const isFor = (method, type) => !/every value becomes NULL/.test(misfit(method, type) ?? '');

function table() {
  const lines = [];
  for (const method of METHODS) {
    lines.push(`### ${written(method)}`, '', '| type | what stands for the column "C" |', '| --- | --- |');
    const others = [];
    for (const type of TYPES)
      if (isFor(method, type)) lines.push(`| \`${type}\` | \`${maskExpression(method, '"C"', type)}\` |`);
      else others.push(`\`${type}\``);
    if (others.length > 0) lines.push('', `Not for ${others.join(', ')}: NULL, as \`null\` has it.`);
    lines.push('');
  }
  return lines.join('\n');
}

const around = (page) => {
  const [from, to] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
  if (from < BEGIN.length || to < from) throw new Error('docs/masks.md has no place for the table.');
  return { before: page.slice(0, from), after: page.slice(to) };
};

/** Without what a formatter puts around cells. */
const squeezed = (text) =>
  text
    .replaceAll(/ +/g, ' ')
    .replaceAll(/-{3,}/g, '---')
    .replaceAll(/\n{2,}/g, '\n\n');

/** The page as it stands, and as it should, but for the formatter's spaces. */
export function pages() {
  const now = readFileSync(PAGE, 'utf8');
  const { before, after } = around(now);
  const text = `${before}\n\n${table()}\n${after}`;
  return { now: squeezed(now), due: squeezed(text), text };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, pages().text);
