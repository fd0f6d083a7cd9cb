/**
 * The names in a change's text, told by their neighbours alone: a second look that knows nothing of scopes. A name belongs to another
 * table only where the word before its dot is that table's, or where it stands in a query that can't see the target.
 */
import type { NameInText, Origin } from '../analysis/analysis.js';
import { objectKey } from '../analysis/catalog.js';
import { PART } from '../analysis/effort.js';
import { isUnknown } from '../scope/origins.js';
import { isOperator, isWord, type Token } from '../text/lex.js';
import { positionOf } from '../text/statement.js';
import { isName, nameOf, type Owner } from '../words/claims.js';
import { isReserved } from '../words/keywords.js';
import type { Walk } from './walk.js';

/** Names that their place makes something else than a column. */
const OTHERS: ReadonlySet<Owner | undefined> = new Set<Owner>([
  'path',
  'type',
  'function',
  'keyword',
  'object',
  'definition',
]);

export function namesInText(walk: Walk): readonly NameInText[] {
  const { statement, claims, findings } = walk;
  const [target] = findings.targets;
  if (!target) return [];
  const { tokens } = statement;
  const own = new Set([target.alias, target.object.name]);
  const other = new Set<string>();
  tokens.forEach((token, at) => {
    const owner = claims.ownerOf(at);
    const isTarget = at >= target.from && at < target.to;
    if (isName(token) && !isTarget && (owner === 'alias' || owner === 'object' || owner === 'definition'))
      other.add(nameOf(token));
  });
  const blind = outOfSight(walk);
  // Names that the walk has found on other tables, and on those alone.
  const key = objectKey(target.object);
  const elsewhere = new Set<number>();
  const onTarget = new Set<number>();
  const sides = new Map<readonly Origin[], Side>();
  for (const { origins, token } of findings.uses) {
    if (token < 0) continue;
    let side = sides.get(origins);
    if (!side) {
      walk.count(PART * origins.length);
      side = sideOf(origins, key);
      sides.set(origins, side);
    }
    if (side.isOther) elsewhere.add(token);
    if (side.isTarget) onTarget.add(token);
  }
  for (const token of onTarget) elsewhere.delete(token);
  const assigned = new Set(findings.assignments.map(({ token }) => token));
  const queries = withSources(statement);
  // How many columns a source has is not certain with these.
  const isOpen = statement.isNarrowed || statement.isResampled || tokens.some((token) => isWord(token, 'PIVOT'));
  return tokens.flatMap((token, at) => {
    // `$3` is a column by its place (sql/select), of whichever source has so many.
    const isNumber = token.kind === 'variable' && /^\$\d+$/.test(token.text);
    const isPlace = isNumber || isStar(tokens, at);
    if (!(isName(token) || isPlace) || OTHERS.has(claims.ownerOf(at)) || assigned.has(at)) return [];
    const before = tokens[at - 2];
    const qualifier = isOperator(tokens[at - 1], '.') && isName(before) ? nameOf(before) : undefined;
    const query = statement.clauses.at[at]?.query ?? -1;
    const isDefined = claims.ownerOf(at) === 'alias' && isWord(tokens[at - 1], 'AS');
    const isForeign =
      isDefined ||
      (elsewhere.has(at) && blind.has(at)) ||
      (isPlace && !isNumber && blind.has(at)) ||
      (isPlace && !isNumber && qualifier === undefined && queries.has(query)) ||
      (qualifier !== undefined && other.has(qualifier) && !own.has(qualifier) && !(isNumber && isOpen));
    return [{ name: isPlace ? token.text : nameOf(token), isPlace, position: positionOf(statement, at), isForeign }];
  });
}

/** Whether an asterisk stands for columns: it multiplies where a value stands before it, and COUNT(*) counts rows. */
function isStar(tokens: readonly Token[], at: number): boolean {
  if (!isOperator(tokens[at], '*')) return false;
  const before = tokens[at - 1];
  if (isOperator(before, '(') && isOperator(tokens[at + 1], ')') && isWord(tokens[at - 2], 'COUNT')) return false;
  switch (before?.kind) {
    case 'operator':
      return !/^[)\]}]$/.test(before.text);
    case 'word':
      return isReserved(before) && !isWord(before, 'NULL', 'TRUE', 'FALSE');
    case 'number':
      return isWord(tokens[at - 2], 'TOP');
    default:
      return before === undefined;
  }
}

/** Queries with a FROM of their own, by their SELECT: a bare star in them stands for what is there. */
function withSources({ tokens, clauses }: Walk['statement']): ReadonlySet<number> {
  const found = new Set<number>();
  tokens.forEach((token, at) => {
    const clause = clauses.at[at];
    const isOther = isWord(tokens[at - 1], 'DISTINCT') || isWord(tokens[at + 2], 'OVER', 'IGNORE', 'RESPECT');
    if (isWord(token, 'FROM') && clause?.isDirect === true && !isOther) found.add(clause.query);
  });
  found.delete(-1);
  return found;
}

/** Whose columns a list holds. */
interface Side {
  readonly isTarget: boolean;
  readonly isOther: boolean;
}

function sideOf(origins: readonly Origin[], target: string): Side {
  const keys = new Set(origins.flatMap((origin) => (isUnknown(origin) ? [] : objectKey(origin.object))));
  return { isTarget: keys.has(target), isOther: keys.size > (keys.has(target) ? 1 : 0) };
}

/** Tokens that the target is out of sight of: in definitions before the change, MERGE's source, the values of its INSERT. */
function outOfSight({ statement: { tokens, pairs, kind } }: Walk): ReadonlySet<number> {
  const found = new Set<number>();
  /** What is before it has been gone through. */
  let behind = 0;
  const add = (open: number): void => {
    const close = isOperator(tokens[open], '(') ? pairs.get(open) : undefined;
    if (close === undefined) return;
    for (let at = Math.max(open + 1, behind); at < close; at++) found.add(at);
    behind = Math.max(behind, close);
  };
  const verb = tokens.findIndex((token) => isWord(token, kind.toUpperCase()));
  for (let at = 0; at < verb; at++) if (isWord(tokens[at], 'AS')) add(at + 1);
  if (kind !== 'merge') return found;
  let hasSource = false;
  tokens.forEach((token, at) => {
    if (at >= verb && isWord(token, 'USING')) {
      if (!hasSource && !found.has(at)) add(at + 1);
      hasSource = true;
    }
    const isValues = isWord(token, 'VALUES') && (isWord(tokens[at - 1], 'INSERT') || isOperator(tokens[at - 1], ')'));
    const open = isOperator(tokens[at - 1], ')') ? pairs.get(at - 1) : undefined;
    if (isValues && (open === undefined || isWord(tokens[open - 1], 'INSERT'))) add(at + 1);
  });
  return found;
}
