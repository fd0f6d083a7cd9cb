/**
 * Object and column globs: dotted parts of Snowflake identifiers, `*` for a part or a run of characters within one. An
 * unquoted part is folded to upper case; a quoted one matches only that very spelling.
 */
import type { ObjectName } from '../../sql/index.js';

export class GlobError extends Error {}

/** An object as globs see it. */
export const partsOf = ({ database, schema, name }: ObjectName): readonly string[] => [database, schema, name];

function splitParts(glob: string): { text: string; quoted: boolean }[] {
  const parts: { text: string; quoted: boolean }[] = [];
  const pattern = /"((?:[^"]|"")+)"|([A-Za-z0-9_$*]+)/y;
  let at = 0;
  for (;;) {
    pattern.lastIndex = at;
    const match = pattern.exec(glob);
    if (!match)
      throw new GlobError(
        `"${glob}" is no dotted name: write names with dots between them, each in double quotes where it has other signs than letters, digits, _, $ and *.`,
      );
    parts.push(
      match[1] === undefined
        ? { text: match[2] ?? '', quoted: false }
        : { text: match[1].replaceAll('""', '"'), quoted: true },
    );
    at = pattern.lastIndex;
    if (at === glob.length) return parts;
    if (glob[at] !== '.')
      throw new GlobError(
        `"${glob}" has another sign than a dot at position ${at + 1}: put a name with such a sign into double quotes, within single ones.`,
      );
    at++;
  }
}

const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

export interface Glob {
  readonly source: string;
  /** For each part its one spelling, or undefined where it has a wildcard; of a lone `*` none. */
  readonly literals: readonly (string | undefined)[];
  /** Characters that are no wildcard: the longer of two globs is the more specific. */
  readonly weight: number;
  /** Its last part by itself, which of a column's glob is the column. */
  readonly last: {
    /** The one spelling, or undefined where there is a wildcard. */
    readonly spelling: string | undefined;
    /** A regular expression for it, without its ends. */
    readonly pattern: string;
    readonly matches: (name: string) => boolean;
  };
  /** Keys within a VARIANT column, as `COLUMN:user.email` names them. */
  readonly path?: readonly string[];
  readonly matches: (parts: readonly string[]) => boolean;
  /** Whether it may match something whose name begins with these parts. */
  readonly reaches: (container: readonly string[]) => boolean;
  /** Whether it matches all whose names begin with these parts. */
  readonly covers: (container: readonly string[]) => boolean;
}

/** A glob of exactly `length` parts; a lone `*` stands for anything. Throws GlobError. */
export function parseGlob(source: string, length: number): Glob {
  if (source === '*') {
    const last = { spelling: undefined, pattern: '.*', matches: () => true };
    return { source, literals: [], last, weight: 0, matches: () => true, reaches: () => true, covers: () => true };
  }
  const parts = splitParts(source);
  if (parts.length !== length)
    throw new GlobError(
      `"${source}" has ${parts.length} dotted parts; ${length} are needed, such as ${['DB', 'SCHEMA', 'NAME', 'COLUMN'].slice(0, length).join('.')}.`,
    );
  const patterns = parts.map(({ text, quoted }) =>
    quoted ? escapePattern(text) : text.toUpperCase().split('*').map(escapePattern).join('.*'),
  );
  const tests = patterns.map((pattern) => new RegExp(`^${pattern}$`, 's'));
  const reaches = (container: readonly string[]): boolean =>
    container.every((name, index) => tests[index]?.test(name) === true);
  const literals = parts.map(({ text, quoted }) =>
    quoted ? text : text.includes('*') ? undefined : text.toUpperCase(),
  );
  return {
    source,
    literals,
    last: {
      spelling: literals.at(-1),
      pattern: patterns.at(-1) ?? '',
      matches: (name) => tests.at(-1)?.test(name) === true,
    },
    weight: parts.reduce((sum, { text }) => sum + text.replaceAll('*', '').length, 0),
    matches: (names) => names.length === tests.length && tests.every((test, index) => test.test(names[index] ?? '')),
    reaches,
    covers: (container) =>
      reaches(container) && parts.slice(container.length).every(({ text, quoted }) => text === '*' && !quoted),
  };
}

/** A glob over plain text, such as a token's subject: `*` for any run of characters, case counts. */
export function parseTextGlob(source: string): (text: string) => boolean {
  const test = new RegExp(`^${source.split('*').map(escapePattern).join('.*')}$`, 's');
  return (text) => test.test(text);
}

const OBJECT_PARTS = 3;

/**
 * Entries by the globs that they carry, so that a look-up tries those whose spelled-out parts fit and not all: ten thousand rules cost
 * about what ten do, as long as most of them name a table.
 */
export class GlobIndex<T> {
  readonly #buckets = new Map<string, { readonly glob: Glob; readonly entry: T; readonly order: number }[]>();
  #order = 0;

  static #key(parts: readonly (string | undefined)[]): string {
    return parts.map((part) => (part === undefined ? '*' : `=${part}`)).join('\0');
  }

  add(glob: Glob, entry: T): void {
    const key = GlobIndex.#key(glob.literals.slice(0, OBJECT_PARTS));
    const bucket = this.#buckets.get(key);
    const item = { glob, entry, order: this.#order++ };
    if (bucket) bucket.push(item);
    else this.#buckets.set(key, [item]);
  }

  /** Entries whose globs may match a name that begins with these parts of an object, in the order in which they were added. */
  find(object: readonly string[]): readonly { readonly glob: Glob; readonly entry: T }[] {
    if (this.#buckets.size === 0) return [];
    const found = [...(this.#buckets.get('') ?? [])];
    for (let wild = 0; wild < 2 ** OBJECT_PARTS; wild++) {
      const key = GlobIndex.#key(object.map((part, at) => ((wild >> at) & 1 ? undefined : part)));
      for (const item of this.#buckets.get(key) ?? []) found.push(item);
    }
    return found.sort((left, right) => left.order - right.order);
  }
}

/** A column glob, with a path into the column behind a colon: `DB.SCHEMA.TABLE.COLUMN:user."e mail"`. Throws GlobError. */
export function parseColumnGlob(source: string): Glob {
  const [column = '', path] = /^((?:[^":]|"(?:[^"]|"")*")*)(?::(.*))?$/s.exec(source)?.slice(1) ?? [];
  const glob = parseGlob(column, 4);
  if (path === undefined) return glob;
  const key = /(?:"((?:[^"]|"")+)"|([A-Za-z_][\w$]*))(?:\.|$)/y;
  const keys: string[] = [];
  while (key.lastIndex < path.length) {
    const match = key.exec(path);
    if (!match) throw new GlobError(`"${source}": the path is keys with dots between them, such as :user.email.`);
    keys.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
  }
  if (keys.length === 0 || path.endsWith('.'))
    throw new GlobError(`"${source}" has no key behind the colon: it needs one, such as :user.email.`);
  return { ...glob, source, path: keys };
}
