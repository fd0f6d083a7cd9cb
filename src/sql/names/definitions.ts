/**
 * WITH: definitions, recursive ones among them (documentation page constructs/with).
 *
 * A recursive definition is walked once: what its columns come from by way of themselves is noted as that, and followed to its end over what
 * was noted, so that definitions in definitions cost no more than their text is long.
 */
import type { Origin, OutputColumn } from '../analysis/analysis.js';
import type { Ctes, Scope, Source } from '../scope/scope.js';
import { asBody, asList, type Body, folded, type Identifier, identifierOf, isBody, nodeOf } from '../text/tree.js';
import { isPresent } from './allow-lists.js';
import { byPlace, named, ordering } from './outputs.js';
import type { Walk } from './walk.js';

export function definitions(walk: Walk, body: Body, ctes: Ctes, outer: Scope | undefined): Ctes {
  const clause = asBody(body['with'] ?? body['with_']);
  const all = asList(clause['ctes']).map(asBody);
  walk.only('with', clause);
  if (all.length === 0) return ctes;
  const scope = new Map(ctes);
  walk.spend(scope.size, 'parts');
  const here = new Set<string>();
  for (const definition of all) {
    walk.only('definition', definition);
    const name = identifierOf(definition['alias']);
    if (!name) throw walk.refusal('A definition in WITH has no name.');
    // Which of two is meant where the name stands is not documented.
    if (here.has(folded(name))) throw twice(walk, name);
    here.add(folded(name));
    walk.claim(name, 'definition');
    const list = asList(definition['columns']).map((column) => identifierOf(column));
    for (const column of list) walk.claim(column, 'definition');
    scope.set(folded(name), defined(walk, definition, name, list, scope, outer));
  }
  return scope;
}

const twice = (walk: Walk, name: Identifier): Error =>
  walk.refusal(
    `${folded(name).slice(0, 100)} is the name of two definitions.`,
    walk.token(name),
    'Give each definition a name of its own.',
  );

function defined(
  walk: Walk,
  definition: Body,
  name: Identifier,
  list: readonly (Identifier | undefined)[],
  ctes: Ctes,
  outer: Scope | undefined,
): Source {
  const source = (columns: readonly OutputColumn[]): Source => ({
    alias: folded(name),
    object: undefined,
    columns: named(columns, list, walk),
  });
  const union = unionIn(definition);
  if (union && mentions(walk, union['right'], folded(name))) {
    const columns = recursive(walk, name, list, union, ctes, outer);
    return { ...source(columns), definition: walk.token(name) };
  }
  // An earlier definition further out, or this one: that it is not recursive is our reading alone.
  if (ctes.has(folded(name)) && mentions(walk, definition['this'], folded(name))) throw twice(walk, name);
  return source(walk.query(definition['this'], ctes, outer));
}

/** `… UNION ALL …`: the one form of a definition that is recursive. */
function unionIn(definition: Body): Body | undefined {
  const node = nodeOf(definition['this']);
  if (node?.kind !== 'union' || node.body['all'] !== true || node.body['by_name'] === true) return undefined;
  return isPresent(asBody(node.body['with'])['ctes']) ? undefined : node.body;
}

/**
 * Only the right side of a UNION ALL reads what the whole of it gives (constructs/with; RECURSIVE is optional). On the left, and under any
 * other set operation, the name is what it is outside of the definition: a table, or a definition before. Where it stands on both
 * sides, one name would have two meanings in one definition.
 */
function recursive(
  walk: Walk,
  name: Identifier,
  list: readonly (Identifier | undefined)[],
  body: Body,
  ctes: Ctes,
  outer: Scope | undefined,
): readonly OutputColumn[] {
  if (mentions(walk, body['left'], folded(name)))
    throw walk.refusal(
      `${folded(name).slice(0, 100)} names a table as well as this definition.`,
      walk.token(name),
      'Give the definition another name.',
    );
  const definition = walk.token(name);
  if (definition < 0) throw walk.refusal(`The place of ${name.name.slice(0, 100)} in the text is not certain.`);
  walk.findings.ownNames.push({ definition, token: definition, needsAlias: false });
  walk.only('set operation', body);
  const anchor = walk.query(body['left'], ctes, outer);
  const own = anchor.map(() => walk.ownColumn());
  const columns = anchor.map((column, at) => ({ ...column, origins: own.slice(at, at + 1) }));
  const inner = new Map(ctes).set(folded(name), {
    alias: folded(name),
    object: undefined,
    columns: named(columns, list),
    definition,
  });
  walk.spend(inner.size, 'parts');
  const first = walk.findings.uses.length;
  const after = byPlace(walk, anchor, walk.query(body['right'], inner, outer));
  const solved = followed(
    walk,
    own,
    after.map(({ origins }) => origins),
  );
  replaceUses(walk, first, new Map(own.map((origin, at) => [origin, solved[at] ?? []])));
  const outputs = after.map((column, at) => ({ ...column, origins: solved[at] ?? [] }));
  ordering(walk, body, outputs, ctes, outer);
  return outputs;
}

/** What each column comes from in the end: its own origins, and those of each column of the definition that it comes from. */
function followed(
  walk: Walk,
  own: readonly Origin[],
  from: readonly (readonly Origin[])[],
): readonly (readonly Origin[])[] {
  const places = new Map(own.map((origin, at) => [origin, at]));
  return from.map((_, start) => {
    const seen = new Set([start]);
    const found: (readonly Origin[])[] = [];
    for (const at of seen) {
      const origins = from[at] ?? [];
      walk.spend(origins.length + 1, 'columns');
      const others: Origin[] = [];
      for (const origin of origins) {
        const place = places.get(origin);
        if (place === undefined) others.push(origin);
        // A set that grows while it is gone through is gone through to its end.
        else seen.add(place);
      }
      found.push(others);
    }
    return walk.union(found);
  });
}

/** Uses of the definition's columns become uses of what these come from. */
function replaceUses(walk: Walk, first: number, solved: ReadonlyMap<Origin, readonly Origin[]>): void {
  const uses = walk.findings.uses.splice(first);
  walk.count(uses.length);
  const known = new Map<readonly Origin[], readonly Origin[]>();
  for (const use of uses) {
    let origins = known.get(use.origins);
    if (!origins) {
      walk.count(use.origins.length);
      const isOwn = use.origins.some((origin) => solved.has(origin));
      origins = isOwn ? walk.union(use.origins.map((origin) => solved.get(origin) ?? [origin])) : use.origins;
      known.set(use.origins, origins);
    }
    if (origins === use.origins) walk.findings.uses.push(use);
    else walk.use(origins, use.usage, use.token);
  }
}

/** Whether a table of this name, with no other part, stands anywhere in a tree. */
function mentions(walk: Walk, value: unknown, name: string): boolean {
  if (Array.isArray(value)) return value.some((item) => mentions(walk, item, name));
  if (!isBody(value)) return false;
  walk.spend(1, 'parts');
  const table = nodeOf(value)?.kind === 'table' ? nodeOf(value)?.body : undefined;
  const identifier = table && !isPresent(table['schema']) ? identifierOf(table['name']) : undefined;
  if (identifier && folded(identifier) === name) return true;
  return Object.values(value).some((item) => typeof item === 'object' && mentions(walk, item, name));
}
