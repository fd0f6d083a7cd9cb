/** CREATE, as far as there is something to make: tables, views, schemas, databases. */
import {
  existingObject,
  missingObject,
  type Result,
  type SnowType,
  statusResult,
  syntaxError,
} from '../../../../protocol/index.js';
import { asBody, asList, folded, identifierOf } from '../../../../sql/index.js';
import { duckColumnType, translate } from '../../dialect/translate.js';
import { unsupported } from '../../engine/errors.js';
import { baseOf } from '../../engine/materialized.js';
import { dotted } from '../../engine/policies.js';
import { bare } from '../../syntax/bare.js';
import { queryOf, readableView } from '../../syntax/forms.js';
import { parse, toDuckSql, tokens } from '../../syntax/parse.js';
import { dialectSession } from '../dialect-session.js';
import type { Execution, Session } from '../execution.js';
import { pathParts, qualified, quote } from '../names.js';
import { createPolicy, policyAsked } from './policies.js';

interface Target {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

function targetOf(value: unknown, session: Session): Target {
  const body = asBody(value);
  const [catalog, schema, name] = [body['catalog'], body['schema'], body['name']].map((part) => identifierOf(part));
  if (!name) throw syntaxError('unexpected name');
  return {
    database: catalog ? folded(catalog) : session.database,
    schema: schema ? folded(schema) : session.schema,
    name: folded(name),
  };
}

/** `CHECK ( … )`; nothing for constraints that Snowflake does not enforce (documentation page constraints-overview). */
function checkSql(check: unknown): string {
  const body = asBody(check);
  const expression = body['expression'] ?? check;
  return check === undefined ? '' : ` CHECK (${toDuckSql(expression)})`;
}

/** What stands behind a column's type: a CHECK, or what a virtual column is made of (documentation page virtual-columns). */
function conditions(definition: Readonly<Record<string, unknown>>): string {
  return asList(definition['constraints'])
    .map((constraint) => {
      const { Check: check, ComputedColumn: computed } = asBody(constraint);
      return computed === undefined
        ? checkSql(check)
        : ` GENERATED ALWAYS AS (${toDuckSql(asBody(computed)['expression'])}) VIRTUAL`;
    })
    .join('');
}

/** The columns of a table that was just made, each with the type that its query says. */
async function typesOf(
  table: Target,
  declared: readonly (SnowType | undefined)[],
  { session }: Execution,
): Promise<readonly (readonly [string, SnowType])[]> {
  const found = await session.connection.runAndReadAll(
    'SELECT column_name FROM duckdb_columns() WHERE database_name = $1 AND schema_name = $2 AND table_name = $3 ORDER BY column_index',
    [table.database, table.schema, table.name],
  );
  return found.getRowsJS().flatMap(([name], at) => {
    const type = declared[at];
    return type ? [[String(name), type] as const] : [];
  });
}

async function createTable(sql: string, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const body = asBody(asBody(parse(sql)[0])['create_table']);
  const target = targetOf(body['name'], session);
  const replace = body['or_replace'] === true;
  const exists = engine.catalog.find(target.database, target.schema, target.name);
  if (exists && body['if_not_exists'] === true)
    return statusResult(`${target.name} already exists, statement succeeded.`);
  if (exists && !replace) throw existingObject(target.name);
  if (body['clone_source']) throw unsupported('CLONE');
  const declared = new Map<string, SnowType>();
  const head = `CREATE ${replace ? 'OR REPLACE ' : ''}TABLE ${qualified(target)}`;
  const columns = asList(body['columns']).map((column) => {
    const definition = asBody(column);
    const name = identifierOf(definition['name']);
    if (!name) throw syntaxError('unexpected column');
    const type = duckColumnType(asBody(definition['data_type']));
    declared.set(folded(name), type.declared);
    const conditionsOf = `${definition['nullable'] === false ? ' NOT NULL' : ''}${conditions(definition)}`;
    return { name: folded(name), type: type.declared, text: `${quote(folded(name))} ${type.duck}${conditionsOf}` };
  });
  if (body['as_select']) {
    const position = tokens(sql).find((token) => /^(?:SELECT|WITH)$/.test(token.type))?.start ?? 0;
    const into = columns.length > 0 ? { columns, table: dotted(target) } : undefined;
    const inner = translate(sql.slice(position), dialectSession(session), engine.catalog, [], into);
    await session.connection.run(`${head} AS ${inner.sql}`);
    // What is known of a column better than DuckDB keeps it: its length, among others.
    if (!into) for (const [name, type] of await typesOf(target, inner.declared, execution)) declared.set(name, type);
  } else {
    const checks = asList(body['constraints']).map((constraint) => checkSql(asBody(constraint)['Check']));
    const parts = [...columns.map(({ text }) => text), ...checks.filter((text) => text !== '')];
    await session.connection.run(`${head} (${parts.join(', ')})`);
  }
  await engine.catalog.declare(target, declared);
  if (body['temporary'] === true) session.temporary.add(qualified(target));
  return statusResult(`Table ${target.name} successfully created.`);
}

/** A materialized view reads one table, as it is, and no rows that some may not see (user-guide/views-materialized, user-guide/security-row-intro). */
function checkMaterialized(text: string, target: Target, { engine }: Execution): void {
  const base = baseOf(text, target);
  const table = base && engine.catalog.find(base.database, base.schema, base.name);
  if (base && !table) throw missingObject([base.database, base.schema, base.name].join('.'));
  if (table?.kind !== 'table') throw unsupported('this query in a materialized view');
  if (table.rowPolicy) throw unsupported('CREATE ON OBJECTS ENFORCED BY ROW ACCESS POLICY');
  // Masked columns (user-guide/security-column-ddm-intro, "Troubleshooting Dynamic Data Masking").
  const query = queryOf(text);
  const words = new Set(pathParts(query));
  if (table.columns.some(({ name, mask }) => mask && (words.has(name) || query.includes('*'))))
    throw unsupported('CREATE ON MASKING POLICY COLUMN');
}

async function createView(sql: string, isMaterialized: boolean, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const body = asBody(asBody(parse(readableView(sql))[0])['create_view']);
  const target = targetOf(body['name'], session);
  const before = engine.catalog.find(target.database, target.schema, target.name);
  if (before && body['if_not_exists'] === true)
    return statusResult(`${target.name} already exists, statement succeeded.`);
  if (isMaterialized) checkMaterialized(sql, target, execution);
  const inner = translate(queryOf(sql), { ...dialectSession(session), isOfView: true }, engine.catalog, []);
  const columns = asList(body['columns'])
    .map((column) => identifierOf(asBody(column)['name']) ?? identifierOf(column))
    .filter((name) => name !== undefined)
    .map((name) => quote(folded(name)));
  const list = columns.length > 0 ? ` (${columns.join(', ')})` : '';
  await session.connection.run(
    `CREATE ${body['or_replace'] === true ? 'OR REPLACE ' : ''}VIEW ${qualified(target)}${list} AS ${inner.sql}`,
  );
  await engine.catalog.keepText(target, sql.replace(/;\s*$/, ''));
  return statusResult(`${isMaterialized ? 'Materialized view' : 'View'} ${target.name} successfully created.`);
}

/** Its words, without the contents of texts and quoted names. */
const withoutTexts = (sql: string): string => sql.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, ' ');

