/**
 * What a verdict does to a statement: what takes the place of its tables in the text to send, and how the columns that come back are masked
 * by that.
 */
import { maskExpression, methodName } from '../../masking/index.js';
import { type AppliedMask, ByColumn, type Verdict } from '../../policy/index.js';
import {
  type CatalogReader,
  type Count,
  type FullAnalysis,
  Making,
  type Origin,
  objectKey,
  Refusal,
  type RelationInfo,
  type Treatment,
  tellObject,
} from '../../sql/index.js';
import type { OutputMask } from './judged.js';

/** The secure views that stand for tables, by key. Throws a Refusal where one is not there or not secure: no rows are better than all. */
export async function secureViews(verdict: Verdict, reader: CatalogReader): Promise<ReadonlyMap<string, RelationInfo>> {
  const views = new Map<string, RelationInfo>();
  for (const { secureView, object, rule } of verdict.rows) {
    if (!secureView || views.has(objectKey(secureView))) continue;
    const relation = await reader.relation(secureView);
    if (relation?.kind !== 'view' || !relation.isSecure)
      throw new Refusal(
        'NOT_UNDERSTOOD',
        `${tellObject(object)} is read through ${tellObject(secureView)} (${rule}), and there is no such secure view.`,
        undefined,
        'Whoever keeps the policies has to mend this.',
      );
    views.set(objectKey(secureView), relation);
  }
  return views;
}

/** What takes the place of each table, by its key: masked columns, its rows alone, the view that stands for it. */
export function treatments(verdict: Verdict, views: ReadonlyMap<string, RelationInfo>): ReadonlyMap<string, Treatment> {
  const out = new Map<
    string,
    {
      columns: Map<string, ((identifier: string) => string) | 'deny'>;
      predicate: string | undefined;
      predicates: Set<string>;
      source: RelationInfo | undefined;
    }
  >();
  const entry = (key: string) => {
    const known = out.get(key) ?? {
      columns: new Map(),
      predicate: undefined,
      predicates: new Set<string>(),
      source: undefined,
    };
    out.set(key, known);
    return known;
  };
  for (const mask of verdict.masks) {
    const { method, type } = mask;
    entry(objectKey(mask.object)).columns.set(
      mask.column,
      method.kind === 'deny' ? 'deny' : (identifier) => maskExpression(method, identifier, type),
    );
  }
  for (const rows of verdict.rows) {
    const known = entry(objectKey(rows.object));
    if (rows.secureView) known.source = views.get(objectKey(rows.secureView));
    if (rows.where === undefined) continue;
    // A table that is read and changed comes twice with the same rows.
    if (known.predicates.has(rows.where)) continue;
    known.predicates.add(rows.where);
    known.predicate = known.predicate === undefined ? rows.where : `(${known.predicate}) AND (${rows.where})`;
  }
  return out;
}

/** How each column that comes back is masked, and what it is made of. */
export function outputMasks(analysis: FullAnalysis, masks: readonly AppliedMask[], spend: Count): OutputMask[] {
  const masked = new ByColumn(masks);
  const ranks = new Map(masks.map((mask, at) => [mask, at]));
  // Columns that come from the same share the list of it.
  const known = new Map<readonly Origin[], string | null>();
  const methodsOf = (origins: readonly Origin[]): string | null => {
    const found = known.get(origins);
    if (found !== undefined) return found;
    const applied = [...new Set(origins.flatMap((origin) => masked.of(origin) ?? []))];
    // In the order of the masks, which is the tables' own.
    applied.sort((one, other) => (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0));
    const methods = [...new Set(applied.map(({ method }) => methodName(method)))];
    const made = methods.length === 0 ? null : methods.join(', ');
    known.set(origins, made);
    return made;
  };
  const tables = new Map(analysis.objects.map(({ object, relation }) => [objectKey(object), relation]));
  // What a detector lets pass is told by columns: a virtual one holds texts of those that it is made of.
  const sources = new Map<readonly Origin[], readonly Origin[]>();
  const withSources = (origins: readonly Origin[]): readonly Origin[] => {
    const found = sources.get(origins);
    if (found) return found;
    const more = origins.flatMap(({ object, column }) => {
      const relation = tables.get(objectKey(object));
      return relation
        ? Making.of(relation.columns)
            .sourcesOf(column)
            .map((source) => ({ object, column: source.column }))
        : [];
    });
    spend(more.length);
    const made = more.length === 0 ? origins : [...origins, ...more];
    sources.set(origins, made);
    return made;
  };
  return analysis.outputs.map(({ name, origins, isMany = false }) => ({
    name,
    mask: methodsOf(origins),
    origins: withSources(origins),
    isMany,
  }));
}
