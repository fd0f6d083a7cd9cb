/** SHOW, with the columns that Snowflake documents (sql-reference/sql/show-tables and its neighbours). */

import {
  type Cell,
  COMPILER_CODES,
  localResult,
  type Result,
  SnowflakeError,
  spellType,
} from '../../../protocol/index.js';
import { type Catalog, estimatedBytes, isSecure } from '../engine/catalog.js';
import { unsupported } from '../engine/errors.js';
import { isMaterialized } from '../engine/materialized.js';
import type { FullName } from '../engine/policies.js';
import type { Session } from './execution.js';
import { PATH, pathParts } from './names.js';
import { CREATED, MATERIALIZED_VIEW_COLUMNS, materializedView, POLICY_COLUMNS, policyRow } from './show-rows.js';

/** SHOW's LIKE: case-insensitive, `%` and `_`. */
function like(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true;
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('%', '.*')
    .replaceAll('_', '.');
  const regexp = new RegExp(`^${source}$`, 'is');
  return (name) => regexp.test(name);
}

const LITERAL = String.raw`'((?:[^'\\]|''|\\.)*)'`;

/** The clauses that each SHOW has (sql/show-objects, sql/show-views, sql/show-tables); of a name that stands in one none is looked for. */
const CLAUSES = new RegExp(
  `^(?:\\s+LIKE\\s+${LITERAL})?(.*?)(?:\\s+STARTS\\s+WITH\\s+${LITERAL})?(?:\\s+LIMIT\\s+(\\d+)(?:\\s+FROM\\s+${LITERAL})?)?\\s*$`,
  'is',
);

const unescaped = (text: string | undefined): string | undefined =>
  text?.replaceAll(/''|\\(.)/gs, (found, escaped: string | undefined) => escaped ?? found.slice(1));

/** No SHOW answers more. SHOW OBJECTS says nothing of it, the others fail where no LIMIT bounds them (sql/show-objects, sql/show-views, sql/show-schemas). */
const MOST_ROWS = 10_000;

interface Filter {
  /** By LIKE and STARTS WITH together; the latter takes case into account and no wildcards. */
  readonly matches: (name: string) => boolean;
  readonly limit: number;
  readonly isBounded: boolean;
  /** Only what follows the first name that begins so. */
  readonly after: string | undefined;
  /** What is left: IN and its scope. */
  readonly scope: string;
}

function filterOf(tail: string): Filter {
  const [, pattern, scope = '', start, limit, after] = CLAUSES.exec(tail) ?? [];
  const isLike = like(unescaped(pattern));
  const begins = unescaped(start) ?? '';
  return {
    matches: (name) => isLike(name) && name.startsWith(begins),
    isBounded: limit !== undefined,
    limit: Math.min(MOST_ROWS, limit === undefined ? MOST_ROWS : Number(limit)),
    after: unescaped(after),
    scope,
  };
}

interface Scope {
  readonly database: string | undefined;
  readonly schema: string | undefined;
  readonly table: string | undefined;
}

function scopeOf(rest: string, kind: string, session: Session): Scope {
  const match = new RegExp(`\\bIN\\s+(?:(ACCOUNT|DATABASE|SCHEMA|TABLE|VIEW)\\b\\s*)?(${PATH.source})?`, 'i').exec(
    rest,
  );
  const word = (match?.[1] ?? '').toUpperCase();
  const parts = match?.[2] ? pathParts(match[2]) : [];
  if (!match)
    return {
      database: session.database || undefined,
      schema: kind === 'SCHEMAS' ? undefined : session.schema,
      table: undefined,
    };
  if (word === 'ACCOUNT') return { database: undefined, schema: undefined, table: undefined };
  if (word === 'DATABASE') return { database: parts[0] ?? session.database, schema: undefined, table: undefined };
  if (word === 'TABLE' || word === 'VIEW' || (word === '' && kind === 'COLUMNS')) {
    const [table, schema, database] = [...parts].reverse();
    return { database: database ?? session.database, schema: schema ?? session.schema, table };
  }
  if (word === 'SCHEMA' || parts.length === 2) {
    const [schema, database] = [...parts].reverse();
    return { database: database ?? session.database, schema: schema ?? session.schema, table: undefined };
  }
  if (kind === 'SCHEMAS') return { database: parts[0], schema: undefined, table: undefined };
  return { database: session.database, schema: parts[0], table: undefined };
}

