/** What is taken out of a statement's text is values: whatever detectors find, and wherever, each word and sign stays that was judged. */
import { expect, it } from 'vitest';
import { approvalMessage } from '../../dist/approval/message.js';
import type { ShownApproval } from '../../dist/approval/values/known.js';
import { previewOf, recordMask } from '../../dist/gateway/record/recorded.js';
import { DETECTOR_KINDS, hiddenInSql, patternFinder, Scrubber } from '../../dist/masking/index.js';
import { lex, pieces } from '../../dist/sql/index.js';
import { Vault } from '../../dist/transcript/write/vault.js';
import { random } from '../support/random.mjs';
import { newKeys } from '../support/store/store.mjs';

const redact = { kind: 'redact' } as const;
const built = DETECTOR_KINDS.map((name) => ({ name, pattern: undefined, mask: redact }));
const own = [
  // Written without a thought of where it ends.
  { name: 'badge', pattern: patternFinder('(?s)badge.{0,200}end'), mask: redact },
  { name: "it's", pattern: patternFinder('quote-\\d+'), mask: redact },
  { name: 'start', pattern: patternFinder('^staff \\d{4}$'), mask: redact },
  { name: 'closing', pattern: patternFinder('closes\\W'), mask: { kind: 'constant', value: '\'*/--$$"\n' } as const },
  { name: 'gone', pattern: patternFinder('vanish'), mask: { kind: 'constant', value: '' } as const },
];
const scrubber = () => new Scrubber([...built, ...own]);
const hidden = (text: string): string => hiddenInSql(text, scrubber());

/** All but values: literals by their place, names by their quotes, comments by their kind, all else to the letter. */
const shape = (text: string): readonly string[] =>
  pieces(text).flatMap(({ kind, text: part }) => {
    if (kind === 'space') return [];
    if (kind === 'string' || kind === 'number') return 'value';
    if (kind === 'quoted') return '"name"';
    return kind === 'comment' ? `${part.slice(0, 2)}…` : part;
  });

it.each([
  ["SELECT * FROM T WHERE A = 'ann@example.com'", "SELECT * FROM T WHERE A = '[email]'"],
  ['SELECT $$ann@example.com$$', 'SELECT $$[email]$$'],
  ['SELECT 1 AS "ann@example.com"', 'SELECT 1 AS "[email]"'],
  ['SELECT 1 -- ann@example.com\n, 2', 'SELECT 1 -- [email]\n, 2'],
  ['SELECT /* to ann@example.com */ 2', 'SELECT /* to [email] */ 2'],
  ['SELECT 4111111111111111', "SELECT '[credit_card]'"],
  ["SELECT 'O''Brien@example.com'", "SELECT '[email]'"],
  ["SELECT 'ann\\x40example.com'", "SELECT '[email]'"],
  ["SELECT 'x\\'ann\\u0040example.com\\\\'", "SELECT '[email]\\\\'"],
  // Told by the name alone.
  ["SELECT * FROM T WHERE SSN = '219099999'", "SELECT * FROM T WHERE SSN = '[us_ssn]'"],
  ['SELECT * FROM T WHERE t."ssn" <> 219099999', 'SELECT * FROM T WHERE t."ssn" <> \'[us_ssn]\''],
  [
    "SELECT * FROM T WHERE PASSWORD = 'correct-horse' AND A = 'b'",
    "SELECT * FROM T WHERE PASSWORD = '[secret]' AND A = 'b'",
  ],
  [
    "SELECT * FROM T WHERE ssn NOT IN ('219099999', 'x', 219099998)",
    "SELECT * FROM T WHERE ssn NOT IN ('[us_ssn]', 'x', '[us_ssn]')",
  ],
  ["SELECT F(password => 'correct-horse')", "SELECT F(password => '[secret]')"],
  // Across literals: nothing.
  ["SELECT 'ab://u:'OR(1)=(1)OR'@'", "SELECT 'ab://u:'OR(1)=(1)OR'@'"],
  ["DELETE FROM T WHERE A = 'badge' OR 1=1 --' end", "DELETE FROM T WHERE A = 'badge' OR 1=1 --' end"],
  ["SELECT 'ann@' || 'example.com'", "SELECT 'ann@' || 'example.com'"],
  // A replacement that would end its own literal.
  ["SELECT 'quote-12'", "SELECT '[hidden]'"],
  ["SELECT 'closes!' -- closes!", "SELECT '[hidden]' --[hidden]"],
  ['SELECT 1 AS "vanish"', 'SELECT 1 AS "[hidden]"'],
  ["SELECT 'staff 1234' FROM T WHERE N = 'staff 1234'", "SELECT '[start]' FROM T WHERE N = '[start]'"],
])('%s', (text, expected) => {
  expect(hidden(text)).toBe(expected);
  expect(shape(expected)).toEqual(shape(text));
});

