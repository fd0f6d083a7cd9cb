/**
 * `node test/sql/names/injection.mjs [COUNT SEED]`: at places of statements where an expression stands, hidden columns are named by every route,
 * also through sources that have no names. Each has to be refused, or what is sent must mean the masked value. What was not is printed.
 */
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { random } from '../../support/random.mjs';
import { HIDDEN, judges, statements, TABLES } from './material.mjs';
import { chainEnd, closes, foldedText, isName, lex, rolesOf, upper } from './words.mjs';

const PLACES = 2;
const QUALIFIERS = 2;
const SHOWN = 10;

/** Runs of tokens that an expression may stand for: literals and names, except those that a change assigns to. */
function placesIn(tokens, roles) {
  const places = [];
  const lists = new Set();
  for (const [at, token] of tokens.entries()) {
    // INSERT INTO t (…) and MERGE's INSERT (…) name the columns that are written.
    if (upper(token) === 'INSERT') {
      let open = upper(tokens[at + 1]) === 'INTO' ? chainEnd(tokens, at + 2) : at + 1;
      if (upper(tokens[at + 1]) === 'OVERWRITE') open = chainEnd(tokens, at + 3);
      if (tokens[open]?.text === '(') for (let inner = open; inner < closes(tokens, open); inner++) lists.add(inner);
    }
  }
  for (let at = 0; at < tokens.length; at++) {
    const { kind } = tokens[at];
    if (lists.has(at)) continue;
    if ((kind === 'string' || kind === 'number') && tokens[at - 1]?.kind !== 'word') places.push([at, at + 1]);
    if (roles[at] !== 'name') continue;
    const end = chainEnd(tokens, at);
    const isAssigned = tokens[end]?.text === '=' && (upper(tokens[at - 1]) === 'SET' || tokens[at - 1]?.text === ',');
    if (!isAssigned) places.push([at, end]);
    at = end - 1;
  }
  return places;
}

const INSIDE = /^(?:FROM|JOIN|INTO|UPDATE|USING)$/;

/** What qualifies columns in a statement: aliases of its sources, and the tables' own names. */
function qualifiersIn(tokens, roles) {
  const found = new Set();
  for (const [at, token] of tokens.entries()) {
    if (roles[at] === 'definition') found.add(token.text);
    if (roles[at] === 'name' && INSIDE.test(upper(tokens[at - 1]) ?? '')) {
      const end = chainEnd(tokens, at);
      found.add(tokens[end - 1].text);
      if (end - at > 1)
        found.add(
          tokens
            .slice(at, end)
            .map(({ text }) => text)
            .join(''),
        );
    }
  }
  return [...found];
}

/** Tables and views that a text may mean: every one whose last name stands in it. */
const tablesIn = (tokens) => {
  const names = new Set(tokens.filter(isName).map(foldedText));
  return [...TABLES].filter(([name]) => names.has(name.split('.')[2]));
};

const payloads = (hidden, qualifiers) => [
  `(SELECT ${hidden} FROM (SELECT 1))`,
  `(SELECT ${hidden} FROM VALUES (1))`,
  `(SELECT ${hidden} FROM TABLE(FLATTEN(ARRAY_CONSTRUCT(1))))`,
  `(SELECT MAX(V) FROM (SELECT ${hidden} AS V FROM (SELECT 1)))`,
  `EXISTS (SELECT 1 FROM (SELECT 1) WHERE ${hidden} LIKE 'a%')`,
  `EXISTS (SELECT 'x' AS ${hidden} FROM ANALYTICS.REF.COUNTRIES WHERE ${hidden} LIKE 'a%')`,
  hidden,
  ...qualifiers.flatMap((qualifier) => [`${qualifier}.${hidden}`, `(SELECT ${qualifier}.${hidden} FROM (SELECT 1))`]),
];

/** Statements with a hidden column injected: the text, what was put in, which column. */
export function* injected(sql, next) {
  const pick = (list) => list[Math.floor(next() * list.length)];
  const tokens = lex(sql);
  const roles = rolesOf(tokens);
  const places = placesIn(tokens, roles);
  if (places.length === 0) return;
  const all = qualifiersIn(tokens, roles);
  const own = tablesIn(tokens).flatMap(([name]) => HIDDEN.get(name) ?? []);
  for (let count = 0; count < Math.min(PLACES, places.length); count++) {
    const [from, to] = pick(places);
    const qualifiers = new Set(all.length > 0 ? Array.from({ length: QUALIFIERS }, () => pick(all)) : []);
    const columns = new Set([pick([...HIDDEN.values()].flat()), ...(own.length > 0 ? [pick(own)] : [])]);
    for (const hidden of columns)
      for (const payload of payloads(hidden, [...qualifiers])) {
        const last = tokens[to - 1];
        const text = sql.slice(0, tokens[from].start) + payload + sql.slice(last.start + last.text.length);
        yield { sql: text, payload, hidden };
      }
  }
}

