/**
 * Makes `src/sql/functions/list.ts`: all functions of Snowflake's own, from a Markdown copy of its documentation.
 *
 *   node scripts/snowflake-functions.mjs <copy> "<which copy: its date or commit>"
 *
 * `<copy>` is a folder that has `sql-reference/functions-all.md` and `sql-reference/functions/…` in it, or under
 * `en/`, `markdown/en/` or `docs/`. What a rule can't read stands in `snowflake-functions-corrections.mjs`.
 * The same copy gives the same file. What can't be classed stops it: nothing is guessed.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { classOf } from './snowflake-classes.mjs';
import { ALSO, CORRECTIONS, NOT_CALLED } from './snowflake-functions-corrections.mjs';
import { aliasesOf, columnsOf, datePartsOf, rows, section, syntaxOf } from './snowflake-page.mjs';
import { bare, calls } from './snowflake-syntax.mjs';

const [copy, from] = process.argv.slice(2);
if (copy === undefined || from === undefined) {
  console.error('node scripts/snowflake-functions.mjs <copy of the documentation> "<which copy>"');
  process.exit(2);
}
const root = ['', 'en', 'markdown/en', 'docs', 'docs/en']
  .map((under) => join(copy, under, 'sql-reference'))
  .find((path) => existsSync(join(path, 'functions-all.md')));
if (root === undefined) {
  console.error(`no sql-reference/functions-all.md in ${copy}`);
  process.exit(2);
}
const read = (page) => {
  const path = join(root, `${page}.md`);
  return existsSync(path) ? readFileSync(path, 'utf8').replace(/\r\n/gu, '\n') : '';
};

const inInformationSchema = new Set(
  rows(section(read('info-schema'), 'List of Information Schema table functions')).map(({ page }) => page),
);
if (inInformationSchema.size === 0) {
  console.error('no list of table functions on info-schema');
  process.exit(1);
}

/** The schema that a row's name stands in: `COMPLETE (SNOWFLAKE.CORTEX)`, or by its categories. */
const schemaOf = (cell, categories, page) => {
  const named = /\((SNOWFLAKE\.[A-Z_]+)\)/u.exec(cell)?.[1];
  if (named !== undefined) return named;
  if (cell.includes('(system data metric function)')) return 'SNOWFLAKE.CORE';
  if (categories.includes('Information Schema') || inInformationSchema.has(page)) return 'INFORMATION_SCHEMA';
  if (categories.includes('Account Usage table functions')) return 'SNOWFLAKE.ACCOUNT_USAGE';
  if (categories.includes('LOCAL schema')) return 'SNOWFLAKE.LOCAL';
  return undefined;
};

/** The names in a row: `A , B`, `A / B`, `[ NOT ] A`, `Do a thing (A)`; `A_*` stands for what the syntax has. */
const namesIn = (cell) => {
  const inner = /^[A-Z][a-z].*\(([A-Z][A-Z0-9_]+)\)$/u.exec(cell)?.[1] ?? cell;
  return inner
    .replace(/\s*—.*$/u, '')
    .replace(/\([^)]*\)/gu, '')
    .replace(/\[ NOT \]/gu, '')
    .split(/\s*[,/]\s*/u)
    .map((name) => name.trim())
    .filter((name) => name !== '');
};

const patternOf = (name) => {
  const parts = name.split(/(?:<\w+>|\*)+/u).map((part) => part.replace(/[$]/gu, '\\$&'));
  return new RegExp(`^${parts.join('[A-Z0-9_]*')}$`, 'u');
};

const BOUNDED = /^(?:pure|aggregate|window|table|random|time|context|sequence)$/u;

const functions = new Map();
const problems = [];

const put = (entry) => {
  const known = functions.get(entry.name);
  // An alias that has a row and a page of its own is as that page says.
  if (known === undefined || (entry.own && !known.own)) {
    functions.set(entry.name, entry);
    return;
  }
  if (known.own && !entry.own) return;
  // Several pages of one function (AI_COMPLETE, TRUNC, …): what any of them allows.
  functions.set(entry.name, {
    ...known,
    least: Math.min(known.least, entry.least),
    most: Math.max(known.most, entry.most),
    named: [...new Set([...known.named, ...entry.named])],
    datePart: [...new Set([...known.datePart, ...entry.datePart])].sort(),
    star: known.star || entry.star,
    noBrackets: known.noBrackets || entry.noBrackets,
  });
};

