/**
 * The primary parser's tree, as plain data.
 *
 * polyglot writes an expression as an object with one key, the node's kind: `{"column": {...}}`. Inside a
 * body, fields hold expressions, lists of them, or untagged records (a `with` clause, a join). We read the tree as
 * unknown data through these few functions, so that a field that a new parser version adds can't slip by untyped.
 */
export type Body = Readonly<Record<string, unknown>>;

export interface TreeNode {
  readonly kind: string;
  readonly body: Body;
}

export const isBody = (value: unknown): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every record of a tree, whatever its depth: none of them before the one that it stands in. */
export function* bodiesIn(tree: unknown): Generator<Body> {
  const open: unknown[] = [tree];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (isBody(item)) yield item;
    const parts: readonly unknown[] = Array.isArray(item) ? item : Object.values(asBody(item));
    for (const part of parts) if (typeof part === 'object' && part !== null) open.push(part);
  }
}

export const asBody = (value: unknown): Body => (isBody(value) ? value : {});

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

const NOTHING: Body = Object.freeze({});

/**
 * The tagged node, or undefined where the value is absent or a record without a tag. A node without fields, such as
 * `{"null": null}`, gets an empty body. `{"this": …}` is a clause (WHERE, HAVING), not a node.
 */
export function nodeOf(value: unknown): TreeNode | undefined {
  if (!isBody(value)) return undefined;
  const keys = Object.keys(value);
  const kind = keys[0];
  if (keys.length !== 1 || kind === undefined || kind === 'this') return undefined;
  const body = value[kind];
  if (body === null) return { kind, body: NOTHING };
  return isBody(body) ? { kind, body } : undefined;
}

export interface Identifier {
  readonly name: string;
  readonly quoted: boolean;
  readonly start: number;
  readonly end: number;
}

/** `{name, quoted, span}`: start and end are offsets in the parsed text, -1 where the parser gives none. */
export function identifierOf(value: unknown): Identifier | undefined {
  if (!isBody(value) || typeof value['name'] !== 'string') return undefined;
  const span = asBody(value['span']);
  return {
    name: value['name'],
    quoted: value['quoted'] === true,
    start: typeof span['start'] === 'number' ? span['start'] : -1,
    end: typeof span['end'] === 'number' ? span['end'] : -1,
  };
}

/** Snowflake folds an unquoted identifier to upper case (identifiers-syntax); a quoted one stays as it is. */
export const folded = (identifier: Identifier): string =>
  identifier.quoted ? identifier.name : identifier.name.toUpperCase();

/** The value in a text literal, or undefined where the node is something else. */
export function textLiteral(value: unknown): string | undefined {
  const node = nodeOf(value);
  if (node?.kind !== 'literal' || node.body['literal_type'] !== 'string') return undefined;
  return asText(node.body['value']);
}

/** `a.b.c.d` as its parts, where nothing but names is in the chain. */
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
