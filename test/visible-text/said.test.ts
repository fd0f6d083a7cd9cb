/** Whether a text says anything to a reader: what shows nothing, or was never filled in, is no answer anywhere where one is asked for. */
import { describe, expect, it } from 'vitest';
import { jobIn, reportIn, reportOf } from '../../dist/reported/index.js';
import { saidIn, visibleText } from '../../dist/visible-text/index.js';

const HEADER = 'snowfence-prompt';
const headerOf = (text: string): string | undefined =>
  reportIn((name) => (name === HEADER ? encodeURIComponent(text.toWellFormed()) : undefined)).prompt;
const environmentOf = (text: string): string | undefined => reportOf({ SNOWFENCE_PROMPT: text }, '/').prompt;

/** Every character that is no letter, digit or sign of its own, one for each range that Unicode has. */
const NOTHING = [
  '',
  ' \n\t ',
  ...[
    0x00, 0x1f, 0x7f, 0xa0, 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180e, 0x200b, 0x200f, 0x2028, 0x202e,
    0x2060, 0x206f, 0x2800, 0x3000, 0x3164, 0xe000, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xfffc, 0xfffd, 0x13441, 0x1d159,
    0xe0041, 0xe0100, 0xf0000,
  ].map((code) => String.fromCodePoint(code)),
  '%',
  '.',
  '-- ; --',
  '\u0301\u0308',
  `\${PROMPT}`,
  `\${env:PROMPT}`,
  `\${{ github.event.comment.body }}`,
  '{{user_question}}',
  '$USER_PROMPT',
  '%PROMPT%',
  `\${A} \u200b\${B}.`,
];

describe('a text', () => {
  it.each(NOTHING.map((text) => [visibleText(text), text]))('%j says nothing, whichever way it comes', (_, text) => {
    expect([saidIn(text), saidIn(` ${text}${text}\n`)]).toEqual([undefined, undefined]);
    expect([headerOf(text), environmentOf(text), jobIn({ run: text })]).toEqual([undefined, undefined, undefined]);
  });

  it.each(['Which customers left?', '7', '売上', 'é', 'е', '👍', `What is in \${PROMPT}?`, '100%', '\u200bwhy'])(
    '%j says something, and stays as it is',
    (text) => {
      expect(saidIn(`  ${text}\n`)).toBe(text.trim());
      expect([headerOf(text), environmentOf(text)]).toEqual([text.trim(), text.trim()]);
    },
  );

  it('of any length is looked at once', () => {
    const long = '${{'.repeat(300_000);
    expect([saidIn(long), saidIn('\u3164'.repeat(900_000)), saidIn(`${long}x`)]).toEqual([
      undefined,
      undefined,
      `${long}x`,
    ]);
  });
});
