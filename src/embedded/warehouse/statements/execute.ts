/** One statement of one session: which kind it is, and what answers it. */
import { setTimeout } from 'node:timers/promises';
import { type DuckDBConnection, type DuckDBPreparedStatement, type DuckDBValue, StatementType } from '@duckdb/node-api';
import {
  type Bind,
  type Cell,
  type Chunk,
  cancelled,
  emptyStatement,
  existingObject,
  invalidParameter,
  localResult,
  missingObject,
  numberColumn,
  type Result,
  type SnowType,
  STATEMENT_TYPE,
  statusResult,
  syntaxError,
  type WireColumn,
  wireColumn,
} from '../../../protocol/index.js';
import { asBody, asList, asText, folded, identifierOf } from '../../../sql/index.js';
import { type Session as DialectSession, duckColumnType, translate, usesHistory } from '../dialect/translate.js';
import type { Relation } from '../engine/catalog.js';
import { encoder } from '../engine/cells.js';
import { fromDuck } from '../engine/column-types.js';
import type { Engine } from '../engine/engine.js';
import { unsupported } from '../engine/errors.js';
import { parse, toDuckSql, tokens } from '../syntax/parse.js';
import type { Session } from './session.js';
import { describe, estimatedBytes, isSecure, pathParts, show, unquote } from './show.js';

export interface Limits {
  /** Rows that stand in the first answer; what follows goes into chunks. */
  readonly inlineRows: number;
  readonly chunkRows: number;
}

export interface Execution {
  readonly session: Session;
  readonly engine: Engine;
  readonly limits: Limits;
  readonly queryId: string;
  readonly describeOnly: boolean;
  readonly maxRows: number;
  readonly isCancelled: () => boolean;
  readonly setRunning: (running: boolean) => void;
  /** Brings the query history into its table. */
  readonly syncHistory: () => Promise<void>;
  readonly makeChunk: (index: number, rows: readonly string[]) => Promise<Chunk>;
}

const SUCCESS = 'Statement executed successfully.';
const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const qualified = (relation: Pick<Relation, 'database' | 'schema' | 'name'>): string =>
  [relation.database, relation.schema, relation.name].map(quote).join('.');

const bareTexts = new Map<string, string>();
const MAX_BARE_TEXTS = 500;

/** The text without comments, trailing semicolon and white space around. */
function bare(sql: string): string {
  const known = bareTexts.get(sql);
  if (known !== undefined) return known;
  const text = bareAnew(sql);
  if (bareTexts.size >= MAX_BARE_TEXTS) bareTexts.clear();
  bareTexts.set(sql, text);
  return text;
}

function bareAnew(sql: string): string {
  let out = '';
  let last = 0;
  for (const token of tokens(sql)) {
    if (token.type === 'SEMICOLON') continue;
    out += (token.start > last && out !== '' ? ' ' : '') + sql.slice(token.start, token.end);
    last = token.end;
  }
  return out.trim();
}

function dialectSession(session: Session): DialectSession {
  return {
    user: session.user,
    database: session.database,
    schema: session.schema,
    variables: session.variables,
    values: new Map([
      ['CURRENT_DATABASE', session.database],
      ['CURRENT_SCHEMA', session.schema],
      ['CURRENT_ROLE', session.role],
      ['CURRENT_WAREHOUSE', session.warehouse],
      ['CURRENT_USER', session.user],
      ['CURRENT_ACCOUNT', session.account.toUpperCase()],
      ['CURRENT_SESSION', String(session.id)],
      ['CURRENT_VERSION', '9.30.0 (snowfence embedded warehouse)'],
      ['CURRENT_REGION', 'EMBEDDED'],
      ['CURRENT_SECONDARY_ROLES', `{"roles":"","value":"${session.secondaryRoles}"}`],
    ]),
  };
}

