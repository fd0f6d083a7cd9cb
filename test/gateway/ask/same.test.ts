/** Which statements are the same, however they are written: by generation, both ways. */
import { describe, expect, it } from 'vitest';
import { sameAs } from '../../../dist/gateway/ask/same.js';
import { random } from '../../support/random.mjs';

type Bind = string | number | boolean | null;
/** As an agent sends it. */
interface Sent {
  readonly sql: string;
  readonly binds?: readonly Bind[];
  readonly format?: 'csv';
}

const same = ({ sql, ...request }: Sent): string =>
  sameAs({ statement: { source: sql, kind: 'select', fingerprint: '' } }, { sql, ...request });

const at = <T>(draw: () => number, all: readonly T[]): T => all[Math.floor(draw() * all.length)] as T;

/** Parts of a statement: a word of the grammar, a name that Snowflake folds, a value, or a sign; and how each may be written. */
type Part =
  | { readonly word: string }
  | { readonly name: string }
  | { readonly value: Bind }
  | { readonly sign: string };

const word = (text: string): Part => ({ word: text });
const name = (text: string): Part => ({ name: text });
const sign = (text: string): Part => ({ sign: text });
const value = (one: Bind): Part => ({ value: one });

const STATEMENTS: readonly (readonly Part[])[] = [
  [
    word('DELETE'),
    word('FROM'),
    name('DB'),
    sign('.'),
    name('T'),
    word('WHERE'),
    name('ID'),
    word('IN'),
    sign('('),
    value(7),
    sign(','),
    value(-8),
    sign(')'),
  ],
  [
    word('SELECT'),
    name('A'),
    sign('||'),
    value("it's\\n"),
    word('FROM'),
    name('T'),
    word('WHERE'),
    name('B'),
    sign('<>'),
    value('x'),
    word('AND'),
    name('C'),
    sign('='),
    value(true),
  ],
  [
    word('UPDATE'),
    name('T'),
    word('SET'),
    name('A'),
    sign('='),
    value(null),
    word('WHERE'),
    name('B'),
    sign('='),
    value(1.5),
    word('OR'),
    name('B'),
    sign('='),
    value(''),
  ],
  [
    word('SELECT'),
    name('A'),
    word('FROM'),
    name('T'),
    word('WHERE'),
    name('ID'),
    sign('>'),
    value(3),
    word('ORDER'),
    word('BY'),
    name('A'),
    sign(','),
    name('ID'),
    sign('+'),
    value(1),
  ],
];

const cased = (draw: () => number, text: string): string =>
  [...text].map((letter) => (draw() < 0.5 ? letter.toLowerCase() : letter)).join('');

function literalOf(draw: () => number, one: Bind): string {
  if (typeof one !== 'string')
    return one === null || typeof one === 'boolean' ? cased(draw, String(one).toUpperCase()) : String(one);
  const quoted = `'${one.replaceAll('\\', '\\\\').replaceAll("'", at(draw, ["''", "\\'"]))}'`;
  return one !== '' && draw() < 0.3 ? `$$${one}$$` : quoted;
}

/** One spelling of a statement; `style` of its binds: `?` or `:1`, never both. */
function spelled(draw: () => number, parts: readonly Part[]): Sent {
  const binds: Bind[] = [];
  const byNumber = draw() < 0.5;
  const space = (): string => at(draw, [' ', '\n', '  ', ' /* ? :1 "x" */ ', ' -- a\n', '\t']);
  const texts = parts.map((part) => {
    if ('word' in part) return cased(draw, part.word);
    if ('name' in part) return draw() < 0.3 ? `"${part.name}"` : cased(draw, part.name);
    if ('sign' in part) return part.sign === '<>' ? at(draw, ['<>', '!=']) : part.sign;
    if (draw() < 0.5) return literalOf(draw, part.value);
    binds.push(part.value);
    return byNumber ? `:${binds.length}` : '?';
  });
  return { sql: texts.map((text) => `${text}${space()}`).join(''), binds };
}

describe('a statement', () => {
  it('is the same however it is written: 4,000 spellings', () => {
    const draw = random(20_261_127);
    const keys = STATEMENTS.map((parts) => same(spelled(draw, parts)));
    expect(new Set(keys).size).toBe(STATEMENTS.length);
    for (let round = 0; round < 4000; round++) {
      const which = Math.floor(draw() * STATEMENTS.length);
      const sent = spelled(draw, STATEMENTS[which] as readonly Part[]);
      expect(same(sent), JSON.stringify(sent)).toBe(keys[which]);
    }
  });

  it('is another one with another value, name or word: 2,000 of them', () => {
    const draw = random(7);
    for (let round = 0; round < 2000; round++) {
      const parts = at(draw, STATEMENTS);
      const key = same(spelled(draw, parts));
      const changed = Math.floor(draw() * parts.length);
      const others = parts.map((part, place): Part => {
        if (place !== changed || 'sign' in part) return part;
        if ('word' in part) return word(`${part.word}_`);
        if ('name' in part) return name(`${part.name}_`);
        const to = part.value;
        return value(typeof to === 'number' ? to + 1 : typeof to === 'string' ? `${to} ` : 'TRUE');
      });
      const isOther = others.some((part, place) => part !== parts[place]);
      expect(same(spelled(draw, others)) === key, JSON.stringify(others)).toBe(!isOther);
    }
  });

  it.each<[string, Sent, Sent]>([
    ['a name that is quoted as folding would not give it', { sql: 'SELECT a FROM T' }, { sql: 'SELECT "a" FROM T' }],
    ['a word of the grammar in quotes', { sql: 'SELECT CURRENT_DATE FROM T' }, { sql: 'SELECT "CURRENT_DATE" FROM T' }],
    ['a reserved one', { sql: 'SELECT NULL FROM T' }, { sql: 'SELECT "NULL" FROM T' }],
    ['a number and a text', { sql: 'SELECT A FROM T WHERE A = 7' }, { sql: "SELECT A FROM T WHERE A = '7'" }],
    ['a text in other letters', { sql: "SELECT A FROM T WHERE A = 'x'" }, { sql: "SELECT A FROM T WHERE A = 'X'" }],
    ['a place and a value', { sql: 'SELECT A FROM T ORDER BY 1' }, { sql: 'SELECT A FROM T ORDER BY ?', binds: [1] }],
    [
      'one of several places',
      { sql: 'SELECT A FROM T GROUP BY A, 2 HAVING 1 = 1' },
      { sql: 'SELECT A FROM T GROUP BY A, ? HAVING 1 = 1', binds: [2] },
    ],
    ['other binds', { sql: 'SELECT ?, ?', binds: [1, 2] }, { sql: 'SELECT ?, ?', binds: [2, 1] }],
    ['no bind', { sql: 'SELECT ?', binds: [null] }, { sql: 'SELECT ?', binds: [] }],
    ['a page and a file', { sql: 'SELECT A FROM T' }, { sql: 'SELECT A FROM T', format: 'csv' }],
  ])('is told apart by %s', (_, one, other) => {
    expect(same(one)).not.toBe(same(other));
    expect(same(one)).toBe(same({ ...one }));
  });

  it('is the same by its binds’ values, in whichever order their numbers come', () => {
    const literal = same({ sql: "SELECT A FROM T WHERE B = 'x' AND C = 2 LIMIT 5" });
    expect(same({ sql: 'select a from t where b = :2 and c = :1 limit 5', binds: [2, 'x'] })).toBe(literal);
    expect(same({ sql: 'SELECT A FROM T WHERE B = ? AND C = ? LIMIT ?', binds: ['x', 2, 5] })).toBe(literal);
  });
});