export async function create(sql: string, execution: Execution): Promise<Result> {
  const text = bare(sql);
  const [, replaced, altered, rest = ''] = /^CREATE\s+(OR\s+REPLACE\s+)?(OR\s+ALTER\s+)?(.*)$/is.exec(text) ?? [];
  const policy = policyAsked(rest);
  if (policy) return createPolicy(policy, replaced !== undefined, altered !== undefined, execution);
  // A table that is to be under a policy is never made without it.
  if (/\b(?:MASKING|ROW\s+ACCESS)\s+POLICY\b/i.test(withoutTexts(text)))
    throw unsupported('a policy in CREATE; use ALTER');
  const match =
    /^CREATE\s+(OR\s+REPLACE\s+)?(?:(?:LOCAL|GLOBAL)\s+)?(?:TEMP|TEMPORARY|TRANSIENT|SECURE|RECURSIVE|VOLATILE)?\s*(MATERIALIZED\s+)?(TABLE|VIEW|SCHEMA|DATABASE)\s+(IF\s+NOT\s+EXISTS\s+)?((?:"(?:[^"]|"")*"|[^\s("])+)/is.exec(
      text,
    );
  if (!match) throw unsupported(`CREATE ${text.split(/\s+/)[1] ?? ''}`);
  const kind = (match[3] ?? '').toUpperCase();
  if (kind === 'TABLE') return createTable(text, execution);
  if (kind === 'VIEW') return createView(text, match[2] !== undefined, execution);
  const parts = pathParts(match[5] ?? '');
  const { session, engine } = execution;
  if (kind === 'SCHEMA') {
    const [name = '', database = session.database] = [...parts].reverse();
    await session.connection.run(
      `CREATE SCHEMA ${match[4] || match[1] ? 'IF NOT EXISTS ' : ''}${quote(database)}.${quote(name)}`,
    );
    session.schema = name;
    session.database = database;
    return statusResult(`Schema ${name} successfully created.`);
  }
  const name = parts[0] ?? '';
  if (!(await engine.catalog.databases()).includes(name)) await engine.createDatabase(name);
  else if (!match[4] && !match[1]) throw existingObject(name);
  session.database = name;
  session.schema = 'PUBLIC';
  return statusResult(`Database ${name} successfully created.`);
}
