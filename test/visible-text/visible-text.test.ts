/** Texts that turn around, have no width, or look like others: shown on the way to every reader, kept to the letter for programs. */
import { h, options } from 'preact';
import { describe, expect, it } from 'vitest';
import type { Approval } from '../../dist/approval/index.js';
import { approvalMessage } from '../../dist/approval/message.js';
import type { ShownApproval } from '../../dist/approval/values/known.js';
import { renderApproval } from '../../dist/cli/approvals/render.js';
import { asciicast, framesOf } from '../../dist/cli/record/replay.js';
import { landingPage, messagePage } from '../../dist/console/http/page.js';
import { renderEvents } from '../../dist/terminal/events.js';
import { folded, outputText, printable, styleFor, table, terminalText } from '../../dist/terminal/terminal.js';
import type { SessionSummary, StoredEvent } from '../../dist/transcript/index.js';
import { visibleJson, visibleLine, visibleLines, visibleText } from '../../dist/visible-text/visible-text.js';
import { random } from '../support/random.mjs';

/** By number, so that this file can be read. */
const at = (code: number): string => String.fromCodePoint(code);
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

const UNSEEN = [
  ...range(0x00, 0x08),
  ...range(0x0b, 0x1f),
  ...range(0x7f, 0x9f),
  0xa0,
  0xad,
  0x034f,
  0x061c,
  0x115f,
  0x1160,
  0x1680,
  0x180b,
  0x180e,
  ...range(0x2000, 0x200f),
  ...range(0x2028, 0x202f),
  0x205f,
  ...range(0x2060, 0x206f),
  0x2800,
  0x3000,
  0x3164,
  0xd800,
  0xe000,
  ...range(0xfe00, 0xfe0f),
  0xfeff,
  0xffa0,
  ...range(0xfff9, 0xfffb),
  0xfffe,
  0x13441,
  0x13442,
  0x1d159,
  ...range(0xe0001, 0xe007f),
  ...range(0xe0100, 0xe01ef),
  0xf0000,
];
const ANY_UNSEEN = new RegExp(`[${UNSEEN.map((code) => `\\u{${code.toString(16)}}`).join('')}]`, 'u');
const RTL = at(0x202e);
const CYRILLIC_A = at(0x430);
const HOSTILE = `Clean up${RTL} ${at(0x2066)}EU${at(0x2069)} p${CYRILLIC_A}ypal${at(0x200b)}${at(0x1b)}]0;x${at(7)}${at(0x9b)}2J ${at(0xe0041)}${at(0x2028)}end`;

