/**
 * Object and column globs: dotted parts of Snowflake identifiers, `*` for a part or a run of characters within one. An
 * unquoted part is folded to upper case; a quoted one matches only that very spelling.
 */
export class GlobError extends Error {}

function splitParts(glob: string): { text: string; quoted: boolean }[] {
  const parts: { text: string; quoted: boolean }[] = [];
  const pattern = /"((?:[^"]|"")+)"|([A-Za-z0-9_$*]+)/y;
  let at = 0;
  for (;;) {
    pattern.lastIndex = at;
    const match = pattern.exec(glob);
    if (!match) throw new GlobError(`"${glob}" is not a dotted name`);
    parts.push(
      match[1] === undefined
        ? { text: match[2] ?? '', quoted: false }
        : { text: match[1].replaceAll('""', '"'), quoted: true },
    );
    at = pattern.lastIndex;
    if (at === glob.length) return parts;
    if (glob[at] !== '.') throw new GlobError(`"${glob}" has an odd character at position ${at + 1}`);
    at++;
  }
}

const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

export interface Glob {
  readonly source: string;
  /** Characters that are no wildcard: the longer of two globs is the more specific. */
  readonly weight: number;
  readonly matches: (parts: readonly string[]) => boolean;
}

/** A glob of exactly `length` parts; a lone `*` stands for anything. Throws GlobError. */
export function parseGlob(source: string, length: number): Glob {
  if (source === '*') return { source, weight: 0, matches: () => true };
  const parts = splitParts(source);
  if (parts.length !== length)
    throw new GlobError(
      `"${source}" has ${parts.length} dotted parts; ${length} are needed, such as ${['DB', 'SCHEMA', 'NAME', 'COLUMN'].slice(0, length).join('.')}`,
    );
  const tests = parts.map(({ text, quoted }) =>
    quoted
      ? new RegExp(`^${escapePattern(text)}$`, 's')
      : new RegExp(`^${text.toUpperCase().split('*').map(escapePattern).join('.*')}$`, 's'),
  );
  return {
    source,
    weight: parts.reduce((sum, { text }) => sum + text.replaceAll('*', '').length, 0),
    matches: (names) => names.length === tests.length && tests.every((test, index) => test.test(names[index] ?? '')),
  };
}

/** A glob over plain text, such as a token's subject: `*` for any run of characters, case counts. */
export function parseTextGlob(source: string): (text: string) => boolean {
  const test = new RegExp(`^${source.split('*').map(escapePattern).join('.*')}$`, 's');
  return (text) => test.test(text);
}
