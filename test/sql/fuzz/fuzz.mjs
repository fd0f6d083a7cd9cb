/**
 * Statements by grammar and by mutation, seeded, and what must hold of each: an analysis or a refusal with a place, nothing else thrown,
 * no hang, and no table that DuckDB sees in the text beyond those of the analysis.
 *
 * `node test/sql/fuzz/fuzz.mjs 1000000 7` runs a million with seed 7 (a third number: the milliseconds that count as a hang), prints what it found, and ends with a line of what passed and failed.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { analyse, cteNames, Refusal, readStatement, rewrite, secondOpinion } from '../../../dist/sql/index.js';
import { random } from '../../support/random.mjs';
import { catalog, read } from '../corpus/describe.mjs';

const DEFAULTS = { database: 'DB', schema: 'S' };
/** What counts as a hang when nothing else runs. */
const HANG_MS = 100;
const MOST_MB = 1500;

/** Processor time of this process: a busy machine is no hang. */
const clock = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const TABLES = [
  'customers',
  'orders',
  'events',
  'employees',
  'products',
  'secrets',
  'contacts',
  'nested',
  '"Odd Name"',
  's.orders',
  'db.s.customers',
  '"DB"."S"."SECRETS"',
  'nowhere',
];
const COLUMNS = [
  'id',
  'name',
  'email',
  'total',
  'region',
  'payload',
  'customer_id',
  'a.id',
  'b.email',
  '"ID"',
  '*',
  'a.*',
  '$1',
  'payload:x.y',
  'customers.id',
  's.customers.id',
];
const WORDS = [
  'SELECT',
  'FROM',
  'WHERE',
  'JOIN',
  'LEFT',
  'ON',
  'USING',
  'UNION',
  'ALL',
  'WITH',
  'AS',
  'TABLE',
  'LATERAL',
  'FLATTEN',
  'PIVOT',
  'UNPIVOT',
  'IN',
  'ILIKE',
  'RESAMPLE',
  'PRIOR',
  'CONNECT',
  'BY',
  'IDENTIFIER',
  'CAST',
  'OBJECT',
  'ARRAY',
  'VALUES',
  'EXISTS',
  'INTO',
  'AT',
  'BEFORE',
  'CHANGES',
  'SAMPLE',
  'NATURAL',
  'QUALIFY',
  'secrets',
  'DELETE',
  'INSERT',
  'UPDATE',
  'CALL',
  '--',
  '/*',
  '*/',
  '//',
  '$$',
  "'",
  '"',
  '(',
  ')',
  ',',
  '.',
  ';',
  '::',
  '->',
  '->>',
  ':',
  '[',
  ']',
  '{',
  '}',
  '@',
  '%',
  '\\',
  '`',
  '#',
  '\r',
  '\0',
  '\u200b',
  '\u00a0',
  '1',
  '0x1',
  "'x'",
  '"x"',
  '""',
];

