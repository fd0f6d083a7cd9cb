/**
 * Whether a change says which rows it touches, for rules with `no_where`: its predicate has to go by a column of the table that is changed,
 * itself or through a correlated sub-query. A column of a source narrows the source alone.
 *
 * It is made against a WHERE that was left out or says nothing, and not for telling how many rows a predicate leaves over: `ID > 0` may be
 * all of them. For that there is `rows_affected_over`.
 */
import { asBody, asList, bodiesIn, identifierOf, nodeOf } from '../text/tree.js';
import { type ChangeKind, kindsOf } from './changes.js';
import type { Walk } from './walk.js';

/** Operators that are true, or NULL, of a value and itself. */
const REFLEXIVE: ReadonlySet<string> = new Set(['eq', 'gte', 'lte', 'null_safe_eq']);

export function saysWhichRows(walk: Walk, kind: ChangeKind): boolean {
  const body = asBody(nodeOf(walk.statement.tree)?.body);
  switch (kind) {
    // Rows that are there are not touched, unless OVERWRITE empties the table first (sql/insert).
    case 'insert':
      return !kindsOf(walk, kind).includes('truncate');
    case 'update':
    case 'delete':
      return narrows(walk, asBody(body['where_clause'])['this']);
    case 'merge': {
      const kinds = kindsOf(walk, kind);
      if (!kinds.includes('update') && !kinds.includes('delete')) return true;
      const whens = asList(asBody(nodeOf(body['whens'])?.body)['expressions']).map((when) =>
        asBody(asBody(when)['when']),
      );
      return (
        narrows(walk, body['on']) ||
        whens.every(({ then, condition }) => verbOf(then) === 'INSERT' || narrows(walk, condition))
      );
    }
  }
}

/** What a branch of MERGE does. */
function verbOf(then: unknown): unknown {
  const node = nodeOf(then);
  const action = node?.kind === 'tuple' ? asList(node.body['expressions'])[0] : then;
  return nodeOf(action)?.body['this'];
}

/** With OR each side has to: `1 = 1 OR ID = 5` says nothing. */
function narrows(walk: Walk, predicate: unknown): boolean {
  const node = nodeOf(predicate);
  if (!node) return false;
  const { left, right, this: inner } = node.body;
  if (node.kind === 'and') return narrows(walk, left) || narrows(walk, right);
  if (node.kind === 'or') return narrows(walk, left) && narrows(walk, right);
  if (node.kind === 'paren') return narrows(walk, inner);
  if (REFLEXIVE.has(node.kind) && alike(left) === alike(right)) return false;
  return namesTarget(walk, predicate);
}

/** What an expression says, without where it stands. */
const alike = (value: unknown): string =>
  JSON.stringify(value, (key, item: unknown) => (key === 'span' || key.endsWith('comments') ? undefined : item));

/** Whether a column of the changed table stands anywhere in it. */
function namesTarget(walk: Walk, value: unknown): boolean {
  const { ofTarget } = walk.findings;
  for (const item of bodiesIn(value)) {
    walk.spend(1, 'parts');
    const token = walk.token(identifierOf(item));
    if (token >= 0 && ofTarget.has(token)) return true;
    const node = nodeOf(item);
    if (node?.kind === 'parameter' && isPlaceOfTarget(walk, node.body['index'])) return true;
  }
  return false;
}

/** `$2`, which the parser gives no place. */
const isPlaceOfTarget = (walk: Walk, index: unknown): boolean =>
  typeof index === 'number' &&
  [...walk.findings.ofTarget].some((token) => walk.statement.tokens[token]?.text === `$${index}`);