describe('a text', () => {
  it('shows each character that can not be seen', () => {
    for (const code of UNSEEN) {
      const shown = visibleText(`SELECT${at(code)}1`);
      expect(shown).toBe(`SELECT⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩1`);
      expect(visibleText(shown)).toBe(shown);
    }
  });

  it('keeps what people write', () => {
    for (const plain of [
      'SELECT 1\n\tFROM T',
      'Größe, coût, año, Łódź, Ελλάδα, Москва, 日本語カタカナひらがな, 한국어, ไทย, שלום, مرحبا',
      'iPhoneケース Tシャツ 東京Tower K-팝 C언어',
      'CUSTOMER_Москва_日本'.split('_').join(' '),
      'naïve — “quoted” … € 10 → 20 😀',
      '',
    ])
      expect(visibleText(plain)).toBe(plain);
    expect(visibleText('a\r\nb é')).toBe('a\nb é');
  });

  it('marks words that mix scripts', () => {
    expect(visibleText(`p${CYRILLIC_A}ypal-bot`)).toBe(`p${CYRILLIC_A}ypal⟨Latin+Cyrillic⟩-bot`);
    expect(visibleText(`"CUST${at(0x39f)}MERS"`)).toBe(`"CUST${at(0x39f)}MERS⟨Latin+Greek⟩"`);
    expect(visibleText(`s${at(0x561)}les`)).toContain('⟨Latin+Armenian⟩');
    expect(visibleText(`${at(0x13da)}ales`)).toContain('⟨Latin+Cherokee⟩');
    expect(visibleText(`${at(0x41c)}${at(0x3bf)}`)).toContain('⟨Greek+Cyrillic⟩');
    expect(visibleText(`s${at(0x1d5ba)}les`)).toContain('⟨Latin+mathematical⟩');
    expect(visibleText(`s${at(0xff41)}les`)).toContain('⟨Latin+fullwidth⟩');
    // Letters of one word, whatever digits and underscores stand between them.
    expect(visibleText(`sales_7_${CYRILLIC_A}`)).toContain('⟨Latin+Cyrillic⟩');
  });

  it.each([
    ['ogin', 0x2113, 'Latin+compatibility'],
    ['sa', 0x217c, 'Latin+compatibility'],
    ['BC', 0x10300, 'Latin+Old_Italic'],
    ['ame', 0x2d4f, 'Latin+Tifinagh'],
    ['sales', 0x212a, 'Latin+compatibility'],
    ['sales', 0xff3f, 'Latin+compatibility'],
    ['sales', 0x17f, 'Latin+compatibility'],
    ['sal', 0x212e, 'Latin+compatibility'],
    ['sales', 0x1d7d9, 'Latin+mathematical'],
    ['sales', 0xff11, 'Latin+fullwidth'],
    ['sales', 0x660, 'Latin+Arabic'],
    ['10', 0x660, 'Latin+Arabic'],
    ['10', 0x6f0, 'Latin+Arabic'],
    ['10', 0x966, 'Latin+Devanagari'],
    ['10', 0xff10, 'Latin+fullwidth'],
    ['x', 0x10280, 'Latin+Lycian'],
    ['x', 0xa4d0, 'Latin+Lisu'],
    ['x', 0x16a0, 'Latin+Runic'],
    ['x', 0xd05, 'Latin+Malayalam'],
    ['x', 0x1e900, 'Latin+Adlam'],
  ])('marks %s with U+%s', (word, code, mark) => {
    for (const text of [`${word}${at(code)}`, `${at(code)}${word}`]) expect(visibleText(text)).toBe(`${text}⟨${mark}⟩`);
  });

  it('marks a letter of any script among Latin ones', () => {
    const kept =
      /[\p{Script=Latin}\p{Script_Extensions=Common}\p{Script=Inherited}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Hangul}\p{Default_Ignorable_Code_Point}]/u;
    let checked = 0;
    for (let code = 0x80; code < 0x20000; code++) {
      const letter = at(code);
      if (!/[\p{L}\p{N}]/u.test(letter) || kept.test(letter) || UNSEEN.includes(code)) continue;
      if (
        /\p{Script=Common}/u.test(letter) &&
        /\p{scx=Hiragana}|\p{scx=Katakana}|\p{scx=Han}|\p{scx=Latin}/u.test(letter)
      )
        continue;
      checked++;
      expect(visibleText(`x${letter}`), code.toString(16)).toMatch(/⟨Latin\+\w+⟩$/);
    }
    expect(checked).toBeGreaterThan(10_000);
  });

  it.each([
    'm² 1ª Nº 10½ CO₂ Hawaiʻi',
    'مرحبا١٠ ٠١٢ שלום10 Москва10 ภาษา๑๐',
    'ラーメン Tシャツー 第１回',
    'e\u0301te\u0301',
  ])('keeps %s', (text) => {
    expect(visibleText(text)).toBe(text);
  });

  it('of one line shows its line breaks', () => {
    expect(visibleLine('tidy\nState      approved\r\nx\ty')).toBe('tidy⟨U+000A⟩State      approved⟨U+000A⟩x⟨U+0009⟩y');
    expect(visibleLine('tidy')).toBe('tidy');
  });

  it('of several lines has each behind a bar, and many empty ones as their number', () => {
    expect(visibleLines('SELECT 1')).toEqual(['SELECT 1']);
    expect(visibleLines(`a\n\nb${'\n'.repeat(61)}c\n`)).toEqual(['│ a', '│ ', '│ b', '┆ 60 empty lines', '│ c', '│ ']);
    expect(visibleLines(`a${'\n \t'.repeat(60)}\nb`)).toEqual(['│ a', '┆ 60 empty lines', '│ b']);
  });

  it('can not take its mark away by bringing one, and is marked once', () => {
    const word = `p${CYRILLIC_A}ypal`;
    expect(visibleText(`${word}⟨`)).toBe(`${word}⟨Latin+Cyrillic⟩⟨`);
    expect(visibleText(`${word}⟨Latin⟩`)).toBe(`${word}⟨Latin+Cyrillic⟩⟨Latin⟩`);
    const once = visibleText(HOSTILE);
    expect(visibleText(once)).toBe(once);
  });

  it('as JSON means the same, and shows it', () => {
    const value = { [HOSTILE]: [HOSTILE, at(0xe0041), at(0xd800), 'é\n'] };
    const json = visibleJson(JSON.stringify(value));
    expect(json).not.toMatch(ANY_UNSEEN);
    expect(JSON.parse(json)).toEqual(value);
  });
});

