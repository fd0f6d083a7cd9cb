/**
 * Aliases that the parser gives no place: behind LATERAL's function, behind VALUES, and those of PIVOT's aggregates. Where such an alias can
 * stand is read from the tokens of its construct alone, once for a statement, and nothing else is ever taken for one: a token of
 * the same name somewhere else may be a call (documentation pages constructs/join-lateral, constructs/values, constructs/pivot).
 */
import { isOperator, isWord, type Token } from '../text/lex.js';
import { isName, nameOf } from './claims.js';
import { isReserved } from './keywords.js';

export type AliasKind = 'lateral' | 'values' | 'pivot';

interface AliasPlace {
  readonly at: number;
  /** Tokens of a list of column names behind it. */
  readonly columns: readonly number[];
}

export type AliasPlaces = Readonly<Record<AliasKind, readonly AliasPlace[]>>;

type Pairs = ReadonlyMap<number, number>;

/** The names in brackets that hold names and commas alone; undefined for every other bracket. */
export function namesInBrackets(tokens: readonly Token[], pairs: Pairs, open: number): readonly number[] | undefined {
  const close = isOperator(tokens[open], '(') ? pairs.get(open) : undefined;
  if (close === undefined) return undefined;
  const names: number[] = [];
  for (let at = open + 1; at < close; at += 2) {
    if (!isName(tokens[at]) || !(at + 1 === close || (isOperator(tokens[at + 1], ',') && at + 2 < close)))
      return undefined;
    names.push(at);
  }
  return names.length > 0 ? names : undefined;
}

/** The alias that stands from this token on, with AS or without. */
function aliasFrom(tokens: readonly Token[], pairs: Pairs, from: number): AliasPlace | undefined {
  const at = isWord(tokens[from], 'AS') ? from + 1 : from;
  if (!isName(tokens[at]) || isReserved(tokens[at])) return undefined;
  return { at, columns: namesInBrackets(tokens, pairs, at + 1) ?? [] };
}

/** `LATERAL f(…) x`, `LATERAL TABLE(f(…)) x`. */
function lateral(tokens: readonly Token[], pairs: Pairs, at: number): AliasPlace | undefined {
  let last = at + 1;
  while (isOperator(tokens[last + 1], '.') && isName(tokens[last + 2])) last += 2;
  const close = isName(tokens[last]) && isOperator(tokens[last + 1], '(') ? pairs.get(last + 1) : undefined;
  return close === undefined ? undefined : aliasFrom(tokens, pairs, close + 1);
}

/** `VALUES (…), (…) x`, and behind the bracket that holds it. */
function values(tokens: readonly Token[], pairs: Pairs, at: number): AliasPlace | undefined {
  let close = pairs.get(at + 1);
  while (close !== undefined && isOperator(tokens[close + 1], ',') && isOperator(tokens[close + 2], '('))
    close = pairs.get(close + 2);
  if (close === undefined || !isOperator(tokens[at + 1], '(')) return undefined;
  const isBracketed = pairs.get(close + 1) === at - 1;
  return aliasFrom(tokens, pairs, isBracketed ? close + 2 : close + 1);
}

/** `PIVOT (f(…) x, f(…) AS y FOR …`. */
function pivot(tokens: readonly Token[], pairs: Pairs, open: number): readonly AliasPlace[] {
  const close = isOperator(tokens[open], '(') ? pairs.get(open) : undefined;
  const places: AliasPlace[] = [];
  for (let at = open + 1; close !== undefined && at < close; at++) {
    const token = tokens[at];
    if (isOperator(token, '(')) at = pairs.get(at) ?? at;
    else if (isOperator(token, ',') || isWord(token, 'FOR')) {
      const isBehind = isWord(tokens[at - 2], 'AS') || isOperator(tokens[at - 2], ')');
      if (isBehind && isName(tokens[at - 1])) places.push({ at: at - 1, columns: [] });
      if (isWord(token, 'FOR')) break;
    }
  }
  return places;
}

export function aliasPlaces(tokens: readonly Token[], pairs: Pairs): AliasPlaces {
  const found: Record<AliasKind, AliasPlace[]> = { lateral: [], values: [], pivot: [] };
  tokens.forEach((token, at) => {
    const alias = isWord(token, 'LATERAL')
      ? lateral(tokens, pairs, at)
      : isWord(token, 'VALUES')
        ? values(tokens, pairs, at)
        : undefined;
    if (alias) found[isWord(token, 'LATERAL') ? 'lateral' : 'values'].push(alias);
    else if (isWord(token, 'PIVOT')) for (const place of pivot(tokens, pairs, at + 1)) found.pivot.push(place);
  });
  return found;
}

export interface FoundAlias {
  /** Folded. */
  readonly name: string;
  /** Every token that it can be: of two that look the same it does not matter which. */
  readonly at: readonly number[];
  /** The names behind it, of the first. */
  readonly columns: readonly number[];
  readonly columnTokens: readonly number[];
}

/** Whether a token is the name that the parser tells, as it stands there or folded. */
const isWritten = (token: Token | undefined, name: string | undefined): boolean =>
  token !== undefined && (token.text === name || (isName(token) && nameOf(token) === name));

/**
 * The places at which an alias of this kind stands, by its name as the parser tells it and the names behind it. undefined where there is
 * none, or where two could be meant that are not the same name.
 */
export function aliasAt(
  tokens: readonly Token[],
  places: readonly AliasPlace[],
  name: string,
  columns: readonly string[],
): FoundAlias | undefined {
  const found = places.filter(
    (place) =>
      isWritten(tokens[place.at], name) &&
      (columns.length === 0 ||
        (place.columns.length === columns.length &&
          place.columns.every((at, index) => isWritten(tokens[at], columns[index])))),
  );
  const [first] = found;
  const token = tokens[first?.at ?? -1];
  if (!first || !isName(token)) return undefined;
  const isSame = found.every(
    (place) =>
      sameName(tokens[place.at], token) &&
      (columns.length === 0 ||
        place.columns.every((at, index) => sameName(tokens[at], tokens[first.columns[index] ?? -1]))),
  );
  if (!isSame) return undefined;
  const columnTokens = columns.length === 0 ? [] : found.flatMap((place) => place.columns);
  return {
    name: nameOf(token),
    at: found.map(({ at }) => at),
    columns: columns.length === 0 ? [] : first.columns,
    columnTokens,
  };
}

const sameName = (left: Token | undefined, right: Token | undefined): boolean =>
  isName(left) && isName(right) && nameOf(left) === nameOf(right);
