/** `a.b.c.d` as its parts, where nothing but names is in the chain. */
import { type Identifier, identifierOf, nodeOf } from '../text/tree.js';

export function dotted(value: unknown): Identifier[] | undefined {
  const node = nodeOf(value);
  if (node?.kind === 'dot') {
    const before = dotted(node.body['this']);
    const field = identifierOf(node.body['field']);
    return before && field ? [...before, field] : undefined;
  }
  if (node?.kind !== 'column') return undefined;
  return [identifierOf(node.body['table']), identifierOf(node.body['name'])].filter((part) => part !== undefined);
}