it('would not hold of a detector over the whole text', () => {
  const spoofed = "DELETE FROM T WHERE A = 'badge' OR 1=1 --' end";
  expect(scrubber().text(spoofed)).not.toContain('OR 1=1');
  expect(scrubber().text("SELECT 'ab://u:'OR(1)=(1)OR'@'")).not.toContain('(1)=(1)');
});

it('what can not be read is a text like any other, from there on', () => {
  expect(hidden("SELECT 'x', `ann@example.com` OR 'a'")).toBe("SELECT 'x', `[email]` OR 'a'");
  expect(hidden("SELECT 'ann@example.com")).toBe("SELECT '[email]");
});

const VALUES = [
  'ann@example.com',
  '4111 1111 1111 1111',
  '078-05-1120',
  '+49 30 901820',
  '(415) 555-0132',
  'DE89 3704 0044 0532 0130 00',
  '192.168.17.4',
  '2001:db8:0:1::17',
  'AKIAIOSFODNN7EXAMPLE',
  `ghp_${'a1B2'.repeat(9)}`,
  'pgsql://joe:hunter2hunter2@db',
  'password: correct-horse',
];
/** Halves that are something only together with what comes after. */
const BEGINNINGS = [
  'ann',
  'ann@',
  'ab://u:',
  'badge',
  'phone ',
  'password=',
  'ssn ',
  'DE89 3704',
  '+49 30 ',
  '4111-',
  'closes',
  '\\',
  "''",
  '-----BEGIN PRIVATE KEY-----',
  '$',
  '/*',
  '--',
];
const ENDS = [
  '@example.com',
  '@',
  ' end',
  'x-end',
  '0044 0532 0130 00',
  '901820',
  '1111-1111-1111',
  '219099999',
  '*/',
  '!',
  "\\'",
];
const SQL = [
  'OR 1=1',
  'AND A.B',
  '||',
  ',',
  'OR(1)=(1)OR',
  '->',
  '=',
  'IN (',
  ')',
  'LIKE',
  'password =',
  'ssn =',
  'NOT',
  ':x',
  '::TEXT',
  'FROM "A"',
  'SELECT',
  '-',
  '@',
  '.',
  'CONTAINS',
  '/',
];

/** Statements that any reader of ours can read, with values and halves of values wherever a value can stand. */
function statement(next: () => number): { text: string; values: readonly string[] } {
  const pick = <T>(some: readonly T[]): T => some[Math.floor(next() * some.length)] as T;
  const values: string[] = [];
  const filling = (): string => {
    const at = next();
    if (at < 0.3) {
      const value = pick(VALUES);
      values.push(value);
      return next() < 0.5 ? value : `${pick(['to ', 'x: ', ''])}${value}${pick(['', ' now', '.'])}`;
    }
    return at < 0.6 ? pick(BEGINNINGS) : at < 0.9 ? pick(ENDS) : pick(['a', 'it is', '', 'é😀', 'x'.repeat(30)]);
  };
  const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll("'", "''");
  const part = (): string => {
    const at = next();
    if (at < 0.35) return `'${escaped(filling())}'`;
    if (at < 0.42) return `$$${filling().replaceAll('$', '')}$$`;
    if (at < 0.5) return `"${filling().replaceAll('"', '""') || 'n'}"`;
    if (at < 0.58) return `-- ${filling().replaceAll('\n', ' ')}\n`;
    if (at < 0.66) return `/* ${filling().replaceAll(/\*\/|\/\*/g, '+')} */`;
    if (at < 0.72) return pick(['4111111111111111', '219099999', '1', '2.5e3', '4155550132']);
    return pick(SQL);
  };
  let text = 'DELETE FROM T WHERE';
  const count = 3 + Math.floor(next() * 20);
  for (let at = 0; at < count; at++) text += `${pick([' ', '', '\n', ' '])}${part()}`;
  return { text, values };
}