const bindValue = (bind: Bind): DuckDBValue => {
  if (bind.value === null) return null;
  switch (bind.type) {
    case 'FIXED':
      return /[.eE]/.test(bind.value) ? Number(bind.value) : BigInt(bind.value);
    case 'REAL':
      return Number(bind.value);
    case 'BOOLEAN':
      return bind.value === 'true' || bind.value === '1';
    default:
      return bind.value;
  }
};

function use(rest: string, session: Session): Result {
  const match = /^(?:(ROLE|WAREHOUSE|DATABASE|SCHEMA|SECONDARY\s+ROLES)\s+)?(.+)$/is.exec(rest.trim());
  const kind = (match?.[1] ?? '').toUpperCase().replace(/\s+/g, ' ');
  const parts = pathParts(match?.[2] ?? '');
  const [first = '', second] = parts;
  if (kind === 'ROLE') session.role = first;
  else if (kind === 'WAREHOUSE') session.warehouse = first;
  else if (kind === 'SECONDARY ROLES') session.secondaryRoles = first;
  else if (kind === 'SCHEMA' && second === undefined) session.schema = first;
  else {
    session.database = first;
    session.schema = second ?? 'PUBLIC';
  }
  return statusResult(SUCCESS, STATEMENT_TYPE.command);
}

async function alterSession(rest: string, session: Session): Promise<Result> {
  const set = /^SET\s+(.+)$/is.exec(rest.trim());
  if (set) {
    const pairs = [...(set[1] ?? '').matchAll(/([\w$]+)\s*=\s*('(?:[^'\\]|''|\\.)*'|[\w.+-]+)/g)];
    if (pairs.length === 0) throw syntaxError('unexpected. ALTER SESSION SET needs NAME = VALUE');
    for (const [, name = '', raw = ''] of pairs) {
      const value = raw.startsWith("'") ? raw.slice(1, -1).replaceAll("''", "'") : raw;
      await setParameter(session, name, value);
    }
    return statusResult(SUCCESS, STATEMENT_TYPE.command);
  }
  const unset = /^UNSET\s+([\w$, ]+)$/is.exec(rest.trim());
  if (!unset) throw syntaxError('unexpected. ALTER SESSION takes SET or UNSET');
  for (const name of (unset[1] ?? '').split(',')) {
    session.parameters.unset(name.trim());
    if (/^TIMEZONE$/i.test(name.trim())) await setParameter(session, 'TIMEZONE', session.parameters.text('TIMEZONE'));
  }
  return statusResult(SUCCESS, STATEMENT_TYPE.command);
}

export async function setParameter(session: Session, name: string, value: unknown): Promise<void> {
  if (name.toUpperCase() === 'TIMEZONE') {
    try {
      await session.connection.run(`SET TimeZone = '${String(value).replaceAll("'", "''")}'`);
    } catch {
      throw invalidParameter(String(value), 'TIMEZONE');
    }
  }
  session.parameters.set(name, value);
}

function setVariable(rest: string, session: Session): Result {
  const match = /^([\w$]+)\s*=\s*('(?:[^']|'')*'|-?[\d.]+|TRUE|FALSE)$/is.exec(rest.trim());
  if (!match) throw unsupported('SET with an expression');
  const raw = match[2] ?? '';
  const value = raw.startsWith("'")
    ? raw.slice(1, -1).replaceAll("''", "'")
    : /^(?:true|false)$/i.test(raw)
      ? /^true$/i.test(raw)
      : Number(raw);
  session.variables.set((match[1] ?? '').toUpperCase(), value);
  return statusResult(SUCCESS, STATEMENT_TYPE.command);
}

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
  if (body['as_select']) {
    const position = tokens(sql).find((token) => /^(?:SELECT|WITH)$/.test(token.type))?.start ?? 0;
    const inner = translate(sql.slice(position), dialectSession(session), engine.catalog, []);
    await session.connection.run(`${head} AS ${inner.sql}`);
  } else {
    const columns = asList(body['columns']).map((column) => {
      const definition = asBody(column);
      const name = identifierOf(definition['name']);
      if (!name) throw syntaxError('unexpected column');
      const type = duckColumnType(asBody(definition['data_type']));
      declared.set(folded(name), type.declared);
      return `${quote(folded(name))} ${type.duck}${definition['nullable'] === false ? ' NOT NULL' : ''}${conditions(definition)}`;
    });
    const checks = asList(body['constraints']).map((constraint) => checkSql(asBody(constraint)['Check']));
    await session.connection.run(`${head} (${[...columns, ...checks.filter((text) => text !== '')].join(', ')})`);
  }
  await engine.catalog.declare(target, declared);
  if (body['temporary'] === true) session.temporary.add(qualified(target));
  return statusResult(`Table ${target.name} successfully created.`);
}

