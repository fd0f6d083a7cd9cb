/**
 * Reads the syntax that a page of Snowflake's documentation gives for a function: how many arguments a call may have,
 * which of them may go by name, where a date part stands as a bare word.
 *
 * The notation is the documentation's own: `[ … ]` is optional, `{ a | b }` is one of them, `...` and `+` repeat, `<x>` stands
 * for something. Commas are counted, for that is what a reader of a statement can count as well.
 */

const TOKEN =
  /(?<quoted>'[^']*')|(?<placeholder><[^<>]*>)|(?<dots>\.\.\.|…|\+)|(?<arrow>=>)|(?<word>[A-Za-z_$][\w$.]*)|(?<mark>[[\]{}(),|*])|(?<other>\S)/gu;

const tokens = (text) =>
  [...text.matchAll(TOKEN)].map(({ groups }) => {
    const [kind] = Object.entries(groups).find(([, value]) => value !== undefined);
    return { kind, text: groups[kind] };
  });

const CLOSING = { '[': ']', '{': '}', '(': ')' };

/** A tree of groups, so that what is optional is optional as a whole. */
const grouped = (list) => {
  let at = 0;
  const until = (end) => {
    const items = [];
    while (at < list.length) {
      const token = list[at++];
      if (token.kind === 'mark' && token.text === end) return items;
      if (token.kind === 'mark' && CLOSING[token.text] !== undefined) {
        items.push({ kind: 'group', open: token.text, items: until(CLOSING[token.text]) });
      } else {
        items.push(token);
      }
    }
    return items;
  };
  return until(undefined);
};

const NOTHING = { least: 0, most: 0, filled: false, fillable: false };

const either = (a, b) => ({
  least: Math.min(a.least, b.least),
  most: Math.max(a.most, b.most),
  filled: a.filled && b.filled,
  fillable: a.fillable || b.fillable,
});

/** Commas at least and at most, and whether anything must or may stand there. */
const commas = (items, open) => {
  // Within braces a bar parts whole alternatives; elsewhere it parts only its two neighbours (`TRUE | FALSE`).
  if (open === '{' && items.some(({ text }) => text === '|')) {
    const parts = [[]];
    for (const item of items) item.text === '|' ? parts.push([]) : parts.at(-1).push(item);
    return parts.map((part) => commas(part)).reduce(either);
  }
  const found = { ...NOTHING };
  for (const [index, item] of items.entries()) {
    if (items[index - 1]?.text === '|') continue;
    const one = commasOf(item);
    // `a, [ b ]` means `a [ , b ]`.
    const next = items[index + 1];
    const after = items[index + 2];
    if (
      item.text === ',' &&
      next?.open === '[' &&
      next.items[0]?.text !== ',' &&
      (after?.text === ',' || after?.open === '[' || after === undefined)
    ) {
      one.least = 0;
    }
    found.least += one.least;
    found.most += one.most;
    found.filled ||= one.filled;
    found.fillable ||= one.fillable;
  }
  return found;
};

const commasOf = (item) => {
  if (item.text === ',') return { ...NOTHING, least: 1, most: 1 };
  if (item.text === '|') return { ...NOTHING };
  if (item.kind === 'dots') return { ...NOTHING, most: Number.POSITIVE_INFINITY };
  if (item.kind !== 'group') return { ...NOTHING, filled: true, fillable: true };
  if (item.open === '(') return { ...NOTHING, filled: true, fillable: true };
  const within = commas(item.items, item.open);
  return item.open === '[' ? { ...within, least: 0, filled: false } : within;
};

const flat = (items) =>
  items.flatMap((item) => (item.kind === 'group' && item.open !== '(' ? flat(item.items) : [item]));

const DATE_PART = /^<?'?(?:date_or_time_?part|date_part|date_or_timestamp_part|date_or_time_or_timestamp_part)'?>?$/u;