// --- what an allowed one may look like

/** How each hidden table is read by the policy: the text of each column's item, taken from a plain SELECT of all that may be read. */
export async function maskedForms(judge) {
  const forms = new Map();
  for (const [name, hidden] of HIDDEN) {
    const columns = TABLES.get(name);
    let { sent } = await judge(`SELECT ${columns.join(', ')} FROM ${name}`);
    if (sent === undefined)
      ({ sent } = await judge(
        `SELECT ${columns.filter((column) => !hidden.includes(column)).join(', ')} FROM ${name}`,
      ));
    if (sent === undefined) throw new Error(`${name} can't be read`);
    const tokens = lex(sent);
    const from = tokens.findIndex((token) => upper(token) === 'FROM');
    const part = itemsOf(tokens, from + 1);
    if (!part) throw new Error(`${name} is not masked: ${sent}`);
    forms.set(name, new Map(part.items.map((item) => [item.at(-1), item.join(' ')])));
  }
  return forms;
}

/** For `( SELECT a , b FROM …`: its items as texts, and where it ends. */
function itemsOf(tokens, open) {
  if (tokens[open]?.text !== '(' || upper(tokens[open + 1]) !== 'SELECT') return undefined;
  const close = closes(tokens, open);
  const items = [[]];
  let at = open + 2;
  for (let depth = 0; at < close; at++) {
    const { text } = tokens[at];
    if (text === '(') depth++;
    if (text === ')') depth--;
    if (depth === 0 && upper(tokens[at]) === 'FROM') break;
    if (depth === 0 && text === ',') items.push([]);
    else items.at(-1).push(text);
  }
  return { items, from: at, close };
}

const isTable = (tokens, at, name) => {
  const parts = name.split('.');
  const end = chainEnd(tokens, at);
  const chain = tokens.slice(at, end).filter(isName).map(foldedText);
  return (
    chain.length <= 3 && chain.length > 0 && chain.every((part, index) => part === parts[3 - chain.length + index])
  );
};

const isEndOfName = (tokens, at, close) => at === close || upper(tokens[at]) === 'WHERE';

/** Behind AT and BEFORE in which no name stands but those of the clause, of functions and of types; the same place where there is none. */
function behindPoint(tokens, at) {
  if (!/^(?:AT|BEFORE)$/.test(upper(tokens[at]) ?? '') || tokens[at + 1]?.text !== '(') return at;
  const close = closes(tokens, at + 1);
  const isConstant = tokens
    .slice(at + 2, close)
    .every(
      ({ kind, text }, index) => kind !== 'quoted' && (index === 0 || !/^(?:SELECT|WITH|EXISTS|FROM)$/i.test(text)),
    );
  return isConstant ? close + 1 : at;
}

/**
 * A raw mention of a hidden column in what is sent, or undefined. Masking sub-queries, recognised by the policy's own text of each
 * column, are taken out first, and each leaves a mark of its table.
 */
export function rawMention(sent, forms) {
  const tokens = lex(sent);
  const left = [];
  for (let at = 0; at < tokens.length; at++) {
    const part = itemsOf(tokens, at);
    const table = part && [...HIDDEN.keys()].find((name) => isTable(tokens, part.from + 1, name));
    const known = table && forms.get(table);
    const isMasking =
      known &&
      part.items.every((item) => {
        const text = item.join(' ');
        return (
          known.get(item.at(-1)) === text ||
          (item.length === 1 &&
            !HIDDEN.get(table).includes(foldedText({ kind: 'quoted', text })) &&
            text.startsWith('"')) ||
          text === '1 AS "ROW"'
        );
      }) &&
      isEndOfName(tokens, behindPoint(tokens, chainEnd(tokens, part.from + 1)), part.close);
    if (!isMasking) left.push(tokens[at]);
    else {
      left.push({ kind: 'masked', text: table });
      at = part.close;
    }
  }
  const kind = upper(left[0]);
  for (const [name, hidden] of HIDDEN) {
    const raw = left.findIndex(
      (token, at) =>
        isName(token) &&
        (INSIDE.test(upper(left[at - 1]) ?? '') || left[at - 1]?.text === ',') &&
        left[chainEnd(left, at)]?.text !== '(' &&
        isTable(left, at, name) &&
        // What is inserted into is in nobody's sight.
        !(kind === 'INSERT' && upper(left[at - 1]) === 'INTO'),
    );
    if (raw < 0) continue;
    const end = chainEnd(left, raw);
    const alias = left[upper(left[end]) === 'AS' ? end + 1 : end];
    const own = new Set([name.split('.')[2], ...(isName(alias) && upper(alias) !== 'SET' ? [foldedText(alias)] : [])]);
    const roles = rolesOf(left);
    const places = new Set(placesIn(left, roles).map(([from]) => from));
    for (const start of places) {
      const last = chainEnd(left, start) - 1;
      if (!isName(left[last]) || !hidden.includes(foldedText(left[last]))) continue;
      const qualifier = last > start ? foldedText(left[last - 2]) : undefined;
      if (qualifier !== undefined ? own.has(qualifier) : !isInner(left, last))
        return `${name}.${foldedText(left[last])}`;
    }
  }
  return undefined;
}

