/** What is sent: spaced as it was written, and read as the same tokens by whoever reads it. */
import { describe, expect, it } from 'vitest';
import { lex, Refusal, spaced } from '../../../dist/sql/index.js';
import { random } from '../../support/random.mjs';

const words = (text: string): readonly (readonly string[])[] => lex(text).map(({ kind, text: word }) => [kind, word]);

describe('a text as sent', () => {
  it.each([
    ['SELECT COUNT(*), a.b::VARCHAR FROM t', 'SELECT COUNT(*), a.b::VARCHAR FROM t'],
    ['select  a ,b\n  from\tt  where x=-1', 'select a ,b from t where x= -1'],
    ['SELECT/* none */1', 'SELECT 1'],
    ['SELECT a/**/b', 'SELECT a b'],
    ['SELECT a-/**/-b', 'SELECT a- -b'],
    ['SELECT v:a.b[0]::INT, $1, x.$2', 'SELECT v:a.b[0]::INT, $1, x.$2'],
    ["SELECT 'a'||'b', \"A b\".c", "SELECT 'a'||'b', \"A b\".c"],
    ['SELECT f(x => 1, y=>2)', 'SELECT f(x => 1, y=>2)'],
    ['SELECT 1 x, 1., (.5)', 'SELECT 1 x, 1., (.5)'],
    ['SELECT a .5', 'SELECT a .5'],
    ['SELECT * FROM db..t', 'SELECT * FROM db..t'],
    ['SELECT (a)(+)', 'SELECT (a)(+)'],
    // Signs of a pattern (constructs/match_recognize) are of several characters, and an object's braces stand close.
    ['PATTERN (a b*? ({- c -} d)+? e?? f{1,2}?)', 'PATTERN (a b*? ({- c -} d)+? e?? f{1,2}?)'],
    ["SELECT {'a':1}, {*}", "SELECT {'a':1}, {*}"],
  ])('%s', (source, sent) => expect(spaced(lex(source))).toBe(sent));

  it('leaves no gap where tokens were left out, and joins no two words', () => {
    const tokens = lex('SELECT db.s.t.c, * EXCLUDE (a), x FROM t');
    const at = (text: string): number => tokens.findIndex((token) => token.text === text);
    const pieces: (string | undefined)[] = tokens.map(({ text }) => text);
    for (let index = at('db'); index < at('t'); index++) pieces[index] = undefined;
    for (let index = at('EXCLUDE'); index <= at('a') + 1; index++) pieces[index] = undefined;
    expect(spaced(tokens, pieces)).toBe('SELECT t.c, *, x FROM t');
  });

  it('has the very tokens that were judged, and begins no comment, whatever stands beside what', () => {
    const next = random(18);
    const pick = (from: readonly string[]): string => from[Math.floor(next() * from.length)] ?? '';
    const PARTS =
      'a|B_1|"q"|"a""b"|\'s\'|\'it\'\'s\'|$$d$$|1|2.|.5|3e4|$1|$v|:1|?|+|-|*|/|%|(|)|,|.|;|:|::|=|<|>|<=|>=|<>|!=||||->|=>|[|]|{|}|@|&|^|~|!|**|<=>|->>|:='.split(
        /(?<!\|)\|(?!\|\|)/,
      );
    const GAPS = ['', '', '', ' ', '  ', '\n', '/**/', '/* - */', '-- x\n', '// y\n'];
    let read = 0;
    for (let round = 0; round < 20_000; round++) {
      let source = '';
      for (let length = 2 + Math.floor(next() * 6); length > 0; length--) source += pick(PARTS) + pick(GAPS);
      let tokens: ReturnType<typeof lex>;
      try {
        tokens = lex(source);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        continue;
      }
      read++;
      const sent = spaced(tokens);
      expect(words(sent), JSON.stringify([source, sent])).toEqual(words(source));
      // Signs of ours that stand together were one sign, or one of them is a bracket, a comma or a dot, or the last ones are a quantifier's.
      for (const [one] of sent
        .replaceAll(/'(?:''|[^'])*'|"(?:""|[^"])*"|\$\$.*?\$\$/gs, 'x')
        .matchAll(/[-+*/%;:=<>?@&^~!|]{2,}/g))
        expect(
          tokens.some(({ text }) => text === one) || /^[-+*/%;:=<>@&^~!|]*[*+?]\?+$/.test(one),
          JSON.stringify([source, sent, one]),
        ).toBe(true);
    }
    expect(read).toBeGreaterThan(5000);
  });
});