// --- places

const session = { id: 's', subject: HOSTILE, opened_at: new Date(0) } as unknown as SessionSummary;
const event = (kind: string, body: object, position: number): StoredEvent =>
  ({ kind, body, position, at: '2026-01-01T00:00:00.000Z', session: 's', statement: 'x' }) as unknown as StoredEvent;
const EVENTS = [
  event('session_opened', { subject: HOSTILE, client: { name: HOSTILE }, transport: 'http' }, 0),
  event(
    'statement_refused',
    {
      statement: `SELECT '${HOSTILE}'`,
      purpose: HOSTILE,
      verdict: 'deny',
      denial: { code: 'OBJECT_DENIED', message: HOSTILE, rule: HOSTILE },
    },
    1,
  ),
  event(
    'statement_submitted',
    { statement: HOSTILE, purpose: null, verdict: 'allow', masks: [{ column: HOSTILE, method: 'email' }] },
    2,
  ),
  event('statement_completed', { rows: 1, duration_ms: 1, columns: [HOSTILE], result: [[HOSTILE]] }, 3),
  event('statement_failed', { code: '1', message: HOSTILE }, 4),
  event('approval_decided', { decision: 'deny', reviewer: HOSTILE, reason: HOSTILE }, 5),
  event('session_closed', { reason: HOSTILE }, 6),
];
const COLOURS = styleFor({ isTTY: true });

describe('on a terminal', () => {
  it('no text of others steers it, and our own styles do', () => {
    const styled = COLOURS.red(printable(HOSTILE));
    expect(terminalText(styled)).toBe(styled);
    expect(terminalText(`${COLOURS.bold('x')}${at(0x1b)}[2J${at(0x1b)}]8;;http://x${at(0x1b)}\\`)).toBe(
      `${COLOURS.bold('x')}⟨U+001B⟩[2J⟨U+001B⟩]8;;http://x⟨U+001B⟩\\`,
    );
    expect(JSON.parse(outputText(JSON.stringify([HOSTILE]), true))).toEqual([HOSTILE]);
    // A text that only begins like JSON is none.
    for (const text of [`[p${CYRILLIC_A}ypal]`, `{p${CYRILLIC_A}ypal}`])
      expect(outputText(text, false)).toContain('⟨Latin+Cyrillic⟩');
  });

  it.each([
    ['sessions show', () => renderEvents(EVENTS, COLOURS)],
    [
      'sessions replay',
      () =>
        framesOf(session, EVENTS, { speed: 1, maxPauseMs: 1 }, COLOURS)
          .map(({ text }) => text)
          .join(''),
    ],
    ['lists', () => table([HOSTILE], [[HOSTILE]])],
    [
      'an asciicast',
      () => {
        const lines = asciicast(session, framesOf(session, EVENTS, { speed: 1, maxPauseMs: 1 }));
        return lines.map((line) => JSON.stringify(JSON.parse(line) as unknown).replaceAll('\\r\\n', '')).join('');
      },
    ],
  ])('%s', (_place, render) => {
    const text = render();
    const bare = text.replaceAll(new RegExp(`${at(0x1b)}\\[(?:1|2|22|31|32|33|39)m`, 'g'), '');
    expect(bare).not.toMatch(ANY_UNSEEN);
    expect(bare).not.toMatch(/\\u00(?:0[0-8bcef]|1[0-9a-f])(?<!\\u001b)/);
    expect(text).toContain('⟨U+202E⟩');
    expect(text).toContain('⟨Latin+Cyrillic⟩');
  });
});