for (const { cell, page, categories } of rows(read('functions-all'))) {
  const text = read(`functions/${page}`);
  const blocks = syntaxOf(text);
  const called = calls(blocks);
  const withoutBrackets = bare(blocks);
  // Where the page says so, the names in the syntax are names of arguments: `AI_COMPLETE(model => …)`.
  const named = /positional or named argument/iu.test(text);
  const columns = columnsOf(text);
  const listed = namesIn(cell).flatMap((name) =>
    /[*<]/u.test(name) ? [...called.keys()].filter((other) => patternOf(name).test(other)) : [name],
  );
  const groups = [...listed.map((name) => [name]), ...aliasesOf(text)];
  const main = listed.map((name) => called.get(name)).find((found) => found !== undefined);
  for (const group of groups) {
    const own = group.map((name) => called.get(name)).find((found) => found !== undefined);
    for (const name of group) {
      if (NOT_CALLED.has(name) || NOT_CALLED.has(`functions/${page}`)) continue;
      if (!/^[A-Z][A-Z0-9_$]*$/u.test(name)) {
        problems.push(`${page}: the name "${name}" of the row "${cell}" can't be read`);
        continue;
      }
      const schema = schemaOf(cell, categories, page);
      const syntax = called.get(name) ?? own ?? main;
      // `SNOWFLAKE.NOTIFICATION.TEXT_PLAIN( … )`: a function that the syntax shows by its full name only.
      const written = syntax?.written ?? '';
      const prefix = schema ?? (/^SNOWFLAKE\./u.test(written) ? written.split('.').slice(0, -1).join('.') : undefined);
      const full = prefix === undefined ? name : `${prefix}.${name}`;
      const isTable =
        schema === 'INFORMATION_SCHEMA' || categories.some((category) => /table functions/iu.test(category));
      put({
        name: full,
        own: listed.includes(name),
        class: undefined,
        categories,
        ...(syntax ?? { least: 0, most: Number.POSITIVE_INFINITY, named: [], datePart: [], star: false }),
        ...(named && syntax !== undefined ? { named: syntax.placeholders } : {}),
        unread: syntax === undefined,
        columns: isTable ? columns : [],
        isTable,
        noBrackets: withoutBrackets.has(name),
        page: `functions/${page}`,
      });
    }
  }
}

for (const { name, ...entry } of ALSO) {
  put({
    name,
    own: true,
    categories: [],
    named: [],
    datePart: [],
    star: false,
    columns: [],
    isTable: false,
    noBrackets: false,
    ...entry,
  });
}

for (const [name, { reason: _reason, page: _page, ...correction }] of Object.entries(CORRECTIONS)) {
  const known = functions.get(name);
  if (known === undefined) problems.push(`a correction for ${name}, which is not on the list`);
  else functions.set(name, { ...known, unread: false, ...correction });
}

for (const [name, entry] of functions) {
  const found = entry.class ?? classOf(name, entry.categories, entry.isTable);
  if (found === undefined) problems.push(`${name} has no class: ${entry.categories.join(', ')} (${entry.page})`);
  const bounded = BOUNDED.test(found);
  if (entry.unread && bounded) problems.push(`${name} (${found}): no syntax on ${entry.page}`);
  // What is refused by its class unless a policy names it has no upper bound: those get new arguments often, and a bound
  // would guard nothing. The pages of system functions leave optional arguments unmarked (system_clustering_depth).
  const least = found === 'system' ? 0 : entry.least;
  const most = bounded ? entry.most : Number.POSITIVE_INFINITY;
  functions.set(name, { ...entry, class: found, least, most });
}

const parts = [...new Set(datePartsOf(read('functions-date-time')))].sort();
if (parts.length === 0) problems.push('no date parts on functions-date-time');

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}

const compare = (a, b) => (a < b ? -1 : 1);
const quoted = (list) => `[${list.map((one) => `'${one}'`).join(', ')}]`;
const line = (entry) => {
  const fields = [`name: '${entry.name}'`, `class: '${entry.class}'`, `least: ${entry.least}`];
  if (Number.isFinite(entry.most)) fields.push(`most: ${entry.most}`);
  if (entry.named.length > 0) fields.push(`named: ${quoted(entry.named)}`);
  if (entry.datePart.length > 0) fields.push(`datePart: [${entry.datePart.join(', ')}]`);
  if (entry.star) fields.push('takesStar: true');
  if (entry.noBrackets) fields.push('noBrackets: true');
  if (entry.isTable) fields.push('isTable: true');
  if (entry.columns.length > 0) fields.push(`columns: ${quoted(entry.columns)}`);
  if (entry.page !== `functions/${entry.name.toLowerCase()}`) fields.push(`page: '${entry.page}'`);
  return `  { ${fields.join(', ')} },`;
};

const sorted = [...functions.values()].sort((a, b) => compare(a.name, b.name));
writeFileSync(
  new URL('../src/sql/functions/list.ts', import.meta.url),
  `/**
 * All functions of Snowflake's own. Made by \`scripts/snowflake-functions.mjs\`; not to be changed by hand.
 * From ${from}.
 */
import { type ListedFunction } from '../src/sql/functions/classes.js';

export const LISTED: readonly ListedFunction[] = [
${sorted.map(line).join('\n')}
];

/** Documentation page functions-date-time, "Supported date and time parts". */
export const LISTED_DATE_PARTS: readonly string[] = [
${parts.map((part) => `  '${part}',`).join('\n')}
];
`,
);
console.log(`${functions.size} functions, ${parts.length} date parts`);