async function createView(sql: string, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const body = asBody(asBody(parse(sql)[0])['create_view']);
  const target = targetOf(body['name'], session);
  const position = tokens(sql).findIndex((token) => token.type === 'AS');
  const text = sql.slice(tokens(sql)[position]?.end ?? 0).trim();
  const inner = translate(text, dialectSession(session), engine.catalog, []);
  const columns = asList(body['columns'])
    .map((column) => identifierOf(asBody(column)['name']) ?? identifierOf(column))
    .filter((name) => name !== undefined)
    .map((name) => quote(folded(name)));
  const list = columns.length > 0 ? ` (${columns.join(', ')})` : '';
  await session.connection.run(
    `CREATE ${body['or_replace'] === true ? 'OR REPLACE ' : ''}VIEW ${qualified(target)}${list} AS ${inner.sql}`,
  );
  await engine.catalog.keepText(target, sql.replace(/;\s*$/, ''));
  return statusResult(`View ${target.name} successfully created.`);
}

async function drop(rest: string, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const match =
    /^(TABLE|VIEW|SCHEMA|DATABASE|STAGE|FILE FORMAT|SEQUENCE|FUNCTION|PROCEDURE)\s+(IF\s+EXISTS\s+)?(.+?)(?:\s+(?:CASCADE|RESTRICT))?$/is.exec(
      rest.trim(),
    );
  if (!match) throw unsupported('this form of DROP');
  const kind = (match[1] ?? '').toUpperCase();
  const parts = pathParts(match[3] ?? '');
  const [name = '', schema = session.schema, database = session.database] = [...parts].reverse();
  const gone = (): Result => {
    if (match[2]) return statusResult(`Drop statement executed successfully (${name} already dropped).`);
    throw missingObject(parts.join('.'));
  };
  if (kind === 'TABLE' || kind === 'VIEW') {
    const relation = engine.catalog.find(database, schema, name);
    if (relation?.kind !== kind.toLowerCase()) return gone();
    await session.connection.run(`DROP ${kind} ${qualified(relation)}`);
    await engine.catalog.forget(relation);
    return statusResult(`${name} successfully dropped.`);
  }
  if (kind === 'SCHEMA') {
    const [schemaName = '', databaseName = session.database] = [...parts].reverse();
    if (!engine.catalog.schemas().some((known) => known.database === databaseName && known.schema === schemaName))
      return gone();
    await session.connection.run(`DROP SCHEMA ${quote(databaseName)}.${quote(schemaName)} CASCADE`);
    return statusResult(`${schemaName} successfully dropped.`);
  }
  if (kind === 'DATABASE') {
    if (!(await engine.catalog.databases()).includes(name)) return gone();
    await session.connection.run(`DETACH ${quote(name)}`);
    return statusResult(`${name} successfully dropped.`);
  }
  if (match[2]) return gone();
  throw unsupported(`DROP ${kind}`);
}

