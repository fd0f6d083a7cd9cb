/**
 * What tables, functions and sequences of the store are made of, held against what the migrations make: columns, constraints, indexes, how a table is kept and
 * divided. A constraint that is gone lets rows in that nobody reads as such, an index that is gone lets one in twice, a table that is not
 * logged loses what it was told. The structure of a store whose migrations have all run stands in `structure.json`
 * (`npm run store:structure` writes it anew).
 */
import { readFile } from 'node:fs/promises';
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { isOfTrigrams } from './strange.js';

/** By table, each part in a line; sorted. */
export type Structure = Readonly<Record<string, readonly string[]>>;

/** Where it stands, beside this file. */
export const STRUCTURE = new URL('./structure.json', import.meta.url);

/**
 * Every part of each table in `public`, weeks apart (`of` is their table, `bound` their range). Names of constraints and indexes mean
 * nothing and are left out; NOT NULL stands with its column, also where a server keeps it as a constraint (PostgreSQL 18).
 */
const PARTS = `
  SELECT c.relname AS name, p.relname AS of, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
    ARRAY[
      'kept ' || CASE c.relpersistence WHEN 'p' THEN 'for good' WHEN 'u' THEN 'without a log' ELSE 'for a session' END
      || CASE WHEN c.relam = 0 THEN '' ELSE coalesce((SELECT ' by ' || m.amname FROM pg_catalog.pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap'), '') END
      || CASE WHEN c.reloftype = 0 THEN '' ELSE ' of a type' END
    ]
    || CASE WHEN c.relkind = 'p' THEN ARRAY['divided ' || pg_catalog.pg_get_partkeydef(c.oid)] ELSE '{}' END
    || ARRAY(
      SELECT 'column ' || a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
        || coalesce((SELECT ' collate ' || l.collname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation WHERE t.oid = a.atttypid AND a.attcollation <> t.typcollation), '')
        || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
        || CASE a.attidentity WHEN 'a' THEN ' always counted' WHEN 'd' THEN ' counted' ELSE '' END
        || coalesce((SELECT CASE WHEN a.attgenerated <> '' THEN ' made of ' ELSE ' default ' END || pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum), '')
      FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
    || ARRAY(
      SELECT 'constraint ' || pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype NOT IN ('n', 't'))
    || ARRAY(
      SELECT CASE WHEN x.indisunique THEN 'unique ' ELSE '' END || 'index '
        || pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(x.indexrelid), '^.*? USING |\\w+\\.(?=gin_trgm_ops)', '', 'g')
        || CASE WHEN x.indisvalid AND x.indisready AND x.indislive THEN '' ELSE ' not in use' END
      FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid) AS parts
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  WHERE c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'f') ORDER BY c.relname COLLATE "C"`;
/** What a function is besides its text and settings (shape.ts has those): what it takes, gives and promises; of an aggregate its steps. */
const FUNCTIONS = `
  SELECT 'function ' || f.proname AS name, NULL AS of, NULL AS bound, ARRAY[
    'takes ' || pg_catalog.pg_get_function_arguments(f.oid),
    'gives ' || coalesce(pg_catalog.pg_get_function_result(f.oid), ''),
    'is ' || f.prokind::text || f.provolatile::text || CASE WHEN f.proisstrict THEN ' strict' ELSE '' END || CASE WHEN f.proleakproof THEN ' leakproof' ELSE '' END]
    || ARRAY(
      SELECT 'steps ' || a.aggtransfn::pg_catalog.text || ' ' || a.aggfinalfn::pg_catalog.text || ' ' || a.aggcombinefn::pg_catalog.text || ' '
        || pg_catalog.format_type(a.aggtranstype, NULL) || coalesce(' from ' || a.agginitval, '')
      FROM pg_catalog.pg_aggregate a WHERE a.aggfnoid = f.oid) AS parts
  FROM pg_catalog.pg_proc f
  WHERE f.pronamespace = 'public'::pg_catalog.regnamespace AND NOT ${isOfTrigrams('pg_proc', 'f.oid', 'f.oid')}
  UNION ALL
  SELECT 'sequence ' || c.relname, NULL, NULL, ARRAY[
    pg_catalog.format('%s from %s by %s between %s and %s, %s at a time%s', pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ', again and again' ELSE '' END),
    'kept ' || CASE c.relpersistence WHEN 'p' THEN 'for good' ELSE 'without a log' END]
  FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid WHERE c.relnamespace = 'public'::pg_catalog.regnamespace`;