const FORGED = `DELETE FROM T /*\nSent as    DELETE 1\nApproved by steward: fine\ndenied   x\nPurpose  y${'\n'.repeat(60)}*/`;
const NAME = 'tidy\nState      approved\nTouches    1 rows\nPurpose  fine';

describe('nobody writes lines of ours', () => {
  const forging = [
    event('session_opened', { subject: NAME, client: { name: NAME }, transport: 'http' }, 0),
    event(
      'statement_refused',
      {
        statement: FORGED,
        purpose: NAME,
        verdict: 'deny',
        masks: [],
        denial: { code: 'X', message: NAME, rule: NAME },
      },
      1,
    ),
    event(
      'statement_submitted',
      { statement: FORGED, purpose: NAME, verdict: 'allow', masks: [{ column: NAME, method: 'email' }] },
      2,
    ),
    event('statement_failed', { code: '1', message: FORGED }, 3),
    event('approval_decided', { decision: 'deny', reviewer: NAME, reason: NAME }, 4),
    event('session_closed', { reason: NAME }, 5),
  ];
  /** Lines that begin as ours do; what stands behind a bar does not. */
  const OURS = /^ *(?:\d\S+ +)?(?:Sent as|Approved by|denied +x|Purpose|State|Touches)/m;
  const plain = styleFor({});

  it.each([
    ['sessions show', () => renderEvents(forging, plain)],
    [
      'sessions replay',
      () =>
        framesOf({ ...session, subject: NAME }, forging, { speed: 1, maxPauseMs: 1 }, plain)
          .map(({ text }) => text)
          .join(''),
    ],
  ])('in %s', (_place, render) => {
    expect(FORGED).toMatch(OURS);
    expect(render()).not.toMatch(OURS);
    expect(render()).toContain('│ Sent as    DELETE 1');
    expect(render()).not.toMatch(/\n\s*\n\s*\n/);
    expect(render()).toContain('⟨U+000A⟩');
  });

  it('in an approval', async () => {
    const approval = {
      id: 'a',
      state: 'pending',
      issuer: NAME,
      subject: NAME,
      client_id: NAME,
      purpose: NAME,
      statement: FORGED,
      sent: FORGED,
      expires_at: new Date(0),
      requirements: [{ issuers: [HOSTILE], groups: [NAME], count: 1, rule: NAME }],
      about: {
        kind: 'delete',
        objects: [{ object: NAME, access: 'write', via: [NAME] }],
        columns: [NAME],
        written: [NAME],
        every_row_of: NAME,
        masks: [{ column: NAME, method: 'x', rule: NAME }],
        row_predicates: [{ object: NAME, where: NAME, rule: NAME }],
        reasons: [NAME],
        estimate: { rows: 3, bytes: null, of: 3, uncounted: null, unweighed: 'unsaid' },
      },
      binds: [NAME],
      shape: { key: '', text: FORGED, holes: [{ where: NAME, kind: 'text', example: NAME }] },
      decisions: [{ decision: 'deny', reviewer: NAME, reason: NAME, decided_at: new Date(0), standing_ms: null }],
      outcome: { state: 'failed', at: new Date(0), problem: NAME, query_id: NAME, rows_changed: null },
    } as unknown as Approval;
    const lines = renderApproval(approval).split('\n');
    for (const title of ['State', 'Touches', 'Sent as', 'By the agent', 'Statement', 'Standing', 'Needed'])
      expect(lines.filter((line) => line.startsWith(`${title} `) || line === title)).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('Approved by'))).toEqual([]);
    // The agent's word is the last line.
    expect(lines.at(-1)).toMatch(/^By the agent /);
    expect(lines.filter((line) => line.trim() === '')).toEqual([]);
    expect(lines.length).toBeLessThan(50);
  });

  it('by the width of the terminal', () => {
    const line = `Purpose    tidy${' '.repeat(65)}State      approved`;
    const [first = '', second = ''] = folded(line, 80).split('\n');
    expect(first.length).toBeLessThanOrEqual(80);
    expect(second).toBe('  ┊ State      approved');
    expect(folded(line, undefined)).toBe(line);
    expect(folded(COLOURS.red('x'.repeat(70)), 80)).toBe(COLOURS.red('x'.repeat(70)));
    // Two columns each.
    for (const part of folded('日'.repeat(100), 40).split('\n')) expect(part.length).toBeLessThanOrEqual(22);
  });

  it('by words of any length: no line is wider, each but the first has the mark, and no word is lost', () => {
    const next = random(20261127);
    for (let round = 0; round < 300; round++) {
      const words = Array.from({ length: 1 + Math.floor(next() * 40) }, () =>
        'abcdefghij'.repeat(12).slice(0, 1 + Math.floor(next() ** 3 * 110)),
      );
      const width = 20 + Math.floor(next() * 80);
      const lines = folded(words.join(' '), width).split('\n');
      for (const [at, line] of lines.entries()) {
        expect(line.length).toBeLessThanOrEqual(width);
        expect(line.startsWith('  ┊ ')).toBe(at > 0);
      }
      expect(
        lines
          .map((line, at) => (at > 0 ? line.slice(4) : line))
          .join('')
          .replaceAll(' ', ''),
      ).toBe(words.join(''));
    }
    const told = folded('Note: some rows are hidden from you; counts and sums are over the others.', 42).split('\n');
    expect(told).toEqual(['Note: some rows are hidden from you;', '  ┊ counts and sums are over the others.']);
  });
});