async function create(sql: string, execution: Execution): Promise<Result> {
  const text = bare(sql);
  const match =
    /^CREATE\s+(OR\s+REPLACE\s+)?(?:(?:LOCAL|GLOBAL)\s+)?(?:TEMP|TEMPORARY|TRANSIENT|SECURE|RECURSIVE|VOLATILE)?\s*(TABLE|VIEW|SCHEMA|DATABASE)\s+(IF\s+NOT\s+EXISTS\s+)?([^\s(]+)/is.exec(
      text,
    );
  if (!match) throw unsupported(`CREATE ${text.split(/\s+/)[1] ?? ''}`);
  const kind = (match[2] ?? '').toUpperCase();
  if (kind === 'TABLE') return createTable(text, execution);
  if (kind === 'VIEW') return createView(text, execution);
  const parts = pathParts(match[4] ?? '');
  const { session, engine } = execution;
  if (kind === 'SCHEMA') {
    const [name = '', database = session.database] = [...parts].reverse();
    await session.connection.run(
      `CREATE SCHEMA ${match[3] || match[1] ? 'IF NOT EXISTS ' : ''}${quote(database)}.${quote(name)}`,
    );
    session.schema = name;
    session.database = database;
    return statusResult(`Schema ${name} successfully created.`);
  }
  const name = parts[0] ?? '';
  if (!(await engine.catalog.databases()).includes(name)) await engine.createDatabase(name);
  else if (!match[3] && !match[1]) throw existingObject(name);
  session.database = name;
  session.schema = 'PUBLIC';
  return statusResult(`Database ${name} successfully created.`);
}

async function truncate(rest: string, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const match = /^(?:TABLE\s+)?(IF\s+EXISTS\s+)?(.+)$/is.exec(rest.trim());
  const parts = pathParts(match?.[2] ?? '');
  const [name = '', schema = session.schema, database = session.database] = [...parts].reverse();
  const relation = engine.catalog.find(database, schema, name);
  if (!relation) {
    if (match?.[1]) return statusResult(SUCCESS);
    throw missingObject(parts.join('.'));
  }
  await session.connection.run(`DELETE FROM ${qualified(relation)}`);
  return statusResult(SUCCESS);
}

async function transaction(text: string, session: Session): Promise<Result> {
  const word = (text.split(/\s+/)[0] ?? '').toUpperCase();
  const begins = word === 'BEGIN' || word === 'START';
  if (begins !== session.inTransaction) {
    // Whatever DuckDB says to a COMMIT or ROLLBACK, its transaction is over.
    if (!begins) session.inTransaction = false;
    await session.connection.run(begins ? 'BEGIN TRANSACTION' : word);
    session.inTransaction = begins;
  }
  return statusResult(SUCCESS, STATEMENT_TYPE.transaction);
}

const MILLISECONDS: Readonly<Record<string, number>> = {
  DAYS: 86_400_000,
  HOURS: 3_600_000,
  MINUTES: 60_000,
  SECONDS: 1000,
  MILLISECONDS: 1,
  MICROSECONDS: 1e-3,
  NANOSECONDS: 1e-6,
};

/** `CALL SYSTEM$WAIT(amount [, 'unit'])`, which looks for a cancellation now and then (sql-reference/functions/system_wait). */
async function wait(rest: string, execution: Execution): Promise<Result> {
  const match = /^SYSTEM\$WAIT\s*\(\s*(\d{1,9})\s*(?:,\s*'(\w+)'\s*)?\)$/i.exec(rest);
  if (!match) throw unsupported('CALL');
  const unit = (match[2] ?? 'SECONDS').toUpperCase();
  const length = MILLISECONDS[unit];
  if (length === undefined) throw unsupported(`SYSTEM$WAIT with ${unit}`);
  const until = Date.now() + Number(match[1]) * length;
  while (Date.now() < until) {
    if (execution.isCancelled()) throw cancelled();
    await setTimeout(Math.min(50, until - Date.now()));
  }
  return localResult(['SYSTEM$WAIT'], [[`waited ${match[1] ?? ''} ${unit.toLowerCase()}`]], STATEMENT_TYPE.select);
}

/** `GET_DDL('view', 'A.B.C')`: the text that made the view. */
function getDdl(kind: string, name: string, execution: Execution): Result {
  const { session, engine } = execution;
  const [object = '', schema = session.schema, database = session.database] = pathParts(name).reverse();
  const relation = engine.catalog.find(database, schema, object);
  if (!relation || (kind.toUpperCase() === 'VIEW' && relation.kind !== 'view')) throw missingObject(name.toUpperCase());
  if (relation.kind === 'view')
    return localResult(
      [`GET_DDL('${kind.toUpperCase()}', '${name.toUpperCase()}')`],
      [[`${relation.text};`]],
      STATEMENT_TYPE.select,
    );
  throw unsupported('GET_DDL of tables');
}

/** Every scan in DuckDB's own plan, so that what it names is what the engine would read, views opened. */
function scansOf(plan: unknown, out: Set<string>): void {
  for (const step of asList(plan)) {
    const body = asBody(step);
    const table = asText(asBody(body['extra_info'])['Table']);
    if (table) out.add(table);
    scansOf(body['children'], out);
  }
}

async function explain(rest: string, binds: readonly Bind[], execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const match = /^(?:USING\s+(TABULAR|JSON|TEXT)\s+)?(.+)$/is.exec(rest.trim());
  const format = (match?.[1] ?? 'TABULAR').toUpperCase();
  const translated = translate(match?.[2] ?? '', dialectSession(session), engine.catalog, binds);
  const values = translated.binds.map((position) => bindValue(binds[position - 1] ?? { type: 'TEXT', value: null }));
  const planned = await session.connection.runAndReadAll(`EXPLAIN (FORMAT JSON) ${translated.sql}`, values);
  const scans = new Set<string>();
  scansOf(JSON.parse(String(planned.getRowsJS()[0]?.[1] ?? '[]')), scans);
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
          objects: [`${relation.database}.${relation.schema}.${relation.name}`],
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
        `${relation.database}.${relation.schema}.${relation.name}`,
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

/** DuckDB renames equal names of one result to `X_1`; Snowflake repeats them. */
function originalNames(names: readonly string[], known: ReadonlySet<string>): string[] {
  return names.map((name, index) => {
    const match = /^(.*?)(?:_\d+)$/.exec(name);
    const base = match?.[1];
    return base !== undefined && names.slice(0, index).includes(base) && !known.has(name) ? base : name;
  });
}

interface Prepared {
  readonly version: number;
  readonly byText: Map<string, DuckDBPreparedStatement>;
}

const prepared = new WeakMap<DuckDBConnection, Prepared>();
const MAX_PREPARED = 32;

/**
 * Prepared once per connection for as long as no table changes its shape, and anew in another zone, which DuckDB has worked into what
 * it prepared. A session's statements run one after another.
 */
async function preparedFor(
  connection: DuckDBConnection,
  version: number,
  zone: string,
  text: string,
): Promise<DuckDBPreparedStatement> {
  const held = prepared.get(connection);
  const isCurrent = held?.version === version;
  if (held && !isCurrent) for (const old of held.byText.values()) old.destroySync();
  const { byText } = isCurrent ? held : { byText: new Map<string, DuckDBPreparedStatement>() };
  if (!isCurrent) prepared.set(connection, { version, byText });
  const key = `${zone}\n${text}`;
  const known = byText.get(key);
  if (known) return known;
  const made = await connection.prepare(text);
  const oldest = byText.keys().next().value;
  if (byText.size >= MAX_PREPARED && oldest !== undefined) {
    byText.get(oldest)?.destroySync();
    byText.delete(oldest);
  }
  byText.set(key, made);
  return made;
}

async function run(sql: string, binds: readonly Bind[], execution: Execution): Promise<Result> {
  const { session, engine, limits } = execution;
  const { connection } = session;
  const translated = translate(sql, dialectSession(session), engine.catalog, binds);
  if (usesHistory(sql)) await execution.syncHistory();
  if (/INFORMATION_SCHEMA/i.test(sql)) await engine.catalog.publish();
  const values = translated.binds.map((position) => bindValue(binds[position - 1] ?? { type: 'TEXT', value: null }));
  // A name that the statement itself spells out is no invention of DuckDB's.
  const known = new Set([
    ...translated.relations.flatMap((relation) => relation.columns.map((column) => column.name)),
    ...[...sql.matchAll(/"((?:[^"]|"")+)"|[\w$]+/g)].map((match) => match[1] ?? match[0].toUpperCase()),
  ]);
  const columnsFrom = (names: readonly string[], types: readonly Parameters<typeof fromDuck>[0][]): WireColumn[] =>
    originalNames(names, known).map((name, index) => {
      const type = types[index];
      return wireColumn(name, translated.declared[index] ?? (type ? fromDuck(type) : { type: 'text' }));
    });
  if (execution.describeOnly) {
    const prepared = await connection.prepare(translated.sql);
    const names = Array.from({ length: prepared.columnCount }, (_, index) => prepared.columnName(index));
    const columns = columnsFrom(
      names,
      names.map((_, index) => prepared.columnType(index)),
    );
    prepared.destroySync();
    return { columns, rows: [], chunks: [], total: 0, statementType: STATEMENT_TYPE.select };
  }
  execution.setRunning(true);
  try {
    const zone = session.parameters.text('TIMEZONE');
    const prepared = await preparedFor(connection, engine.catalog.version, zone, translated.sql);
    if (values.length > 0) prepared.bind(values);
    const result = await prepared.stream();
    const types = result.columnTypes();
    const columns = columnsFrom(result.columnNames(), types);
    const encoders = types.map((type, index) => {
      const column = columns[index];
      const shown = column ? { type: column.type, scale: column.scale ?? undefined } : fromDuck(type);
      return encoder(shown, type.alias === 'JSON' || type.toString() === 'VARCHAR', zone);
    });
    const rows: Cell[][] = [];
    const chunks: Chunk[] = [];
    let pending: string[] = [];
    let total = 0;
    let done = false;
    while (!done) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) break;
      if (execution.isCancelled()) throw cancelled();
      const vectors = types.map((_, index) => chunk.getColumnValues(index));
      for (let row = 0; row < chunk.rowCount; row++) {
        if (execution.maxRows > 0 && total >= execution.maxRows) {
          done = true;
          break;
        }
        const cells = encoders.map((encode, index) => encode(vectors[index]?.[row] ?? null));
        if (total < limits.inlineRows) rows.push(cells);
        else {
          pending.push(JSON.stringify(cells));
          if (pending.length >= limits.chunkRows) {
            chunks.push(await execution.makeChunk(chunks.length, pending));
            pending = [];
          }
        }
        total++;
      }
    }
    if (pending.length > 0) chunks.push(await execution.makeChunk(chunks.length, pending));
    return (
      changeCount(result.statementType, rows, sql) ?? {
        columns,
        rows,
        chunks,
        total,
        statementType: STATEMENT_TYPE.select,
      }
    );
  } finally {
    execution.setRunning(false);
  }
}

