/** What a search asks for: its text, taken apart into terms. */

/** What is wrong with a search, and where: a column, from 1. */
export class SearchProblem extends Error {
  readonly column: number;
  readonly hint: string | undefined;

  constructor(message: string, column: number, hint?: string) {
    super(message);
    this.name = 'SearchProblem';
    this.column = column;
    this.hint = hint;
  }
}

const MAX_SEARCH = 2000;
const MAX_TERMS = 50;

/** One of them. */
export interface Term {
  readonly key: string | undefined;
  readonly value: string;
  readonly isNot: boolean;
  readonly isQuoted: boolean;
  readonly column: number;
}

/** A name with dots of which a part at least is quoted, as SQL has it: `"A"."B".C`. Within quotes two of them are one. */
const QUOTED_NAME =
  /(-?)(?:([A-Za-z_]+):)?((?:[^\s".:]+\.)*"(?:[^"]|"")+"(?:\.(?:"(?:[^"]|"")+"|[^\s".]+))+|(?:[^\s".:]+\.)+"(?:[^"]|"")+")(?=\s|$)/y;
const PART = /"((?:[^"]|"")+)"|[^.]+/g;
/** What a quoted identifier has in it that needs no quotes: the record names objects without them then. */
const PLAIN = /^[A-Z_][A-Z0-9_$]*$/;

/** Such a name as the record has it. */
const recorded = (name: string): string =>
  [...name.matchAll(PART)]
    .map(([part, quoted]) => (quoted !== undefined && PLAIN.test(quoted) ? quoted : part))
    .join('.');

const NAMES: ReadonlySet<string> = new Set(['table', 'object', 'column', 'masked']);

const TERM = /(-?)(?:([A-Za-z_]+):)?(?:"((?:[^"\\]|\\.)*)"|(\/(?:[^/\\]|\\.)+\/)|([^\s"]+))/y;

/** Throws SearchProblem. */
export function termsIn(text: string): Term[] {
  if (text.length > MAX_SEARCH) throw new SearchProblem(`A search has at most ${MAX_SEARCH} characters.`, MAX_SEARCH);
  const terms: Term[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text.charAt(at))) {
      at++;
      continue;
    }
    QUOTED_NAME.lastIndex = at;
    const [name, minusOfName, keyOfName, dotted] = QUOTED_NAME.exec(text) ?? [];
    if (name !== undefined && dotted !== undefined) {
      const key = keyOfName?.toLowerCase();
      terms.push({
        key,
        value: key !== undefined && NAMES.has(key) ? recorded(dotted) : dotted,
        isNot: minusOfName === '-',
        isQuoted: true,
        column: at + 1,
      });
      if (terms.length > MAX_TERMS) throw new SearchProblem(`A search has at most ${MAX_TERMS} terms.`, at + 1);
      at += name.length;
      continue;
    }
    TERM.lastIndex = at;
    const match = TERM.exec(text);
    if (!match)
      throw new SearchProblem(
        `This is no search term: ${text.slice(at, at + 20)}`,
        at + 1,
        'Close the quotation mark, or leave it out.',
      );
    const [whole, minus, key, quoted, pattern, bare] = match;
    terms.push({
      key: key?.toLowerCase(),
      value: quoted?.replaceAll(/\\(.)/g, '$1') ?? pattern ?? bare ?? '',
      isNot: minus === '-',
      isQuoted: quoted !== undefined,
      column: at + 1,
    });
    if (terms.length > MAX_TERMS) throw new SearchProblem(`A search has at most ${MAX_TERMS} terms.`, at + 1);
    at += whole.length;
  }
  return terms;
}

/** Names that terms are stored under, and other spellings of them. */
export const STORED: Readonly<Record<string, string>> = {
  agent: 'agent',
  client: 'client',
  group: 'group',
  table: 'table',
  object: 'table',
  column: 'column',
  masked: 'masked',
  rule: 'rule',
  policy: 'policy',
  code: 'code',
  kind: 'kind',
  fingerprint: 'fingerprint',
  fp: 'fingerprint',
  is: 'is',
  repository: 'job.repository',
  commit: 'job.commit',
  pull_request: 'job.pull_request',
  pr: 'job.pull_request',
  run: 'job.run',
};