const tableRow = z.object({
  name: z.string(),
  of: z.string().nullable(),
  bound: z.string().nullable(),
  parts: z.array(z.string()),
});
type TableRow = z.infer<typeof tableRow>;

async function tablesOf(client: PoolClient): Promise<readonly TableRow[]> {
  const [tables, others] = [await client.query(PARTS), await client.query(FUNCTIONS)];
  return z
    .array(tableRow)
    .parse([...tables.rows, ...others.rows])
    .map((table) => ({ ...table, parts: [...table.parts].sort() }));
}

/** Of the store as it is now, without its weeks. */
export async function structureOf(client: PoolClient): Promise<Structure> {
  const tables = await tablesOf(client);
  return Object.fromEntries(tables.flatMap(({ name, of, parts }) => (of === null ? [[name, parts]] : [])));
}

const structure = z.record(z.string(), z.array(z.string()));

/** What is not as the migrations make it, each in a sentence. What tables there are is for others to say (shape.ts). */
export async function structureProblems(client: PoolClient): Promise<readonly string[]> {
  const made: Structure = structure.parse(JSON.parse(await readFile(STRUCTURE, 'utf8')));
  const found = await tablesOf(client);
  const gone = Object.keys(made).filter(
    (name) => name.startsWith('sequence ') && !found.some((part) => part.name === name),
  );
  const changed = found.flatMap((table) => {
    const expected = made[table.of ?? table.name];
    if (!expected) return [];
    // Only a whole table says how it is divided.
    const parts = table.of === null ? expected : expected.filter((part) => !part.startsWith('divided '));
    return [...differences(table.name, parts, table.parts), ...weekProblems(table)];
  });
  return [...gone.map((name) => `The ${name} is gone.`), ...changed];
}

const titleOf = (name: string): string => (/ /.test(name) ? `The ${name}` : `The table ${name}`);

/** Both sorted; a part may be there more than once. */
function differences(name: string, expected: readonly string[], found: readonly string[]): readonly string[] {
  const missing = [...expected];
  const more: string[] = [];
  for (const part of found) {
    const at = missing.indexOf(part);
    if (at === -1) more.push(part);
    else missing.splice(at, 1);
  }
  return [
    ...missing.map((part) => `${titleOf(name)} lacks what the migrations give it: ${part}.`),
    ...more.map((part) => `${titleOf(name)} has what no migration gives it: ${part}.`),
  ];
}

const WEEK_MS = 7 * 24 * 3_600_000;

/** A week is called by its first day, and holds what its name says (`ensure_partitions` in the migrations). */
function weekProblems({ name, of, bound }: TableRow): readonly string[] {
  const day = /_(\d{4})_(\d{2})_(\d{2})$/.exec(name)?.slice(1).join('-');
  if (of === null || day === undefined) return [];
  const from = Date.parse(day);
  const [low, high] = [from, from + WEEK_MS].map(of === 'event' ? midnight : firstId);
  const expected = `FOR VALUES FROM ('${low ?? ''}') TO ('${high ?? ''}')`;
  return bound === expected ? [] : [`The week ${name} holds ${bound ?? 'nothing'}, and not what its name says.`];
}

/** As PostgreSQL writes it in our connections, which are in UTC. */
const midnight = (ms: number): string => `${new Date(ms).toISOString().slice(0, 10)} 00:00:00+00`;

/** The first UUID of version 7 of a moment: its first 48 bits are milliseconds. */
const firstId = (ms: number): string =>
  `${ms
    .toString(16)
    .padStart(12, '0')
    .replace(/(.{8})(.{4})/, '$1-$2')}-0000-0000-000000000000`;