class Grammar {
  constructor(next) {
    this.next = next;
  }
  below(n) {
    return Math.floor(this.next() * n);
  }
  pick(list) {
    return list[this.below(list.length)];
  }
  maybe(share, make) {
    return this.next() < share ? make() : '';
  }
  expression(depth) {
    if (depth <= 0) return this.pick([...COLUMNS, '1', "'text'", 'NULL', ':1', 'TRUE']);
    const inner = () => this.expression(depth - 1);
    return this.pick([
      inner,
      () => `${inner()} ${this.pick(['+', '||', '=', '<', 'AND', 'OR', 'LIKE', 'IS DISTINCT FROM'])} ${inner()}`,
      () =>
        `${this.pick(['upper', 'coalesce', 'max', 'count', 'get_path', 'system$wait', 'my_udf', 'object_construct', 'db.s.f', 'hash'])}(${inner()}, ${inner()})`,
      () => `CASE WHEN ${inner()} THEN ${inner()} ELSE ${inner()} END`,
      () => `${inner()}::${this.pick(['VARCHAR', 'NUMBER(10,2)', 'ARRAY(INT)', 'OBJECT(a INT NOT NULL)', 'VARIANT'])}`,
      () => `(${this.query(depth - 2)})`,
      () => `${inner()} IN (${this.query(depth - 2)})`,
      () => `EXISTS (${this.query(depth - 2)})`,
      () => `row_number() OVER (PARTITION BY ${inner()} ORDER BY ${inner()})`,
      () => `filter(payload, (x INT) -> x > ${inner()})`,
      () => `{'k': ${inner()}}`,
      () => `[${inner()}, ${inner()}]`,
    ])();
  }
  source(depth) {
    const name = this.pick([...TABLES, 'c1', 'c2']);
    return this.pick([
      () => `${name} ${this.pick(['', 'a', 'AS b', 'AS "X"'])}`,
      () => `(${this.query(depth - 1)}) ${this.pick(['', 'a', 'AS b (x, y)'])}`,
      () => `${name} AT(OFFSET => -1) a`,
      () => `${name} SAMPLE (10)`,
      () => `${name} PIVOT(MAX(total) FOR region IN ('x' AS y)) a`,
      () => `${name} UNPIVOT(v FOR n IN (id a, total)) b`,
      () => `(${this.source(depth - 1)} JOIN ${this.source(depth - 1)} ON TRUE)`,
      () => `TABLE(FLATTEN(INPUT => ${this.expression(1)})) b`,
      () => `LATERAL FLATTEN(payload) b`,
      () => `LATERAL (${this.query(depth - 1)}) b`,
      () => `(VALUES (1, 2)) a (id, x)`,
      () => `${name} CHANGES(INFORMATION => DEFAULT) AT(OFFSET => -1)`,
      () => `${name} RESAMPLE(USING id INCREMENT BY 1)`,
      () => `${name} MATCH_RECOGNIZE (ORDER BY id MEASURES max(id) AS m PATTERN (u+) DEFINE u AS id > 1)`,
    ])();
  }
  query(depth) {
    if (depth <= 0) return `SELECT ${this.pick(COLUMNS)} FROM ${this.pick(TABLES)}`;
    const list = Array.from(
      { length: 1 + this.below(3) },
      () => `${this.expression(depth - 1)}${this.maybe(0.3, () => ' AS id')}`,
    );
    const select = `SELECT ${this.maybe(0.1, () => 'DISTINCT ')}${list.join(', ')} FROM ${this.source(depth - 1)}${this.maybe(0.4, () => `${this.pick([' JOIN', ' LEFT JOIN', ', LATERAL', ' NATURAL JOIN', ' CROSS JOIN', ' ,'])} ${this.source(depth - 1)}`)}${this.maybe(0.2, () => ` ON ${this.expression(1)}`)}${this.maybe(0.4, () => ` WHERE ${this.expression(depth - 1)}`)}${this.maybe(0.2, () => ` GROUP BY ${this.expression(1)}`)}${this.maybe(0.1, () => ` QUALIFY ${this.expression(2)}`)}${this.maybe(0.2, () => ` ORDER BY ${this.expression(1)}`)}`;
    const whole =
      this.next() < 0.2
        ? `${select} ${this.pick(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT', 'MINUS'])} ${this.query(depth - 1)}`
        : select;
    return this.next() < 0.2
      ? `WITH ${this.pick(['c1', 'c2', 'customers', 'RECURSIVE c1'])} AS (${this.query(depth - 1)}) ${whole}`
      : whole;
  }
  mutate(sql) {
    let text = sql;
    for (let i = 0; i <= this.below(4); i++) {
      const at = this.below(text.length + 1);
      const to = Math.min(text.length, at + this.below(12));
      text = this.pick([
        () => text.slice(0, at) + text.slice(to),
        () => `${text.slice(0, at)} ${this.pick(WORDS)} ${text.slice(at)}`,
        () => text.slice(0, at) + this.pick(WORDS) + text.slice(to),
        () => text.slice(0, to) + text.slice(at),
        () => text.replace(/\b(customers|orders|events)\b/i, this.pick(TABLES)),
        () => `${text.slice(0, at)}(${text.slice(at, to)})${text.slice(to)}`,
      ])().slice(0, 4000);
    }
    return text;
  }
}

const cases = JSON.parse(readFileSync(new URL('../../acceptance/cases.json', import.meta.url), 'utf8'));
const SEEDS = [...read().map(({ sql }) => sql), ...(Array.isArray(cases) ? cases : cases.cases).map(({ sql }) => sql)];

