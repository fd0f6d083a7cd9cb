/** The query in a view's text; what is wrong with it is told without a word of it. */
import { type RelationInfo, tellObject } from '../analysis/catalog.js';
import { isOperator, isWord, lex } from '../text/lex.js';
import { Refusal } from '../text/refusal.js';
import { readStatement, type Statement } from '../text/statement.js';

/** The query in a view's text, after CREATE … AS. Throws where the text does not look like that. */
export function viewQuery(relation: RelationInfo): Statement {
  const refuse = (why: string): Refusal => notOpened(relation, why);
  if (relation.viewText === undefined || relation.viewText.trim() === '')
    throw refuse(relation.unreadable ?? 'its text is not visible to the gateway');
  let tokens: ReturnType<typeof lex>;
  try {
    tokens = lex(relation.viewText);
  } catch {
    throw refuse('its text is not plain SQL');
  }
  let depth = 0;
  const as = tokens.findIndex((token) => {
    if (isOperator(token, '(')) depth++;
    if (isOperator(token, ')')) depth--;
    return depth === 0 && isWord(token, 'AS');
  });
  const rest = tokens[as + 1];
  if (as < 0 || !rest || !isWord(tokens[0], 'CREATE')) throw refuse('its text does not begin with CREATE VIEW … AS');
  const text = relation.viewText.slice(rest.start);
  const query = understood(relation, () => readStatement(text));
  if (query.kind !== 'select') throw refuse('it is not made of a SELECT');
  return query;
}

export const notOpened = (relation: RelationInfo, why: string): Refusal =>
  new Refusal(
    'NOT_UNDERSTOOD',
    `The view ${tellObject(relation)} can't be opened: ${why}.`,
    undefined,
    'Read its base tables instead, or ask for a policy that trusts this view.',
  );

/** What is not understood within a view is told without its words and places: whoever reads the view need not know its text. */
export function understood<T>(relation: RelationInfo, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) throw notOpened(relation, 'its text is not understood');
    throw error;
  }
}