const MAX = 4000;

it(`in ${MAX} generated statements shows the words and signs that were judged, and no value`, () => {
  const next = random(20261126);
  let read = 0;
  const vault = new Vault(newKeys(), recordMask());
  const previewed = previewOf(recordMask());
  let swallowed = 0;
  for (let at = 0; at < MAX; at++) {
    const { text, values } = statement(next);
    if (pieces(text).some(({ kind }) => kind === 'unread')) continue;
    read++;
    const shown = hidden(text);
    expect(shape(shown), text).toEqual(shape(text));
    // The judge's own reader sees the same, too.
    expect(lex(shown).length, text).toBe(lex(text).length);
    const inRecord = vault.seal('s', 't', { kind: 'delete', statement: text, sent: text });
    for (const name of ['statement', 'sent']) expect(shape(String(inRecord[name])), text).toEqual(shape(text));
    const onPage = previewed({ statement: text, sent: text });
    expect(shape(onPage.sent), text).toEqual(shape(text));
    const plain = pieces(text).flatMap(({ kind, text: piece }) =>
      kind === 'string' && !piece.includes('\\') && values.includes(piece.replaceAll(/^'|'$|^\$\$|\$\$$/g, ''))
        ? [piece]
        : [],
    );
    for (const value of plain) expect(shown, text).not.toContain(value);
    // What a detector over the whole text would have taken away.
    if (shape(scrubber().text(text)).join(' ') !== shape(text).join(' ')) swallowed++;
  }
  expect(read).toBeGreaterThan(MAX / 2);
  // Else nothing of this was tried.
  expect(swallowed).toBeGreaterThan(100);
});

it('a chat shows each word and sign of the text as sent', () => {
  const next = random(7);
  const preview = previewOf(recordMask());
  for (let at = 0; at < 300; at++) {
    const { text } = statement(next);
    const oneLine = text.replaceAll(/--[^\n]*\n/g, '').replaceAll('\n', ' ');
    if (!/^[\x20-\x7e]*$/.test(oneLine) || pieces(oneLine).some(({ kind }) => kind === 'unread')) continue;
    const approval = {
      ...{ id: 'i', subject: 's', state: 'pending', purpose: null, requirements: [], decisions: [], about: null },
      ...{
        issuer: 'https://issuer.example',
        client_id: 's',
        outcome: null,
        ended: null,
        held: null,
        is_erased: false,
        policy_version: 'v',
      },
      ...preview({ statement: 'SELECT 1', sent: oneLine }),
      expires_at: new Date(0),
    } as ShownApproval;
    const message = JSON.stringify(approvalMessage('teams', 'approval_asked', approval, 'https://x'));
    const texts = [...message.matchAll(/"text":"((?:[^"\\]|\\.)*)"/g)].map(([, found]) => JSON.parse(`"${found}"`));
    const sent: string = texts[texts.indexOf('As sent to Snowflake') + 1];
    expect(shape(sent), oneLine).toEqual(shape(oneLine));
  }
});

it('masks what never was a statement as a text', () => {
  const vault = new Vault(newKeys(), recordMask());
  const seal = (body: object) => vault.seal('s', 't', { ...body })['statement'];
  const statement = 'please write to ann@example.com';
  const unread = { kind: null, denial: { code: 'NOT_UNDERSTOOD', message: '' } };
  expect(seal({ statement, ...unread })).toBe('please write to [email]');
  expect(seal({ statement, kind: 'select', denial: unread.denial })).toBe('please write to [email]');
  expect(seal({ statement: "SELECT 'ann@example.com'", kind: 'select', denial: { code: 'OBJECT_DENIED' } })).toBe(
    "SELECT '[email]'",
  );
});