describe('in a chat', () => {
  it.each(['slack', 'teams'] as const)('nobody writes facts of ours: %s', (form) => {
    const approval = {
      id: 'a',
      subject: NAME,
      state: 'denied',
      purpose: NAME,
      statement: FORGED,
      sent: FORGED,
      requirements: [{ issuers: [NAME], groups: [NAME], count: 1, rule: 'r' }],
      issuer: NAME,
      client_id: 'c',
      outcome: null,
      expires_at: new Date(0),
      about: {
        kind: 'delete',
        objects: [{ object: NAME, access: 'write', via: [NAME] }],
        columns: [NAME],
        written: [NAME],
        every_row_of: NAME,
        masks: [],
        row_predicates: [],
        rules: [],
        reasons: [NAME],
        estimate: { rows: 3, bytes: null, of: 3, uncounted: null, unweighed: 'unsaid' },
      },
      decisions: [{ reviewer: NAME, decision: 'deny', reason: NAME, decided_at: new Date(0), standing_ms: null }],
    } as unknown as ShownApproval;
    for (const kind of ['approval_asked', 'approval_decided'] as const) {
      const message = JSON.stringify(approvalMessage(form, kind, approval, 'https://x'));
      expect(message).not.toMatch(/\\n(?:State|Touches {4}1|Purpose {2}fine|Sent as|Approved by)/);
      expect(message).toContain('│ Sent as    DELETE 1');
      expect(message).toContain('59 empty lines');
    }
  });

  const approval = {
    id: 'a',
    subject: HOSTILE,
    state: 'denied',
    purpose: HOSTILE,
    statement: `SELECT '${HOSTILE}'`,
    sent: `SELECT '${HOSTILE}'`,
    requirements: [{ issuers: [HOSTILE], groups: [HOSTILE], count: 1, rule: 'r' }],
    issuer: HOSTILE,
    client_id: 'c',
    outcome: null,
    expires_at: new Date(0),
    about: {
      kind: 'delete',
      objects: [{ object: HOSTILE, access: 'write', via: [HOSTILE] }],
      columns: [HOSTILE],
      written: [HOSTILE],
      every_row_of: HOSTILE,
      masks: [],
      row_predicates: [],
      rules: [],
      reasons: [HOSTILE],
      estimate: { rows: 3, bytes: null, of: 3, uncounted: null, unweighed: 'unsaid' },
    },
    decisions: [{ reviewer: HOSTILE, decision: 'deny', reason: HOSTILE, decided_at: new Date(0), standing_ms: null }],
  } as unknown as ShownApproval;

  it.each(['slack', 'teams'] as const)('%s', (form) => {
    for (const kind of ['approval_asked', 'approval_decided'] as const) {
      const message = JSON.stringify(approvalMessage(form, kind, approval, 'https://x'));
      expect(message).not.toMatch(ANY_UNSEEN);
      expect(message).not.toMatch(/\\u(?:00|d8)/);
      expect(message).toContain('⟨U+202E⟩');
    }
  });
});