const within = (scope: Scope, relation: FullName & { readonly kind: string }): boolean =>
  (scope.database === undefined || relation.database === scope.database) &&
  (scope.schema === undefined || relation.schema === scope.schema) &&
  (scope.table === undefined || relation.name === scope.table);

/** In the order of the names, and from the first on that begins with the cursor, without that one (sql/show-objects). */
function following<Named extends FullName>(named: readonly Named[], after: string | undefined): readonly Named[] {
  const ordered = [...named].sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
  if (after === undefined) return ordered;
  const at = ordered.findIndex(({ name }) => name.startsWith(after));
  return at < 0 ? ordered.filter(({ name }) => name > after) : ordered.slice(at + 1);
}

/** Answers SHOW …; the argument is the text after SHOW. */
export async function show(rest: string, session: Session, catalog: Catalog): Promise<Result> {
  const match = /^(?:TERSE\s+)?(ROW\s+ACCESS\s+POLICIES|MASKING\s+POLICIES|MATERIALIZED\s+VIEWS|\w+)\b(.*)$/is.exec(
    rest.trim(),
  );
  const kind = (match?.[1] ?? '').toUpperCase().replaceAll(/\s+/g, ' ');
  const tail = match?.[2] ?? '';
  const {
    matches,
    limit,
    isBounded,
    after,
    scope: words,
  } = filterOf(kind === 'EXTERNAL' ? tail.replace(/^\s+TABLES\b/i, '') : tail);
  const scope = scopeOf(words, kind, session);
  const cut = (names: readonly string[], rows: Cell[][]): Result => {
    if (kind !== 'OBJECTS' && !isBounded && rows.length > MOST_ROWS)
      throw new SnowflakeError(
        COMPILER_CODES.tooManyShown,
        `The result set size exceeded the max number of rows(${MOST_ROWS}) supported for SHOW statements. Use LIMIT option to limit result set to a smaller number.`,
      );
    return localResult(names, rows.slice(0, limit));
  };
  const relations = catalog
    .relations()
    .filter((relation) => within(scope, relation) && catalog.mayKnow(session.role, relation));
  switch (kind) {
    case 'DATABASES':
      return cut(
        [
          'created_on',
          'name',
          'is_default',
          'is_current',
          'origin',
          'owner',
          'comment',
          'options',
          'retention_time',
          'kind',
        ],
        (await catalog.databases())
          .filter(matches)
          .map((name) => [
            CREATED,
            name,
            'N',
            name === session.database ? 'Y' : 'N',
            '',
            'SYSADMIN',
            '',
            '',
            '1',
            'STANDARD',
          ]),
      );
    case 'SCHEMAS':
      return cut(
        [
          'created_on',
          'name',
          'is_default',
          'is_current',
          'database_name',
          'owner',
          'comment',
          'options',
          'retention_time',
        ],
        catalog
          .schemas()
          .filter(
            ({ database, schema }) => (scope.database === undefined || database === scope.database) && matches(schema),
          )
          .sort((a, b) => (`${a.database}.${a.schema}` < `${b.database}.${b.schema}` ? -1 : 1))
          .map(({ database, schema }) => [
            CREATED,
            schema,
            'N',
            schema === session.schema ? 'Y' : 'N',
            database,
            'SYSADMIN',
            '',
            '',
            '1',
          ]),
      );
    case 'TABLES':
      return cut(
        [
          'created_on',
          'name',
          'database_name',
          'schema_name',
          'kind',
          'comment',
          'cluster_by',
          'rows',
          'bytes',
          'owner',
          'retention_time',
        ],
        relations
          .filter((relation) => relation.kind === 'table' && matches(relation.name))
          .map((t) => [
            CREATED,
            t.name,
            t.database,
            t.schema,
            'TABLE',
            t.comment,
            '',
            String(t.rows),
            String(estimatedBytes(t)),
            'SYSADMIN',
            '1',
          ]),
      );
    case 'EXTERNAL':
      // There are no files outside, so none of these tables either.
      if (!/^\s*TABLES\b/i.test(tail)) throw unsupported(`SHOW ${kind}`);
      return cut(['created_on', 'name', 'database_name', 'schema_name', 'owner', 'comment', 'location'], []);
    case 'VIEWS':
      return cut(
        [
          'created_on',
          'name',
          'reserved',
          'database_name',
          'schema_name',
          'owner',
          'comment',
          'text',
          'is_secure',
          'is_materialized',
        ],
        relations
          .filter((relation) => relation.kind === 'view' && matches(relation.name))
          .map((v) => [
            CREATED,
            v.name,
            '',
            v.database,
            v.schema,
            'SYSADMIN',
            v.comment,
            v.text,
            String(isSecure(v.text)),
            String(isMaterialized(v.text)),
          ]),
      );
    case 'MATERIALIZED VIEWS':
      return cut(
        MATERIALIZED_VIEW_COLUMNS,
        relations
          .filter((relation) => isMaterialized(relation.text) && matches(relation.name))
          .map((view) => materializedView(view, catalog)),
      );
    case 'ROW ACCESS POLICIES':
    case 'MASKING POLICIES':
      return cut(
        POLICY_COLUMNS,
        following(
          catalog.policies.all().filter((policy) => {
            const isKind = policy.kind === (kind === 'MASKING POLICIES' ? 'MASKING' : 'ROW ACCESS');
            return isKind && catalog.mayGovern(session.role) && within(scope, policy) && matches(policy.name);
          }),
          after,
        ).map(policyRow),
      );
    case 'OBJECTS':
      return cut(
        ['created_on', 'name', 'database_name', 'schema_name', 'kind', 'comment', 'rows', 'owner'],
        following(
          relations.filter((relation) => matches(relation.name)),
          after,
        ).map((r) => [
          CREATED,
          r.name,
          r.database,
          r.schema,
          r.kind.toUpperCase(),
          r.comment,
          String(r.rows),
          'SYSADMIN',
        ]),
      );
    case 'COLUMNS':
      return cut(
        [
          'table_name',
          'schema_name',
          'column_name',
          'data_type',
          'null?',
          'default',
          'kind',
          'expression',
          'comment',
          'database_name',
          'autoincrement',
        ],
        relations.flatMap((relation) =>
          relation.columns
            .filter((column) => matches(column.name))
            .map((column) => [
              relation.name,
              relation.schema,
              column.name,
              JSON.stringify({
                type: spellType(column.type).replace(/\(.*/, '').replace('VARCHAR', 'TEXT').replace('NUMBER', 'FIXED'),
                nullable: column.nullable,
              }),
              column.nullable ? 'true' : 'false',
              column.fallback ?? '',
              column.expression === null ? 'COLUMN' : 'VIRTUAL_COLUMN',
              column.expression ?? '',
              column.comment,
              relation.database,
              '',
            ]),
        ),
      );
    case 'WAREHOUSES':
      return cut(['name', 'state', 'type', 'size'], [[session.warehouse, 'STARTED', 'STANDARD', 'X-Small']]);
    case 'ROLES':
      return cut(['created_on', 'name', 'is_default', 'is_current'], [[CREATED, session.role, 'Y', 'Y']]);
    case 'PARAMETERS':
      return cut(
        ['key', 'value', 'default', 'level', 'description', 'type'],
        session.parameters
          .rows()
          .filter(([name]) => matches(name))
          .map(([name, value, fallback]) => [name, value, fallback, value === fallback ? '' : 'SESSION', '', 'STRING']),
      );
    case 'VARIABLES':
      return cut(
        ['session_id', 'name', 'value'],
        [...session.variables].map(([name, value]) => [String(session.id), name, String(value)]),
      );
    default:
      throw unsupported(`SHOW ${kind}`);
  }
}
