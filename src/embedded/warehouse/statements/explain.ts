/** EXPLAIN: what a statement would read (documentation page sql/explain). */
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
import { bindValue } from './binds.js';
import { dialectSession } from './dialect-session.js';
import type { Execution } from './execution.js';
import { qualified } from './names.js';

/** Every scan in DuckDB's own plan, so that what it names is what the engine would read, views opened. */
function scansOf(plan: unknown, out: Set<string>): void {
  for (const step of asList(plan)) {
    const body = asBody(step);
    const table = asText(asBody(body['extra_info'])['Table']);
    // DuckDB quotes what is a word of its own.
    if (table) out.add(table.replaceAll(/"((?:[^"]|"")*)"/g, (_whole, name: string) => name.replaceAll('""', '"')));
    scansOf(body['children'], out);
  }
}

export async function explain(rest: string, binds: readonly Bind[], execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const match = /^(?:USING\s+(TABULAR|JSON|TEXT)\s+)?(.+)$/is.exec(rest.trim());
  const format = (match?.[1] ?? 'TABULAR').toUpperCase();
  const translated = translate(match?.[2] ?? '', dialectSession(session), engine.catalog, binds);
  const values = translated.binds.map((position) => bindValue(binds[position - 1] ?? { type: 'TEXT', value: null }));
  const planned = await session.connection.runAndReadAll(`EXPLAIN (FORMAT JSON) ${translated.sql}`, values);
  const scans = new Set<string>();
  scansOf(JSON.parse(String(planned.getRowsJS()[0]?.[1] ?? '[]')), scans);
  if (/\bINFORMATION_SCHEMA\s*\./i.test(match?.[2] ?? '')) throw notExplained('INFORMATION_SCHEMA');
  const dotted = ({ database, schema, name }: Relation): string => `${database}.${schema}.${name}`;
  // A secure view stands for itself and shows nothing of what is below it (documentation page sql/explain).
  for (const view of translated.relations.filter(({ kind, text }) => kind === 'view' && isSecure(text))) {
    const below = new Set<string>();
    const own = await session.connection.runAndReadAll(`EXPLAIN (FORMAT JSON) SELECT * FROM ${qualified(view)}`);
    scansOf(JSON.parse(String(own.getRowsJS()[0]?.[1] ?? '[]')), below);
    for (const table of translated.relations) below.delete(dotted(table));
    for (const name of below) scans.delete(name);
    scans.add(dotted(view));
  }
  const shown = (relation: Relation): string => engine.explainAs[dotted(relation)] ?? dotted(relation);
  const relations = engine.catalog.relations().filter((relation) => scans.has(dotted(relation)));
  const bytes = relations.map(estimatedBytes);
  const total = bytes.reduce((sum, size) => sum + size, 0);
  const plan = {
    GlobalStats: { partitionsTotal: relations.length, partitionsAssigned: relations.length, bytesAssigned: total },
    Operations: [
      [
        { id: 0, operation: 'Result', expressions: [] },
        ...relations.map((relation, index) => ({
          id: index + 1,
          parentOperators: [0],
          operation: 'TableScan',
          objects: [shown(relation)],
          partitionsTotal: 1,
          partitionsAssigned: 1,
          bytesAssigned: bytes[index] ?? 0,
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
      [
        'GlobalStats',
        null,
        null,
        null,
        null,
        null,
        null,
        String(relations.length),
        String(relations.length),
        String(total),
      ],
      ...relations.map((relation, index): Cell[] => [
        '1',
        String(index + 1),
        '[0]',
        'TableScan',
        shown(relation),
        null,
        null,
        '1',
        '1',
        String(bytes[index] ?? 0),
      ]),
    ],
    STATEMENT_TYPE.select,
  );
}