/** DuckDB adds the alias and the sample to a name; whatever looks like that goes on both sides. */
const plain = (name) =>
  name
    .replaceAll('"', '')
    .toUpperCase()
    .replace(/ (?:AS|TABLESAMPLE) .*$/s, '');

/** Tables that DuckDB sees in a text, dotted, in capitals; undefined where it can't read it. */
function duckTables(connection, text) {
  try {
    return connection.getTableNames(text, true).map(plain);
  } catch {
    return undefined;
  }
}

/** `onProgress` hears of the count now and then. Answers counts and every statement that broke a rule. */
export async function fuzz(count, seed, onProgress = () => undefined, hangMs = HANG_MS) {
  const grammar = new Grammar(random(seed));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const result = { count, understood: 0, refused: 0, witnessed: 0, slowestMs: 0, heapMb: 0, failures: [] };
  const fail = (why, sql) => result.failures.push({ why, sql });
  const judge = async (sql) => {
    const analysis = await analyse(readStatement(sql), catalog, DEFAULTS);
    secondOpinion(analysis, cteNames(analysis.statement));
    // With a name that nobody owns the statement goes no further.
    if (analysis.unowned.length === 0) rewrite(analysis, new Map());
    return analysis;
  };
  for (let i = 0; i < count; i++) {
    const sql = grammar.next() < 0.5 ? grammar.query(1 + grammar.below(4)) : grammar.mutate(grammar.pick(SEEDS));
    const started = clock();
    let analysis;
    try {
      analysis = await judge(sql);
      result.understood++;
    } catch (error) {
      if (!(error instanceof Refusal)) fail(`threw ${error?.stack ?? error}`, sql);
      else if (
        error.code === 'NOT_UNDERSTOOD' &&
        error.position === undefined &&
        !/view|no statement|characters/.test(error.message)
      )
        fail(`refused without a place: ${error.message}`, sql);
      result.refused++;
    }
    const took = clock() - started;
    result.slowestMs = Math.max(result.slowestMs, took);
    if (took > hangMs) {
      // A collection of garbage does not come twice.
      const again = clock();
      await judge(sql).catch(() => undefined);
      if (clock() - again > hangMs) fail(`took ${Math.round(took)} ms`, sql);
    }
    if (analysis?.kind === 'select') {
      const seen = duckTables(connection, analysis.statement.text);
      if (seen) {
        result.witnessed++;
        const ctes = cteNames(analysis.statement);
        const own = new Set(
          analysis.objects.flatMap(({ object: { database, schema, name } }) =>
            [name, `${schema}.${name}`, `${database}.${schema}.${name}`].map(plain),
          ),
        );
        const beyond = seen.find((name) => !own.has(name) && !ctes.has(name));
        if (beyond !== undefined) fail(`DuckDB sees ${beyond}`, sql);
      }
    }
    if (i % 5000 === 0 || i === count - 1) {
      result.heapMb = Math.max(result.heapMb, Math.round(process.memoryUsage().rss / 1048576));
      onProgress(i, result);
    }
  }
  connection.closeSync();
  instance.closeSync();
  return result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = 100_000, seed = 1, hangMs = HANG_MS] = process.argv.slice(2).map(Number);
  const started = Date.now();
  const result = await fuzz(
    count,
    seed,
    (done, { failures }) => {
      if (done % 50_000 === 0)
        console.error(
          `${done} of ${count}, ${failures.length} failures, ${Math.round((Date.now() - started) / 1000)} s`,
        );
    },
    hangMs,
  );
  const { failures, ...counts } = result;
  console.log(
    JSON.stringify({ seed, seconds: Math.round((Date.now() - started) / 1000), ...counts, failures: failures.length }),
  );
  for (const failure of failures.slice(0, 20))
    console.log(failure.why.slice(0, 600), '\n  ', JSON.stringify(failure.sql));
  // A fuzzer that finds everything refused would prove nothing.
  const isHollow = counts.understood < count / 4 || counts.witnessed < count / 4;
  if (isHollow)
    console.log(`understood ${counts.understood}, witnessed ${counts.witnessed}: too few to prove anything`);
  const hasGrown = counts.heapMb > MOST_MB;
  if (hasGrown) console.log(`the process took ${counts.heapMb} MB`);
  const failed = failures.length + Number(isHollow) + Number(hasGrown);
  console.log(`${count - failures.length} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
