/**
 * `npm run bench:analysis`: what understanding and judging cost, as ratios of one run.
 *
 * analysis    analysis and verdict of the statements of the syntax reference, to the primary parser's own time on the same statements.
 * seen        a statement, catalog and policies seen before: milliseconds each.
 * rules       a verdict under ten thousand rules, to one under ten.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as polyglot from '@polyglot-sql/sdk';
import { Judge } from '../dist/gateway/judge/judge.js';
import { decide, inForce, loadPolicies } from '../dist/policy/index.js';
import { analyse, cteNames, readStatement, secondOpinion } from '../dist/sql/index.js';
import { catalog, read } from '../test/sql/corpus/describe.mjs';

const DEFAULTS = { database: 'DB', schema: 'S' };
const SUBJECT = { issuer: 'https://issuer.example', subject: 'bot', clientId: 'bot', groups: ['agents'], claims: {} };
const statements = read()
  .filter(({ expected }) => !expected.startsWith('!'))
  .map(({ sql }) => sql);

/** A policy that allows reading DB.S.* under `count` rules, most of them about other tables. */
async function policies(count) {
  const folder = await mkdtemp(join(tmpdir(), 'snowfence-bench-'));
  const others = Array.from({ length: count - 1 }, (_, i) => `  - deny: [any]\n    on: [DB.OTHER${i % 97}.T${i}]`);
  await writeFile(
    join(folder, 'p.yaml'),
    `policy: p\nprincipals: { groups: [agents] }\nsnowflake: { role: R, warehouse: W }\nrules:\n  - allow: [read]\n    on: [DB.S.*]\n${others.join('\n')}\ncolumns:\n  - match: [DB.S.CUSTOMERS.EMAIL]\n    mask: hash\n`,
  );
  try {
    return await loadPolicies(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Milliseconds for one pass over all statements, the median of several. */
async function timed(work, passes = 9) {
  for (const sql of statements) await work(sql);
  const times = [];
  for (let i = 0; i < passes; i++) {
    const started = performance.now();
    for (const sql of statements) await work(sql);
    times.push(performance.now() - started);
  }
  return median(times) / statements.length;
}

const [ten, many] = [await policies(10), await policies(10_000)];
const circumstances = { hasPurpose: false, hasWhere: true, functions: new Set(), estimate: undefined };
const verdict = (set, analysis) =>
  decide({ ...inForce(set, SUBJECT, new Date()), subject: SUBJECT, analysis, circumstances });

/** Parser and judge take turns on each statement, so that both find the processor as the other left it. */
async function sideBySide(passes) {
  const times = { parse: [], judge: [] };
  for (let i = 0; i < passes; i++) {
    let [parsing, judging] = [0, 0];
    for (const sql of statements) {
      const started = performance.now();
      polyglot.parse(sql, polyglot.Dialect.Snowflake);
      const between = performance.now();
      verdict(ten, await analyse(readStatement(sql), catalog, DEFAULTS));
      parsing += between - started;
      judging += performance.now() - between;
    }
    times.parse.push(parsing / statements.length);
    times.judge.push(judging / statements.length);
  }
  return { parse: median(times.parse), judge: median(times.judge) };
}

await sideBySide(10);
const { parse, judge } = await sideBySide(15);
const analyses = new Map();
for (const sql of statements) analyses.set(sql, await analyse(readStatement(sql), catalog, DEFAULTS));
const opinions = await timed((sql) => {
  const analysis = analyses.get(sql);
  if (!/DYNAMIC_TABLE_REFRESH_BOUNDARY/.test(sql)) secondOpinion(analysis, cteNames(analysis.statement));
});
const under = { ten: [], many: [] };
for (let i = 0; i < 9; i++) {
  under.ten.push(await timed((sql) => verdict(ten, analyses.get(sql)), 3));
  under.many.push(await timed((sql) => verdict(many, analyses.get(sql)), 3));
}
const remembered = new Judge({
  catalogs: { version: 1, reader: () => catalog },
  defaults: DEFAULTS,
  onUnreachable: () => undefined,
  onDisagreement: () => undefined,
});
const inForceNow = inForce(ten, SUBJECT, new Date());
for (const sql of statements) await remembered.judge(SUBJECT, inForceNow, { sql });
const seen = await timed((sql) => remembered.judge(SUBJECT, inForceNow, { sql }));

const rows = [
  [
    'analysis and verdict, to the parser alone',
    judge / parse,
    3,
    `${judge.toFixed(3)} ms against ${parse.toFixed(3)} ms`,
  ],
  ['seen before, milliseconds each', seen, 0.05, ''],
  [
    'ten thousand rules, to ten',
    median(under.many) / median(under.ten),
    2,
    `${median(under.many).toFixed(4)} ms against ${median(under.ten).toFixed(4)} ms`,
  ],
];
for (const [name, value, most, detail] of rows)
  console.log(`${value <= most ? 'met   ' : 'missed'}  ${value.toFixed(3)} (≤ ${most})  ${name}  ${detail}`);
console.log(
  `        second opinions of two more parsers: ${opinions.toFixed(3)} ms, ${(opinions / parse).toFixed(1)} times the parser`,
);
process.exit(rows.every(([, value, most]) => value <= most) ? 0 : 1);
