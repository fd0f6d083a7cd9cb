/**
 * Texts of agents and tables as people see them: what can't be seen is shown, and what looks like one thing and is another is marked.
 * A reviewer decides by what stands on the page; a character that turns the text around, or has no width, makes the page say
 * something else than what runs (Unicode Technical Report 36, "Bidirectional Text Spoofing"; CVE-2021-42574). The record keeps
 * the text to the letter, and so do JSON and exports.
 */

/**
 * Controls but line feed and tab; format characters with all bidirectional controls; line and paragraph separators; every space but
 * the plain one; what Unicode calls default-ignorable (variation selectors, tags, fillers, the soft hyphen); the blank of Braille;
 * surrogates alone, private use, no characters at all.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]/gu;
const PLAIN = new Set([' ', '\n', '\t']);

const codeOf = (character: string): string =>
  `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;

/** Nearly all texts are of these, and need no further look. */
const ASCII = /^[\t\n -~]*$/;

/** Scripts that have letters like those of others; the two last are Latin letters again, at other places. */
const SCRIPTS: readonly (readonly [name: string, letters: RegExp])[] = [
  ['Latin', /(?![Ａ-Ｚａ-ｚ])\p{Script=Latin}/u],
  ['Greek', /\p{Script=Greek}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Armenian', /\p{Script=Armenian}/u],
  ['Georgian', /\p{Script=Georgian}/u],
  ['Cherokee', /\p{Script=Cherokee}/u],
  ['Coptic', /\p{Script=Coptic}/u],
  ['Hebrew', /\p{Script=Hebrew}/u],
  ['Arabic', /\p{Script=Arabic}/u],
  ['Devanagari', /\p{Script=Devanagari}/u],
  ['Thai', /\p{Script=Thai}/u],
  ['Lisu', /\p{Script=Lisu}/u],
  ['Deseret', /\p{Script=Deseret}/u],
  ['Gothic', /\p{Script=Gothic}/u],
  ['Glagolitic', /\p{Script=Glagolitic}/u],
  ['Canadian', /\p{Script=Canadian_Aboriginal}/u],
  ['Han', /\p{Script=Han}/u],
  ['Hiragana', /\p{Script=Hiragana}/u],
  ['Katakana', /\p{Script=Katakana}/u],
  ['Bopomofo', /\p{Script=Bopomofo}/u],
  ['Hangul', /\p{Script=Hangul}/u],
  ['fullwidth', /[Ａ-Ｚａ-ｚ]/u],
  ['mathematical', /[\u{1d400}-\u{1d7ff}]/u],
];

/** Written together in one word by whoever writes these languages (Unicode Technical Standard 39, 5.2, "Highly Restrictive"). */
const TOGETHER: readonly ReadonlySet<string>[] = [
  new Set(['Latin', 'Han', 'Hiragana', 'Katakana']),
  new Set(['Latin', 'Han', 'Bopomofo']),
  new Set(['Latin', 'Han', 'Hangul']),
  new Set(['fullwidth', 'Han', 'Hiragana', 'Katakana']),
];

/** A word as identifiers and names have them. */
const WORD = /[\p{L}\p{M}\p{N}_$]+/gu;

function mixOf(word: string): string | undefined {
  if (/^[\w$]*$/.test(word)) return undefined;
  const scripts = SCRIPTS.filter(([, letters]) => letters.test(word)).map(([name]) => name);
  if (scripts.length < 2 || TOGETHER.some((set) => scripts.every((name) => set.has(name)))) return undefined;
  return `⟨${scripts.join('+')}⟩`;
}

/**
 * What can't be seen as ⟨U+202E⟩, and behind a word that mixes scripts which ones: `pаypal⟨Latin+Cyrillic⟩`. Line breaks and tabs stay,
 * CR LF is a line break. A text that was shown already stays as it is.
 */
export function visibleText(text: string): string {
  if (ASCII.test(text)) return text;
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(UNSEEN, (character) => (PLAIN.has(character) ? character : codeOf(character)))
    .replaceAll(WORD, (word, at: number, whole: string) => {
      const mix = mixOf(word);
      return mix === undefined || whole.startsWith(mix, at + word.length) ? word : `${word}${mix}`;
    });
}

/** A JSON text that means the same, with what can't be seen written as escapes. */
export const visibleJson = (json: string): string =>
  json.replaceAll(UNSEEN, (characters) =>
    PLAIN.has(characters)
      ? characters
      : [...Array(characters.length).keys()]
          .map((at) => `\\u${characters.charCodeAt(at).toString(16).padStart(4, '0')}`)
          .join(''),
  );
