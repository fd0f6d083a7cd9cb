/**
 * The names in a change's text, told by their neighbours alone: a second look that knows nothing of scopes. A name belongs to another
 * table only where the word before its dot is that table's, or where it stands in a query that can't see the target.
 */
import type { NameInText } from '../analysis.js';
import { objectKey } from '../catalog.js';
import { isOperator, isWord, type Token } from '../lex.js';
import { positionOf } from '../statement.js';
import { isName, nameOf, type Owner } from './claims.js';
import { isReserved } from './keywords.js';
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
  const elsewhere = new Set(findings.columns.flatMap(({ object, token }) => (objectKey(object) === key ? [] : token)));
  for (const { object, token } of findings.columns) if (objectKey(object) === key) elsewhere.delete(token);
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
      (elsewhere.has(at) && blind.some(({ from, to }) => at > from && at < to)) ||
      (isPlace && !isNumber && blind.some(({ from, to }) => at > from && at < to)) ||
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

/** Brackets that the target is out of sight of: definitions before the change, MERGE's source, the values of its INSERT. */
function outOfSight({ statement: { tokens, pairs, kind } }: Walk): readonly { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  const add = (open: number): void => {
    const close = isOperator(tokens[open], '(') ? pairs.get(open) : undefined;
    if (close !== undefined) found.push({ from: open, to: close });
  };
  const verb = tokens.findIndex((token) => isWord(token, kind));
  for (let at = 0; at < verb; at++) if (isWord(tokens[at], 'AS')) add(at + 1);
  if (kind !== 'merge') return found;
  tokens.forEach((token, at) => {
    const isFirst = isWord(token, 'USING') && found.every(({ from, to }) => at < from || at > to);
    if (isFirst && !tokens.slice(verb, at).some((earlier) => isWord(earlier, 'USING'))) add(at + 1);
    const isValues = isWord(token, 'VALUES') && (isWord(tokens[at - 1], 'INSERT') || isOperator(tokens[at - 1], ')'));
    const open = isOperator(tokens[at - 1], ')') ? pairs.get(at - 1) : undefined;
    if (isValues && (open === undefined || isWord(tokens[open - 1], 'INSERT'))) add(at + 1);
  });
  return found;
}