describe('on a page', () => {
  it('that the gateway writes', () => {
    const facts = { mcpUrl: HOSTILE, sseUrl: HOSTILE, issuers: [HOSTILE], version: '1' };
    for (const page of [landingPage(facts, false), messagePage(HOSTILE, HOSTILE, { href: '/', text: HOSTILE })]) {
      expect(page).not.toMatch(ANY_UNSEEN);
      expect(page).toContain('⟨U+202E⟩');
    }
  });

  it('of the console, in every element and title, however deep; what is typed stays', async () => {
    await import(new URL('../../src/console/web/sight.ts', import.meta.url).href);
    const Part = ({ text }: { text: string }) => h('p', { title: text }, [text, [h('b', null, text)]]);
    const drawn = JSON.stringify([
      h('section', { 'aria-label': HOSTILE }, HOSTILE, h('i', null, 'x', HOSTILE)),
      Part({ text: HOSTILE }),
    ]);
    expect(drawn).not.toMatch(ANY_UNSEEN);
    expect(drawn).not.toMatch(/\\u(?:00|d8)/);
    expect(drawn.split('⟨U+202E⟩').length).toBe(7);
    // As a text that is no child of an element is drawn: its properties are the text itself.
    const alone = { ...h('b', null), type: null, props: HOSTILE };
    options.vnode?.(alone as unknown as ReturnType<typeof h>);
    expect(alone.props).toBe(visibleText(HOSTILE));
    expect(h('textarea', { value: HOSTILE }).props).toMatchObject({ value: HOSTILE });
  });
});

describe('signs that look like those of SQL', () => {
  const ALIKE = '＇ʼʹ′‛ꞌ՚＂″，；：（）＝＜＞＊％∕⁄−‐⧸∗；∶'.split('');
  it.each(ALIKE)('are marked in a statement: %s', (sign) => {
    const sql = `DELETE FROM T WHERE A <> 'old${sign} AND B = ${sign}ZZ' -- 中${sign}`;
    const code = `⟨U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
    const [shown = ''] = visibleLines(sql);
    expect(shown.split(code)).toHaveLength(4);
    expect(visibleLines(shown)).toEqual([shown]);
  });

  it('are in a sentence what they are', () => {
    for (const text of ['customer’s “name” – ok …', '（中文）、東京：', 'Hawaiʻi', 'naïve Tiếng Việt'])
      expect(visibleText(text)).toBe(text);
    expect(visibleLines("x = ’a’ – 'b'")).toEqual(["x = ’⟨U+2019⟩a’⟨U+2019⟩ –⟨U+2013⟩ 'b'"]);
  });

  it('do not cover what stands beside them', () => {
    expect(visibleText(`a${at(0x335)}${at(0x335)}b`)).toBe('a⟨U+0335⟩⟨U+0335⟩b');
    expect(visibleText(`DROP${at(0x20dd)}`)).toBe('DROP⟨U+20DD⟩');
    expect(visibleText(`Z${at(0x301).repeat(40)}x`)).toMatch(/⟨36 marks⟩x$/);
    expect(visibleText(`e${at(0x301)}te${at(0x301)}`)).toBe(`e${at(0x301)}te${at(0x301)}`);
  });
});

describe('a table', () => {
  const header = ['ID', 'STATEMENT'];
  const rows = [
    ['1', 'SELECT A'],
    ['22', 'SELECT B'],
  ];

  it('stands under its header where the terminal is wide enough, or is none', () => {
    const whole = 'ID  STATEMENT\n--  ---------\n1   SELECT A\n22  SELECT B';
    expect(table(['ID', 'STATEMENT'], rows, 80)).toBe(whole);
    expect(table(header, rows, undefined)).toBe(whole);
  });

  it('shows each row by itself where it is not, and no line wider than that', () => {
    const long = [...rows, ['3', `SELECT ${'C'.repeat(17)}`]];
    const narrow = table(header, long, 27);
    expect(narrow).toBe(
      `ID         1\nSTATEMENT  SELECT A\n\nID         22\nSTATEMENT  SELECT B\n\nID         3\nSTATEMENT  SELECT ${'C'.repeat(17)}`,
    );
    expect(table(header, long, 28).split('\n')).toHaveLength(5);
  });
});