/** @returns what the documentation says of the arguments between these brackets */
const argumentsOf = (text) => {
  const items = grouped(tokens(text));
  const { least, most, filled, fillable } = commas(items);
  const row = flat(items);
  const datePart = new Set();
  let index = 0;
  for (const item of row) {
    if (item.text === ',') index += 1;
    // A part that is shown in quotes is a text, not a bare word.
    if (item.kind === 'placeholder' && DATE_PART.test(item.text)) datePart.add(index);
  }
  return {
    least: least > 0 || filled ? least + 1 : 0,
    most: most > 0 || fillable ? most + 1 : 0,
    named: row.flatMap((item, at) =>
      item.kind === 'word' && row[at + 1]?.kind === 'arrow' ? [item.text.toUpperCase()] : [],
    ),
    placeholders: row.flatMap(({ kind, text: name }) =>
      kind === 'placeholder' ? [name.slice(1, -1).toUpperCase()] : [],
    ),
    datePart: [...datePart],
    star: /(?:^|,)\s*(?:\[?\s*(?:<\w+>|\w+)\.\s*\]?\s*)?\*\s*(?:,|$)/u.test(text),
  };
};

/** The text between a bracket and the one that closes it; undefined where none does. */
const withinBrackets = (text, start) => {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return undefined;
      at = end;
    } else if (text[at] === '(') depth += 1;
    else if (text[at] === ')' && --depth === 0) return text.slice(start + 1, at);
  }
  return undefined;
};

const CALL = /(?<![\w$<'])(?<name>[A-Za-z][\w$]*(?:\.[A-Za-z][\w$]*)*)(?<on>\s+ON)?\s*\(/gu;

/** `timestampFunction ::= TO_TIMESTAMP | …` gives a name to several functions. */
const families = (blocks) =>
  new Map(
    blocks.flatMap((block) =>
      [...block.matchAll(/(\w+)\s*::=\s*([A-Z_0-9]+(?:\s*\|\s*[A-Z_0-9]+)+)/gu)].map(([, name, members]) => [
        name.toUpperCase(),
        members.split('|').map((member) => member.trim()),
      ]),
    ),
  );

/** `{ STDDEV | STDDEV_SAMP } ( … )` are two calls. */
const parted = (block) =>
  block.replace(/\{\s*([A-Z_0-9]+(?:\s*\|\s*[A-Z_0-9]+)+)\s*\}\s*(\([^()]*\))/gu, (_, names, rest) =>
    names
      .split('|')
      .map((name) => `${name.trim()}${rest}`)
      .join('\n'),
  );

const merged = (one, other) =>
  one === undefined
    ? other
    : {
        least: Math.min(one.least, other.least),
        most: Math.max(one.most, other.most),
        named: [...new Set([...one.named, ...other.named])],
        placeholders: [...new Set([...one.placeholders, ...other.placeholders])],
        datePart: [...new Set([...one.datePart, ...other.datePart])].sort(),
        star: one.star || other.star,
      };

/**
 * @param blocks the code blocks of a page's section on syntax
 * @returns of each name that is called in them, by the last part of the name: its arguments, and the name as written
 */
export const calls = (blocks) => {
  const found = new Map();
  const family = families(blocks);
  for (const block of blocks.map(parted)) {
    for (const match of block.matchAll(CALL)) {
      const called = match.groups.name.toUpperCase();
      const text = withinBrackets(block, match.index + match[0].length - 1);
      if (text === undefined) continue;
      for (const name of family.get(called) ?? [called]) {
        const last = name.split('.').at(-1);
        const known = found.get(last);
        // Its full name counts only where it is never written without.
        const written = known === undefined || known.written === name ? name : last;
        found.set(last, { ...merged(known, argumentsOf(text)), written });
      }
    }
  }
  return found;
};

/** Names that stand in the syntax on a line of their own: they may be written without brackets. */
export const bare = (blocks) =>
  new Set(blocks.flatMap((block) => [...block.matchAll(/^\s*([A-Z][A-Z0-9_]*)\s*$/gmu)].map(([, name]) => name)));
