/**
 * The store itself, held against what the migrations make: functions by their text, triggers, rules, row security, the kind and owner of
 * each table, settings of roles and the database that change what a name or a trigger means. Whoever changes one of these changes what
 * is recorded from then on, or what readers see.
 */
import { readdir, readFile } from 'node:fs/promises';
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { isOfTrigrams, strangeProblems } from './strange.js';
import { structureProblems } from './structure.js';

const FOLDER = new URL('./migrations/', import.meta.url);

interface MadeFunction {
  /** Between its dollar signs. */
  readonly text: string;
  readonly isDefiner: boolean;
  /** As PostgreSQL keeps them: name=value. */
  readonly settings: readonly string[];
}

/** What is there once all migrations have run. */
interface MadeStore {
  readonly tables: ReadonlySet<string>;
  readonly functions: ReadonlyMap<string, MadeFunction>;
  /** "trigger on table" to its function. */
  readonly triggers: ReadonlyMap<string, string>;
}

const STATEMENT = new RegExp(
  [
    String.raw`CREATE (?:OR REPLACE )?FUNCTION (?<made>\w+)\s*\((?<head>[^$;]*?)\$\$(?<text>[\s\S]*?)\$\$`,
    String.raw`CREATE (?:OR REPLACE )?FUNCTION (?<plain>\w+)\s*\(`,
    String.raw`CREATE AGGREGATE (?<aggregate>\w+)`,
    String.raw`DROP FUNCTION (?<dropped>\w+)`,
    String.raw`CREATE TABLE (?:IF NOT EXISTS )?(?<table>\w+)`,
    String.raw`DROP TABLE (?:IF EXISTS )?(?<gone>\w+)`,
    String.raw`ALTER TABLE (?<from>\w+) RENAME TO (?<to>\w+)`,
    String.raw`CREATE TRIGGER (?<trigger>\w+) [\s\S]*? ON (?<on>\w+) [\s\S]*?EXECUTE FUNCTION (?<calls>\w+)`,
  ].join('|'),
  'g',
);