/** What a MERGE's branches do (documentation page sql/merge): DuckDB gives their sum alone, which stands under the first of them. */
function mergeLabels(sql: string): string[] {
  const words = new Set(tokens(sql).map((token) => sql.slice(token.start, token.end).toUpperCase()));
  return (['INSERT', 'UPDATE', 'DELETE'] as const)
    .filter((word) => words.has(word))
    .map((word) => `number of rows ${{ INSERT: 'inserted', UPDATE: 'updated', DELETE: 'deleted' }[word]}`);
}

/** DML answers counts under the labels that Snowflake uses and the driver adds up. */
function changeCount(type: StatementType, rows: readonly (readonly Cell[])[], sql: string): Result | undefined {
  const count = rows[0]?.[0] ?? '0';
  const answer = (labels: readonly string[], statementType: number): Result => ({
    columns: labels.map(numberColumn),
    rows: [labels.map((_, index) => (index === 0 ? count : '0'))],
    chunks: [],
    total: 1,
    statementType,
  });
  switch (type) {
    case StatementType.INSERT:
      return answer(['number of rows inserted'], STATEMENT_TYPE.insert);
    case StatementType.UPDATE:
      return answer(['number of rows updated', 'number of multi-joined rows updated'], STATEMENT_TYPE.update);
    case StatementType.DELETE:
      return answer(['number of rows deleted'], STATEMENT_TYPE.delete);
    case StatementType.MERGE_INTO:
      return answer(mergeLabels(sql), STATEMENT_TYPE.merge);
    default:
      return undefined;
  }
}

