/**
 * Who owns each name of a statement's text. The walk claims what it has resolved, places and keywords claim what the grammar alone
 * decides; a word or quoted name that nobody has claimed in the end refuses the statement.
 */
import { isOperator, type Token } from '../text/lex.js';

export type Owner =
  | 'object'
  | 'column'
  | 'alias'
  | 'definition'
  | 'parameter'
  | 'symbol'
  | 'type'
  | 'path'
  | 'argument'
  | 'part'
  | 'function'
  | 'keyword';

/** What no name may be taken for twice: a column here and a key of a path there would be two readings of one text. */
const CONTRARY: readonly (readonly [Owner, Owner])[] = [
  ['column', 'path'],
  ['column', 'type'],
  ['column', 'argument'],
  ['column', 'part'],
  ['column', 'object'],
  ['alias', 'path'],
  ['object', 'path'],
  ['object', 'type'],
  ['object', 'part'],
];

export class Claims {
  readonly #owners: (Owner | undefined)[];
  readonly #either = new Set<number>();

  constructor(tokens: readonly Token[]) {
    this.#owners = tokens.map(() => undefined);
  }

  /** A part of a date by its place, which may be a column all the same. */
  markEither(token: number): void {
    this.#either.add(token);
  }

  isEither(token: number): boolean {
    return this.#either.has(token);
  }

  ownerOf(token: number): Owner | undefined {
    return this.#owners[token];
  }

  /** False where the token has another owner that can't be meant at the same time. A place before the text claims nothing. */
  claim(token: number, owner: Owner): boolean {
    if (token < 0 || token >= this.#owners.length) return true;
    const known = this.#owners[token];
    if (known === owner) return true;
    this.#owners[token] = known ?? owner;
    return known === undefined || !CONTRARY.some((pair) => pair.includes(known) && pair.includes(owner));
  }

  claimAll(from: number, to: number, owner: Owner): void {
    for (let at = from; at < to; at++) this.claim(at, owner);
  }
}

/** Whether a token names something, or could. */
export const isName = (token: Token | undefined): token is Token => token?.kind === 'word' || token?.kind === 'quoted';

/** The name that a token stands for: folded where it is unquoted (identifiers-syntax). */
export const nameOf = (token: Token): string =>
  token.kind === 'quoted' ? token.text.slice(1, -1).replaceAll('""', '"') : token.text.toUpperCase();

/** The tokens of `a.b.c` up to the one that a name ends with: where the dotted name begins. */
export function chainStart(tokens: readonly Token[], last: number): number {
  let from = last;
  while (isOperator(tokens[from - 1], '.') && isName(tokens[from - 2])) from -= 2;
  return from;
}
