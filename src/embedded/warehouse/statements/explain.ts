/** EXPLAIN: what a statement would read (documentation page sql/explain). */
import type { DuckDBValue } from '@duckdb/node-api';
import {
  type Bind,
  type Cell,
  localResult,
  notExplained,
  type Result,
  STATEMENT_TYPE,
} from '../../../protocol/index.js';
import { asBody, asList, asText } from '../../../sql/index.js';
import { translate } from '../dialect/translate.js';
import { estimatedBytes, isSecure, type Relation } from '../engine/catalog.js';
import { columnsKept, isMaterialized } from '../engine/materialized.js';
import { dotted } from '../engine/policies.js';
import { bindValue } from './binds.js';
import { dialectSession } from './dialect-session.js';
import type { Execution } from './execution.js';
import { qualified } from './names.js';

/** Scans by the full names of what is scanned, each with the columns that are read there. */
type Scans = Map<string, Set<string>>;

/** Every scan in DuckDB's own plan, so that what it names is what the engine would read, views opened. */
function scansOf(plan: unknown, out: Scans): Scans {
  for (const step of asList(plan)) {
    const body = asBody(step);
    const info = asBody(body['extra_info']);
    const table = asText(info['Table']);
    if (table) {
      // DuckDB quotes what is a word of its own.
      const name = table.replaceAll(/"((?:[^"]|"")*)"/g, (_whole, quoted: string) => quoted.replaceAll('""', '"'));
      const read = out.get(name) ?? new Set();
      const columns = info['Projections'];
      for (const column of Array.isArray(columns) ? columns : [columns]) read.add(asText(column));
      const filters = info['Filters'];
      for (const text of Array.isArray(filters) ? filters : [filters])
        for (const [word] of asText(text).matchAll(/[A-Za-z_$][\w$]*/g)) read.add(word);
      out.set(name, read);
    }
    scansOf(body['children'], out);
  }
  return out;
}

async function scansIn(sql: string, values: DuckDBValue[], { session }: Execution): Promise<Scans> {
  const planned = await session.connection.runAndReadAll(`EXPLAIN (FORMAT JSON) ${sql}`, values);
  return scansOf(JSON.parse(String(planned.getRowsJS()[0]?.[1] ?? '[]')), new Map());
}

/** A name in a plan, and what stands beside it. */
interface Scan {
  readonly operation: string;
  readonly object: string;
  readonly bytes: number | null;
}

/**
 * As the plan names a table: under a row access policy by its last name alone, as a view (user-guide/security-row-intro, "Query profile"), and by a
 * materialized view of it that has all columns which are read (user-guide/views-materialized, "How the Query Optimizer Uses Materialized Views").
 */
function scanOf(relation: Relation, columns: ReadonlySet<string>, { engine }: Execution): Scan {
  const object = engine.explainAs[dotted(relation)];
  const bytes = estimatedBytes(relation);
  if (object !== undefined) return { operation: 'TableScan', object, bytes };
  if (relation.rowPolicy)
    return { operation: 'DynamicSecureView', object: `${relation.name} (+ RowAccessPolicy)`, bytes: null };
  const read = relation.columns.map(({ name }) => name).filter((name) => columns.has(name));
  const stored = engine.catalog.materialized(relation).find(({ text }) => {
    const kept = columnsKept(text);
    return kept !== undefined && read.length > 0 && read.every((name) => kept.has(name));
  });
  return { operation: 'TableScan', object: dotted(stored ?? relation), bytes };
}

export async function explain(rest: string, binds: readonly Bind[], execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const match = /^(?:USING\s+(TABULAR|JSON|TEXT)\s+)?(.+)$/is.exec(rest.trim());
  const format = (match?.[1] ?? 'TABULAR').toUpperCase();
  const translated = translate(match?.[2] ?? '', dialectSession(session), engine.catalog, binds);
  const values = translated.binds.map((position) => bindValue(binds[position - 1] ?? { type: 'TEXT', value: null }));
  const scans = await scansIn(translated.sql, values, execution);
  if (/\bINFORMATION_SCHEMA\s*\./i.test(match?.[2] ?? '')) throw notExplained('INFORMATION_SCHEMA');
  const named = new Set(translated.relations.map(dotted));
  // What policies read is told to nobody (user-guide/security-row-intro, "Query profile").
  for (const relation of translated.behind) if (!named.has(dotted(relation))) scans.delete(dotted(relation));
  // A secure view stands for itself and shows nothing of what is below it (sql/explain); a materialized one is what is read.
  for (const view of translated.relations.filter(({ text }) => isSecure(text) || isMaterialized(text))) {
    const below = await scansIn(`SELECT * FROM ${qualified(view)}`, [], execution);
    for (const name of below.keys()) if (!named.has(name)) scans.delete(name);
    scans.set(dotted(view), new Set());
  }
  const found = engine.catalog.relations().flatMap((relation) => {
    const columns = scans.get(dotted(relation));
    return columns ? [scanOf(relation, columns, execution)] : [];
  });
  const total = found.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const partitions = found.filter(({ bytes }) => bytes !== null).length;
  const one = (bytes: number | null): number | null => (bytes === null ? null : 1);
  const plan = {
    GlobalStats: { partitionsTotal: partitions, partitionsAssigned: partitions, bytesAssigned: total },
    Operations: [
      [
        { id: 0, operation: 'Result', expressions: [] },
        ...found.map(({ operation, object, bytes }, index) => ({
          id: index + 1,
          parentOperators: [0],
          operation,
          objects: [object],
          partitionsTotal: one(bytes),
          partitionsAssigned: one(bytes),
          bytesAssigned: bytes,
        })),
      ],
    ],
  };
  if (format === 'JSON') return localResult(['content'], [[JSON.stringify(plan)]], STATEMENT_TYPE.select);
  if (format === 'TEXT') return localResult(['content'], [[JSON.stringify(plan, null, 2)]], STATEMENT_TYPE.select);
  return localResult(
    [
      'step',
      'id',
      'parentOperators',
      'operation',
      'objects',
      'alias',
      'expressions',
      'partitionsTotal',
      'partitionsAssigned',
      'bytesAssigned',
    ],
    [
      ['GlobalStats', null, null, null, null, null, null, String(partitions), String(partitions), String(total)],
      ...found.map(({ operation, object, bytes }, index): Cell[] => [
        '1',
        String(index + 1),
        '[0]',
        operation,
        object,
        null,
        null,
        bytes === null ? null : '1',
        bytes === null ? null : '1',
        bytes === null ? null : String(bytes),
      ]),
    ],
    STATEMENT_TYPE.select,
  );
}
