/**
 * Texts of agents and tables as people see them: what can't be seen is shown, and what looks like one thing and is another is marked.
 * A reviewer decides by what stands on the page; a character that turns the text around, or has no width, makes the page say
 * something else than what runs (Unicode Technical Report 36, "Bidirectional Text Spoofing"; CVE-2021-42574). The record keeps
 * the text to the letter, and so do JSON and exports.
 */

/** Letters and symbols to Unicode, and nothing to a reader: the blank of Braille, of musical notes, of hieroglyphs. */
export const BLANK = '\\u2800\\u{1d159}\\u{13441}\\u{13442}';

/**
 * Controls but line feed and tab; format characters with all bidirectional controls; line and paragraph separators; every space but
 * the plain one; what Unicode calls default-ignorable (variation selectors, tags, fillers, the soft hyphen); blanks that count as
 * signs; surrogates alone, private use, no characters at all.
 */
const UNSEEN = new RegExp(
  `[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Zl}\\p{Zp}\\p{Zs}\\p{Default_Ignorable_Code_Point}\\p{Noncharacter_Code_Point}${BLANK}]`,
  'gu',
);
const PLAIN = new Set([' ', '\n', '\t']);

const codeOf = (character: string): string =>
  `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;

/** Nearly all texts are of these, and need no further look. */
const ASCII = /^[\t\n -~]*$/;

/** All that Unicode 15.1 has (Unicode Standard Annex 24); the first are those that are met most. */
const NAMES =
  'Latin Greek Cyrillic Armenian Georgian Cherokee Coptic Hebrew Arabic Devanagari Thai Lisu Deseret Gothic Glagolitic Canadian_Aboriginal Han Hiragana Katakana Bopomofo Hangul Adlam Ahom Anatolian_Hieroglyphs Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Brahmi Braille Buginese Buhid Carian Caucasian_Albanian Chakma Cham Chorasmian Cuneiform Cypriot Cypro_Minoan Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Grantha Gujarati Gunjala_Gondi Gurmukhi Hanifi_Rohingya Hanunoo Hatran Imperial_Aramaic Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Lepcha Limbu Linear_A Linear_B Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square'.split(
    ' ',
  );

/** A browser may know fewer scripts than there are; letters of the others count as of another script than all. */
const SCRIPTS: readonly (readonly [name: string, own: RegExp, used: RegExp])[] = NAMES.flatMap((name) => {
  try {
    return [[name, new RegExp(`\\p{Script=${name}}`, 'u'), new RegExp(`\\p{Script_Extensions=${name}}`, 'u')] as const];
  } catch {
    return [];
  }
});

/** Letters and digits again, at other places: by their forms (fullwidth, mathematical), or for the sake of older encodings. */
const FULLWIDTH = 'fullwidth';
const MATHEMATICAL = 'mathematical';
const COMPATIBILITY = 'compatibility';
const OTHER = 'other';
const ORDER = [...NAMES, FULLWIDTH, MATHEMATICAL, COMPATIBILITY, OTHER];

/** Raised and lowered digits and fractions are read as what they are. */
const RAISED = /[ªº¹²³¼½¾⁰⁴-⁹₀-₉]/u;

/** Written together in one word by whoever writes these languages (Unicode Technical Standard 39, 5.2, "Highly Restrictive"). */
const TOGETHER: readonly ReadonlySet<string>[] = [
  new Set(['Latin', 'Han', 'Hiragana', 'Katakana']),
  new Set(['Latin', 'Han', 'Bopomofo']),
  new Set(['Latin', 'Han', 'Hangul']),
  new Set([FULLWIDTH, 'Han', 'Hiragana', 'Katakana']),
];

/** A word as identifiers and names have them; ℮ is no letter, and read as one. */
const WORD = /[\p{L}\p{M}\p{N}\p{Pc}$＄﹩℮]+/gu;

/** The scripts that a character may be of, any of them; none where it goes with all. */
function scriptsOf(character: string): readonly string[] {
  if (/[A-Za-z]/.test(character)) return ['Latin'];
  if (character < '\u0080' || /\p{Script_Extensions=Inherited}/u.test(character)) return [];
  if (/[Ａ-Ｚａ-ｚ０-９]/u.test(character)) return [FULLWIDTH];
  if (/[\u{1d400}-\u{1d7ff}]/u.test(character)) return [MATHEMATICAL];
  const isLatin = /\p{Script=Latin}/u.test(character);
  if (isLatin || /\p{Script_Extensions=Common}/u.test(character)) {
    if (character === '℮' || (character.normalize('NFKC') !== character && !RAISED.test(character)))
      return [COMPATIBILITY];
    return isLatin ? ['Latin'] : [];
  }
  const own = SCRIPTS.find(([, letters]) => letters.test(character));
  if (own) return [own[0]];
  const used = SCRIPTS.filter(([, , letters]) => letters.test(character)).map(([name]) => name);
  return used.length > 0 ? used : [OTHER];
}

const MAX_KNOWN = 20_000;
const known = new Map<string, readonly string[]>();

function knownScriptsOf(character: string): readonly string[] {
  const before = known.get(character);
  if (before) return before;
  const found = scriptsOf(character);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(character, found);
  return found;
}

function mixOf(word: string): string | undefined {
  if (/^[\w$]*$/.test(word)) return undefined;
  const sets = [...new Set(word)].map(knownScriptsOf).filter(({ length }) => length > 0);
  const scripts = new Set(sets.flatMap((set) => (set.length === 1 ? set : [])));
  // A sign of several scripts is of the word's own where it can be.
  for (const set of sets) if (!set.some((name) => scripts.has(name)) && set[0] !== undefined) scripts.add(set[0]);
  // Digits of two systems in one number (Unicode Technical Standard 39, 5.3).
  if (/[0-9]/.test(word) && /(?![0-9])\p{Nd}/u.test(word)) scripts.add('Latin');
  if (scripts.size < 2 || TOGETHER.some((set) => [...scripts].every((name) => set.has(name)))) return undefined;
  return `⟨${ORDER.filter((name) => scripts.has(name)).join('+')}⟩`;
}

const points = (...codes: readonly (number | readonly [from: number, to: number])[]): string =>
  codes
    .map((code) =>
      typeof code === 'number' ? `\\u{${code.toString(16)}}` : code.map((end) => `\\u{${end.toString(16)}}`).join('-'),
    )
    .join('');

/**
 * Signs that look like one of SQL's and are none: quotes, commas, brackets, strokes of comments, comparisons (Unicode Technical Standard
 * 39, confusables). In `'old＇ AND CODE = ＇ZZ'` one literal reads as two conditions.
 */
const ALIKE = new RegExp(
  `[${points(
    0xb4,
    0xb8,
    0x1c0,
    [0x2b9, 0x2bf],
    0x2c2,
    0x2c3,
    0x2c8,
    0x2ca,
    0x2cb,
    0x2d0,
    0x2d7,
    0x2f4,
    0x374,
    0x37e,
    0x384,
    0x55a,
    0x55d,
    0x589,
    0x5c0,
    0x5c3,
    0x5f3,
    0x5f4,
    0x60d,
    0x66a,
    0x66b,
    0x66c,
    0x66d,
    0x6d4,
    0x7f4,
    0x7f5,
    0x1438,
    0x1433,
    0x16b2,
    0x16cc,
    0x16ec,
    0x1fbd,
    0x1fbf,
    0x1fef,
    0x1ffd,
    0x1ffe,
    0x2010,
    0x2011,
    0x2027,
    [0x2032, 0x2037],
    0x2043,
    0x2044,
    0x204e,
    0x204f,
    0x2052,
    0x2212,
    [0x2215, 0x2217],
    0x2219,
    0x2223,
    0x2225,
    0x2236,
    0x223c,
    0x2571,
    0x2572,
    0x2731,
    0x2758,
    0x275b,
    0x275c,
    0x275d,
    0x275e,
    0x275f,
    0x2768,
    0x2769,
    0x276a,
    0x276b,
    0x276e,
    0x276f,
    0x2774,
    0x2775,
    0x2795,
    0x2796,
    0x27cb,
    0x27cd,
    0x2985,
    0x2986,
    0x29f5,
    0x29f8,
    0x29f9,
    0x2cba,
    0x2e17,
    0x2e1a,
    0x2e40,
    0x3003,
    [0x3014, 0x3015],
    0x301d,
    0x301e,
    0x301f,
    0x30a0,
    0xa4f8,
    0xa4f9,
    0xa4fd,
    0xa60e,
    0xa78a,
    0xa789,
    0xa78b,
    0xa78c,
    0xfd3e,
    0xfd3f,
    [0xfe10, 0xfe19],
    [0xfe30, 0xfe44],
    [0xfe47, 0xfe6b],
    [0xff01, 0xff0f],
    [0xff1a, 0xff20],
    [0xff3b, 0xff40],
    [0xff5b, 0xff65],
    0xffe8,
    0x10a50,
  )}]`,
  'gu',
);
/** What good typography writes in a sentence, and nobody in a statement. */
const TYPOGRAPHIC = /[\u2012-\u2015\u2018-\u201f\u2039\u203a\u00ab\u00bb]/gu;
const LETTER = /[\p{L}\p{M}\p{N}\p{Pc}$＄﹩]/u;
/** Fullwidth signs are those of these scripts. */
const EAST_ASIAN = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Bopomofo}]/u;
/** Marks around a letter or across it, and more on one letter than any script stacks: they cover what stands beside them. */
const COVERING = new RegExp(
  `\\p{Me}|[${points([0x334, 0x338], 0x20d2, 0x20d3, [0x20d8, 0x20da], 0x20e5, 0x20e6, 0x20ea, 0x20eb)}]|(?<=\\p{M}{4})\\p{M}+`,
  'gu',
);

/** Behind each such sign its number, but where it stands there already. */
const marked = (text: string, signs: RegExp, isPlain: (at: number) => boolean = () => false): string =>
  text.replaceAll(signs, (sign: string, at: number) => {
    const code = codeOf(sign);
    return text.startsWith(code, at + sign.length) || isPlain(at) ? sign : `${sign}${code}`;
  });

/**
 * What can't be seen as ⟨U+202E⟩, and behind a word that mixes scripts which ones: `pаypal⟨Latin+Cyrillic⟩`. Line breaks and tabs stay,
 * CR LF is a line break. A text that was shown already stays as it is.
 */
export function visibleText(text: string): string {
  if (ASCII.test(text)) return text;
  // A letter is held against the others of its word; fullwidth signs are those of East Asian texts.
  const isPlain = (at: number): boolean =>
    LETTER.test(text.charAt(at)) || EAST_ASIAN.test(text.charAt(at - 1)) || EAST_ASIAN.test(text.charAt(at + 1));
  return shown(marked(text, ALIKE, isPlain));
}

/** The same for a statement: there no sign that looks like one of SQL's is anybody's typography. */
const visibleCode = (text: string): string =>
  ASCII.test(text)
    ? text
    : shown(
        marked(
          marked(text, ALIKE, (at) => /\p{Pc}/u.test(text.charAt(at))),
          TYPOGRAPHIC,
        ),
      );

function shown(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(COVERING, (marks) => (marks.length > 2 ? `⟨${[...marks].length} marks⟩` : codeOf(marks)))
    .replaceAll(UNSEEN, (character) => (PLAIN.has(character) ? character : codeOf(character)))
    .replaceAll(WORD, (word, at: number, whole: string) => {
      const mix = mixOf(word);
      return mix === undefined || whole.startsWith(mix, at + word.length) ? word : `${word}${mix}`;
    });
}

/** The same for what is one line (a name, a purpose, a reason): a line break of its own would make a line that nobody wrote of it. */
export const visibleLine = (text: string): string =>
  visibleText(text).replaceAll(/[\n\t]/g, (character) => codeOf(character));

/** More empty lines than these push what comes before out of sight. */
const MAX_EMPTY = 3;

/**
 * A text of several lines, such as a statement: each behind a bar, so that none can be taken for a line of ours, and many empty ones as
 * their number. A text of one line stays without; tabs, which a terminal leaps with, are two spaces.
 */
export function visibleLines(text: string): readonly string[] {
  const lines = visibleCode(text).replaceAll('\t', '  ').split('\n');
  if (lines.length === 1) return lines;
  const out: string[] = [];
  for (let at = 0; at < lines.length; ) {
    let end = at;
    while (end < lines.length && lines[end]?.trim() === '') end++;
    if (end - at > MAX_EMPTY) {
      out.push(`┆ ${end - at} empty lines`);
      at = end;
    } else out.push(`│ ${lines[at++] ?? ''}`);
  }
  return out;
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