/** An INSERT with array binds runs once for each row of them, all or none. */
async function runMany(sql: string, binds: readonly (readonly Bind[])[], execution: Execution): Promise<Result> {
  const { connection } = execution.session;
  const own = !execution.session.inTransaction;
  if (own) await connection.run('BEGIN TRANSACTION');
  try {
    let count = 0;
    for (const row of binds) {
      const result = await run(sql, row, execution);
      count += Number(result.rows[0]?.[0] ?? 0);
    }
    if (own) await connection.run('COMMIT');
    return {
      columns: [numberColumn('number of rows inserted')],
      rows: [[String(count)]],
      chunks: [],
      total: 1,
      statementType: STATEMENT_TYPE.insert,
    };
  } catch (error) {
    if (own) await connection.run('ROLLBACK');
    throw error;
  }
}

/** The statement's answer. Throws SnowflakeError, or DuckDB's error for the caller to translate. */
export async function execute(sql: string, binds: readonly (readonly Bind[])[], execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const text = bare(sql);
  if (text === '') throw emptyStatement();
  const match = /^(\w+)\s*(.*)$/s.exec(text);
  const word = (match?.[1] ?? '').toUpperCase();
  const rest = match?.[2] ?? '';
  const changed = async (result: Promise<Result>): Promise<Result> => {
    const answer = await result;
    await engine.catalog.refresh();
    return answer;
  };
  switch (word) {
    case 'USE':
      return use(rest, session);
    case 'SET':
      return setVariable(rest, session);
    case 'UNSET':
      session.variables.delete(unquote(rest.trim()));
      return statusResult(SUCCESS, STATEMENT_TYPE.command);
    case 'ALTER':
      if (/^SESSION\b/i.test(rest)) return alterSession(rest.replace(/^SESSION\s*/i, ''), session);
      throw unsupported('ALTER');
    case 'SHOW':
      return show(rest, session, engine.catalog);
    case 'DESC':
    case 'DESCRIBE':
      return describe(rest, session, engine.catalog);
    case 'CREATE':
      return changed(create(sql, execution));
    case 'DROP':
      return changed(drop(rest, execution));
    case 'TRUNCATE':
      return truncate(rest, execution);
    case 'BEGIN':
    case 'START':
    case 'COMMIT':
    case 'ROLLBACK':
      return transaction(text, session);
    case 'CALL':
      return wait(rest, execution);
    case 'EXPLAIN':
      return explain(rest, binds[0] ?? [], execution);
    case 'SELECT': {
      const ddl = /^GET_DDL\s*\(\s*'(\w+)'\s*,\s*'([^']+)'\s*\)$/i.exec(rest);
      if (ddl) return getDdl(ddl[1] ?? '', ddl[2] ?? '', execution);
      return run(sql, binds[0] ?? [], execution);
    }
    case 'WITH':
    case 'VALUES':
      return run(sql, binds[0] ?? [], execution);
    case 'INSERT':
      return binds.length > 1 ? runMany(text, binds, execution) : run(text, binds[0] ?? [], execution);
    case 'UPDATE':
    case 'DELETE':
    case 'MERGE':
      return run(text, binds[0] ?? [], execution);
    default:
      if (text.startsWith('(')) return run(sql, binds[0] ?? [], execution);
      if (/^(?:EXECUTE|COPY|PUT|GET|LIST|LS|REMOVE|RM|GRANT|REVOKE|UNDROP|COMMENT|DECLARE)$/.test(word))
        throw unsupported(word);
      throw syntaxError(`unexpected '${word}'.`);
  }
}