/** Settings that a function's head names, as the catalog has them. */
const settingsOf = (head: string): readonly string[] =>
  [...head.matchAll(/\bSET (\w+) = ('[^']*'|[\w, ]+?)(?= SET | AS |\s*$)/g)].map(
    ([, name = '', value = '']) => `${name === 'timezone' ? 'TimeZone' : name}=${value.replace(/^'|'$/g, '').trim()}`,
  );

/** By the migrations' own text, in their order. */
async function madeStore(): Promise<MadeStore> {
  const files = (await readdir(FOLDER)).filter((name) => /^\d{3}_\w+\.sql$/.test(name)).sort();
  const tables = new Set(['migration']);
  const functions = new Map<string, MadeFunction>();
  const triggers = new Map<string, string>();
  for (const file of files) {
    const sql = await readFile(new URL(file, FOLDER), 'utf8');
    for (const { groups = {} } of sql.matchAll(STATEMENT)) {
      const {
        made,
        head = '',
        text = '',
        plain,
        aggregate,
        dropped,
        table,
        gone,
        from,
        to,
        trigger,
        on,
        calls,
      } = groups;
      if (made !== undefined)
        functions.set(made, { text, isDefiner: /\bSECURITY DEFINER\b/.test(head), settings: settingsOf(head) });
      if (plain !== undefined) functions.set(plain, { text: '', isDefiner: false, settings: [] });
      if (aggregate !== undefined)
        functions.set(aggregate, { text: 'aggregate_dummy', isDefiner: false, settings: [] });
      if (dropped !== undefined) functions.delete(dropped);
      if (table !== undefined) tables.add(table);
      if (gone !== undefined) tables.delete(gone);
      if (from !== undefined && to !== undefined) {
        tables.delete(from);
        tables.add(to);
      }
      if (trigger !== undefined) triggers.set(`${trigger} on ${on ?? ''}`, calls ?? '');
    }
  }
  return { tables, functions, triggers };
}

/** Everything in `public`, partitions included; names from pg_catalog alone. */
const TABLES = `
  SELECT c.relname AS name, p.relname AS parent, c.relkind::text AS kind, c.relrowsecurity OR c.relforcerowsecurity AS hides, r.rolname AS owner,
         ARRAY(SELECT w.rulename::text FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND (c.relkind IN ('r', 'p', 'f') OR w.rulename <> '_RETURN') ORDER BY 1) AS rules,
         ARRAY(SELECT o.polname::text FROM pg_catalog.pg_policy o WHERE o.polrelid = c.oid ORDER BY 1) AS policies
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  WHERE c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1`;
const tableRow = z.object({
  name: z.string(),
  parent: z.string().nullable(),
  kind: z.string(),
  hides: z.boolean(),
  owner: z.string(),
  rules: z.array(z.string()),
  policies: z.array(z.string()),
});

/** Those of foreign keys are PostgreSQL's own: they have to be in force. */
const TRIGGERS = `
  SELECT t.tgname AS name, c.relname AS table, p.relname AS parent, f.proname AS calls, t.tgenabled::text AS enabled, t.tgisinternal AS internal
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  WHERE c.relnamespace = 'public'::pg_catalog.regnamespace ORDER BY 2, 1`;
const triggerRow = z.object({
  name: z.string(),
  table: z.string(),
  parent: z.string().nullable(),
  calls: z.string(),
  enabled: z.string(),
  internal: z.boolean(),
});

const FUNCTIONS = `
  SELECT f.proname AS name, f.prosrc AS text, f.prosqlbody IS NOT NULL AS is_parsed, f.prosecdef AS is_definer, f.proconfig AS settings,
         l.lanname AS language, r.rolname AS owner
  FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_language l ON l.oid = f.prolang JOIN pg_catalog.pg_roles r ON r.oid = f.proowner
  WHERE f.pronamespace = 'public'::pg_catalog.regnamespace
    AND NOT ${isOfTrigrams('pg_proc', 'f.oid', 'f.oid')}
  ORDER BY 1`;
const functionRow = z.object({
  name: z.string(),
  text: z.string(),
  is_parsed: z.boolean(),
  is_definer: z.boolean(),
  settings: z.array(z.string()).nullable(),
  language: z.string(),
  owner: z.string(),
});

const SETTINGS = `
  SELECT coalesce(r.rolname, '') AS role, s.setting FROM pg_catalog.pg_db_role_setting g
  CROSS JOIN LATERAL pg_catalog.unnest(g.setconfig) AS s (setting) LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.setrole
  WHERE g.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
  UNION ALL
  SELECT '', 'session_replication_role=' || pg_catalog.current_setting('session_replication_role')
  WHERE pg_catalog.current_setting('session_replication_role') <> 'origin'
  ORDER BY 1, 2`;
const settingRow = z.object({ role: z.string(), setting: z.string() });
/** What changes which table a name means, whether triggers and row security hold, or what is loaded into each connection. */
const CHANGES_MEANING =
  /^(?:search_path|row_security|session_replication_role|session_preload_libraries|local_preload_libraries|synchronous_commit)=/i;
const ORDINARY =
  /^(?:search_path=(?:"\$user", ?)?public|row_security=(?:on|off)|synchronous_commit=(?:on|remote_\w+))$/i;
/** What costs time or memory, or says what is logged, and means nothing else: for the whole database or one of the store's roles. */
const HARMLESS =
  /^(?:log_\w+|\w+_timeout|work_mem|maintenance_work_mem|hash_mem_multiplier|temp_\w+|effective_\w+|\w+_page_cost|cpu_\w+_cost|jit\w*|enable_\w+|max_parallel_\w+|default_statistics_target|auto_explain\.\w+|pg_stat_statements\.\w+|track_\w+|timezone|datestyle|application_name|client_min_messages|tcp_\w+|password_encryption)=/i;

/** What is not as the migrations make it, each in a sentence. */
export async function shapeProblems(client: PoolClient, roles: readonly string[] = []): Promise<readonly string[]> {
  const made = await madeStore();
  const rows = async <T>(shape: z.ZodType<T>, sql: string): Promise<T[]> =>
    z.array(shape).parse((await client.query(sql)).rows);
  const tables = await rows(tableRow, TABLES);
  const functions = await rows(functionRow, FUNCTIONS);
  return [
    ...tableProblems(made, tables),
    ...triggerProblems(made, await rows(triggerRow, TRIGGERS)),
    ...functionProblems(made, functions),
    ...ownerProblems(made, tables, functions),
    ...(await structureProblems(client)),
    ...(await strangeProblems(client)),
    ...(await rows(settingRow, SETTINGS)).flatMap(({ role, setting }) =>
      isMeant(role, setting, roles)
        ? [
            `${role === '' ? 'The database' : `The role ${role}`} is set to ${setting}, which changes what our SQL means.`,
          ]
        : [],
    ),
  ];
}

/** Whether a setting changes what is meant. Those of the database and of the store's roles have to be known as harmless. */
const isMeant = (role: string, setting: string, roles: readonly string[]): boolean =>
  CHANGES_MEANING.test(setting)
    ? !ORDINARY.test(setting)
    : (role === '' || roles.includes(role)) && !HARMLESS.test(setting);

const WEEK = /^(event|statement|outcome)_\d{4}_\d{2}_\d{2}$/;

function tableProblems(made: MadeStore, tables: readonly z.infer<typeof tableRow>[]): readonly string[] {
  const problems: string[] = [];
  const known = new Map(tables.map((table) => [table.name, table]));
  for (const name of made.tables)
    if (!['r', 'p'].includes(known.get(name)?.kind ?? ''))
      problems.push(`The table ${name} is gone${known.has(name) ? ', and something else has its name' : ''}.`);
  for (const { name, parent, hides, rules, policies } of tables) {
    if (hides) problems.push(`Row security is on for ${name}: it can hide rows.`);
    for (const policy of policies) problems.push(`There is a row security policy ${policy} on ${name}.`);
    for (const rule of rules) problems.push(`There is a rule ${rule} on ${name}: it can write something else.`);
    if (parent !== null && made.tables.has(parent) && WEEK.exec(name)?.[1] !== parent)
      problems.push(`${name} is a part of ${parent}, and not one of its weeks.`);
  }
  return problems;
}

function triggerProblems(made: MadeStore, triggers: readonly z.infer<typeof triggerRow>[]): readonly string[] {
  const problems: string[] = [];
  const found = new Set<string>();
  for (const { name, table, calls, enabled, internal } of triggers) {
    const key = `${name} on ${table}`;
    found.add(key);
    if (enabled !== 'O') problems.push(`The trigger ${key} is not in force as it should be.`);
    if (!internal && made.triggers.get(key) !== calls)
      problems.push(`There is a trigger ${key} that no migration makes: it can write something else.`);
  }
  for (const key of made.triggers.keys()) if (!found.has(key)) problems.push(`The trigger ${key} is gone.`);
  return problems;
}

function functionProblems(made: MadeStore, functions: readonly z.infer<typeof functionRow>[]): readonly string[] {
  const problems: string[] = [];
  const found = new Set<string>();
  for (const { name, text, is_parsed: isParsed, is_definer: isDefiner, settings, language } of functions) {
    const expected = made.functions.get(name);
    if (!expected || found.has(name)) problems.push(`There is a function ${name} that no migration makes.`);
    else if (isParsed || text !== expected.text)
      problems.push(`The function ${name} is not the one that the migrations make.`);
    else if (
      isDefiner !== expected.isDefiner ||
      String([...(settings ?? [])].sort()) !== String([...expected.settings].sort())
    )
      problems.push(`The function ${name} runs with other rights or settings than the migrations give it.`);
    else if (!['plpgsql', 'sql', 'internal'].includes(language))
      problems.push(`The function ${name} is not the one that the migrations make: it is in ${language}.`);
    found.add(name);
  }
  for (const name of made.functions.keys()) if (!found.has(name)) problems.push(`The function ${name} is gone.`);
  return problems;
}

/** Whoever owns a table or function may change it; all belong to the one that set the store up. */
function ownerProblems(
  made: MadeStore,
  tables: readonly z.infer<typeof tableRow>[],
  functions: readonly z.infer<typeof functionRow>[],
): readonly string[] {
  const owner = tables.find(({ name }) => name === 'migration')?.owner;
  const owned = [
    ...tables.flatMap(({ name, parent, owner: of }) => (made.tables.has(parent ?? name) ? [{ name, of }] : [])),
    ...functions.map(({ name, owner: of }) => ({ name, of })),
  ];
  return owned.flatMap(({ name, of }) =>
    of === owner ? [] : [`${name} belongs to ${of}, and the rest to ${owner ?? 'nobody'}.`],
  );
}
