/**
 * `node test/sql/names/rename.mjs [COUNT SEED]`: every name has an owner. In each statement that is allowed, each name is replaced by one that
 * nothing has, without quotes and with them; the statement has to be refused, with that place or by that name. What was not is printed.
 */
import { randomInt } from 'node:crypto';
import { COLUMNS, judges, statements, TAKEN } from './material.mjs';
import { chainEnd, chainStart, foldedText, isName, isUsed, lex, rolesOf } from './words.mjs';

const SHOWN = 10;
const [count = 500, seed = randomInt(1_000_000)] = process.argv.slice(2).map(Number);
console.log(`rename: ${count} statements, seed ${seed}`);

/** Line and column of an offset, as denials tell them. */
function place(text, offset) {
  const lines = text.slice(0, offset).split(/\r\n|\n/);
  return { line: lines.length, column: [...(lines.at(-1) ?? '')].length + 1 };
}

/** A dotted name as it is read, PUBLIC (between two dots) left out. */
const dotted = (tokens, from, to) =>
  tokens.slice(from, to).map((token) => (isName(token) ? foldedText(token) : token.text));

/** Where else the whole name that a token is part of stands before a dot: a table before its column or its star. */
function qualifiersLike(tokens, at) {
  const start = chainStart(tokens, at);
  let end = chainEnd(tokens, at);
  // db..t
  if (tokens[end]?.text === '.' && tokens[end + 1]?.text === '.') end = chainEnd(tokens, end + 2);
  const name = dotted(tokens, start, end).join('');
  return tokens.flatMap((token, other) =>
    other !== start && isName(token) && dotted(tokens, other, other + end - start + 1).join('') === `${name}.`
      ? [other]
      : [],
  );
}

/** The token itself, where its dotted name begins; behind a type where its literal stands; for a table also the columns that it qualifies. */
function placesOf(renamed, tokens, at, role) {
  const now = lex(renamed);
  const uses = tokens.flatMap((token, other) =>
    other !== at && isName(token) && foldedText(token) === foldedText(tokens[at]) && tokens[other + 1]?.text === '.'
      ? [chainStart(tokens, other)]
      : [],
  );
  const isTable = role === 'name' && tokens[at + 1]?.text !== '.';
  const whole = role === 'name' ? qualifiersLike(tokens, at) : [];
  return [at, chainStart(tokens, at), ...(role === 'type' ? [at + 1] : []), ...(isTable ? uses : []), ...whole].map(
    (index) => place(renamed, now[index]?.start ?? 0),
  );
}

/** What is no statement any more is refused where a parser gave up: about there, or for what is no name of an object or a column anywhere. */
const NEAR = 3;
const isUnreadable = ({ message }) => message.startsWith('The statement could not be read');
function isNear(text, at, position, distance) {
  const found = lex(text).findIndex((token) => {
    const { line, column } = place(text, token.start);
    return position?.line === line && position.column === column;
  });
  return found >= 0 && Math.abs(found - at) <= distance;
}

let [passed, failed, allowed] = [0, 0, 0];
const classes = new Map();
const fail = (kind, sql, token, verdict) => {
  failed++;
  const known = classes.get(kind) ?? [];
  known.push(`${sql} | ${token} | ${verdict}`);
  classes.set(kind, known);
};

const { plain, masked } = await judges();
for (const [index, sql] of statements(count, seed).entries()) {
  const judge = index % 4 === 3 ? masked : plain;
  if ((await judge(sql)).denial) continue;
  allowed++;
  const tokens = lex(sql);
  const roles = rolesOf(tokens, COLUMNS);
  for (const [at, token] of tokens.entries()) {
    const role = roles[at];
    const isDefinition = role === 'definition' && isUsed(tokens, roles, at, TAKEN);
    if (!isDefinition && !['name', 'function', 'type', 'argument'].includes(role)) continue;
    for (const other of ['ZZ_1', '"ZZ_1"']) {
      const renamed = sql.slice(0, token.start) + other + sql.slice(token.start + token.text.length);
      const { denial } = await judge(renamed);
      if (!denial) {
        fail(`${role} passes`, renamed, token.text, 'allowed');
        continue;
      }
      // A definition that is gone shows where it is used.
      const places = isDefinition ? undefined : placesOf(renamed, tokens, at, role);
      const { position } = denial;
      const isThere =
        !places ||
        denial.message.includes('ZZ_1') ||
        places.some(({ line, column }) => position?.line === line && position.column === column) ||
        (isUnreadable(denial) && isNear(renamed, at, position, role === 'name' ? NEAR : Number.POSITIVE_INFINITY));
      if (isThere) passed++;
      else
        fail(
          `${role} refused elsewhere`,
          renamed,
          token.text,
          `${denial.code} ${position ? `${position.line}:${position.column}` : 'nowhere'} ${denial.message}`,
        );
    }
  }
}
if (allowed < count / 2) fail('too few were allowed', '', '', `${allowed} of ${count}`);
for (const [kind, some] of classes) {
  console.log(`\n${kind}: ${some.length}`);
  for (const line of process.env.ALL ? some : some.slice(0, SHOWN)) console.log(`  ${line}`);
}
console.log(`${allowed} of ${count} statements are allowed as they are`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