const CLAUSE =
  /^(?:SELECT|FROM|JOIN|ON|WHERE|GROUP|HAVING|QUALIFY|ORDER|LIMIT|UNION|EXCEPT|INTERSECT|MINUS|VALUES|SET)$/;

/** Whether a table is read here that has such a column and hides nothing of it: the name is that table's. */
const isOpenOwner = (tokens, at, clause, name) =>
  /^(?:FROM|JOIN)$/.test(clause) &&
  isName(tokens[at]) &&
  (INSIDE.test(upper(tokens[at - 1]) ?? '') || tokens[at - 1]?.text === ',') &&
  [...TABLES].some(
    ([table, columns]) => columns.includes(name) && !HIDDEN.get(table)?.includes(name) && isTable(tokens, at, table),
  );

/** Whether a name stands in a SELECT that itself reads a table with such a column, masked or with nothing to hide. */
function isInner(tokens, at) {
  const name = foldedText(tokens[at]);
  let open = at;
  let below = at;
  for (;;) {
    let depth = 0;
    for (open--; open >= 0; open--) {
      if (tokens[open].text === ')') depth++;
      if (tokens[open].text === '(' && depth-- === 0) break;
    }
    if (open < 0) return false;
    if (upper(tokens[open + 1]) !== 'SELECT' && upper(tokens[open + 1]) !== 'WITH') continue;
    const close = closes(tokens, open);
    let [level, clause, isSibling, isThere] = [0, '', false, false];
    for (let inner = open; inner < close; inner++) {
      if (inner === below) isSibling = /^(?:FROM|JOIN)$/.test(clause);
      if (tokens[inner].text === '(') level++;
      if (tokens[inner].text === ')') level--;
      if (level !== 1) continue;
      if (CLAUSE.test(upper(tokens[inner]) ?? '')) clause = upper(tokens[inner]);
      if (tokens[inner].kind === 'masked' && HIDDEN.get(tokens[inner].text).includes(name)) isThere = true;
      if (isOpenOwner(tokens, inner, clause, name)) isThere = true;
    }
    // A sub-query in FROM does not see what stands beside it.
    if (isThere && !isSibling) return true;
    below = open;
  }
}

async function main() {
  const [count = 500, seed = randomInt(1_000_000)] = process.argv.slice(2).map(Number);
  console.log(`injection: ${count} statements, seed ${seed}`);
  const { masked } = await judges();
  const forms = await maskedForms(masked);
  const next = random(seed);
  let [passed, failed, through] = [0, 0, 0];
  const classes = new Map();
  for (const sql of statements(count, seed)) {
    if ((await masked(sql)).denial) continue;
    const before = new Set(lex(sql).filter(isName).map(foldedText));
    for (const { sql: text, payload, hidden } of injected(sql, next)) {
      const { denial, sent } = await masked(text);
      if (denial) {
        passed++;
        continue;
      }
      // A SELECT list's own alias is an owner, in sight of WHERE (documentation page sql/select).
      const hasOwner =
        before.has(hidden) ||
        payload.includes(` AS ${hidden} FROM ANALYTICS`) ||
        tablesIn(lex(text)).some(([, columns]) => columns.includes(hidden));
      const raw = rawMention(sent, forms);
      if (hasOwner && raw === undefined) {
        passed++;
        through++;
        continue;
      }
      failed++;
      const kind = hasOwner ? `a raw column is sent (${upper(lex(text)[0])})` : 'a column without an owner passes';
      classes.set(kind, [...(classes.get(kind) ?? []), `${text} | ${payload} | ${raw ?? 'no source has it'}`]);
    }
  }
  for (const [kind, some] of classes) {
    console.log(`\n${kind}: ${some.length}`);
    for (const line of process.env.ALL ? some : some.slice(0, SHOWN)) console.log(`  ${line}`);
  }
  // A check that nothing allowed ever reaches would hold whatever it says.
  if (through === 0) failed++;
  console.log(`${through} of those that passed are allowed, on masked values`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
