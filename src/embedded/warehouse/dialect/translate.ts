/**
 * From one Snowflake statement to one DuckDB statement: names folded and checked as Snowflake does, functions and types
 * by `rules.ts`, the rest by polyglot's transpiler.
 */

import {
  type Bind,
  COMPILER_CODES,
  invalidIdentifier,
  missingObject,
  missingVariable,
  SnowflakeError,
  type SnowType,
  syntaxError,
  unsetBind,
} from '../../../protocol/index.js';
import { asBody, asList, asText, type Body, folded, identifierOf, isBody, nodeOf } from '../../../sql/index.js';
import type { Catalog, Relation } from '../engine/catalog.js';
import { fromTree, toDuck } from '../engine/column-types.js';
import { aliased, call, castNode, identifierNode, parse, textNode, toDuckSql, tokens } from '../syntax/parse.js';
import { applyRule, castTo, literalFor, namedArgument, type RuleContext } from './rules.js';

export interface Session {
  readonly user: string;
  readonly database: string;
  readonly schema: string;
  readonly values: ReadonlyMap<string, string>;
  readonly variables: ReadonlyMap<string, string | number | boolean>;
}

export interface Translated {
  readonly kind: string;
  readonly tree: Body;
  readonly sql: string;
  /** Positions of the bind variables that the text uses, in the order of DuckDB's `$1`, `$2`, … */
  readonly binds: readonly number[];
  /** Declared Snowflake types of result columns, where they are known better than from DuckDB. */
  readonly declared: readonly (SnowType | undefined)[];
  readonly relations: readonly Relation[];
}

/** Tables of INFORMATION_SCHEMA and ACCOUNT_USAGE, each a table macro in the `__SF__` database. */
const SYSTEM_VIEWS: Readonly<Record<string, string>> = {
  'INFORMATION_SCHEMA.TABLES': 'SF_IS_TABLES',
  'INFORMATION_SCHEMA.COLUMNS': 'SF_IS_COLUMNS',
  'INFORMATION_SCHEMA.VIEWS': 'SF_IS_VIEWS',
  'INFORMATION_SCHEMA.CHECK_CONSTRAINTS': 'SF_IS_CHECKS',
  'INFORMATION_SCHEMA.SCHEMATA': 'SF_IS_SCHEMATA',
  'INFORMATION_SCHEMA.DATABASES': 'SF_IS_DATABASES',
  'ACCOUNT_USAGE.QUERY_HISTORY': 'SF_QUERY_HISTORY',
};

const NULL_NODE = { null: null };

export const usesHistory = (sql: string): boolean => /QUERY_HISTORY/i.test(sql);

class Translator {
  readonly #session: Session;
  readonly #catalog: Catalog;
  readonly #binds: readonly Bind[];
  readonly #used: number[] = [];
  readonly #relations: Relation[] = [];
  readonly #aliases = new Set<string>();
  readonly #quotedColumns: string[] = [];
  #placeholders = 0;
  readonly #context: RuleContext;

  constructor(session: Session, catalog: Catalog, binds: readonly Bind[]) {
    this.#session = session;
    this.#catalog = catalog;
    this.#binds = binds;
    this.#context = {
      bind: (index) => this.#bind(index),
      variable: (name) => this.#variable(name),
      session: session.values,
    };
  }

  #bind(index: number | undefined): unknown {
    const position = index ?? ++this.#placeholders;
    const bind = this.#binds[position - 1];
    if (!bind) throw unsetBind(position);
    let slot = this.#used.indexOf(position);
    if (slot < 0) slot = this.#used.push(position) - 1;
    const marker = call(`SF_BIND_${slot + 1}`);
    switch (bind.type) {
      case 'FIXED':
        return castNode(marker, /[.eE]/.test(bind.value ?? '') ? 'DOUBLE' : 'BIGINT');
      case 'REAL':
        return castNode(marker, 'DOUBLE');
      case 'BOOLEAN':
        return castNode(marker, 'BOOLEAN');
      default:
        return castNode(marker, 'VARCHAR');
    }
  }

  #variable(name: string): unknown {
    const value = this.#session.variables.get(name.toUpperCase());
    if (value === undefined) throw missingVariable(name.toUpperCase());
    return literalFor(value);
  }

  /** The relation a table node names, folded; undefined for a name that a CTE defines. */
  #table(body: Body, ctes: ReadonlySet<string>): Body {
    const names = [body['catalog'], body['schema'], body['name']].map((part) => identifierOf(part));
    const [catalog, schema, name] = names;
    if (!name) return body;
    const identifierCall = nodeOf(body['identifier_func']);
    if (identifierCall) throw new SnowflakeError(COMPILER_CODES.unsupportedFeature, "Unsupported feature 'IDENTIFIER'");
    if (!schema && ctes.has(folded(name))) return body;
    const database = catalog ? folded(catalog) : this.#session.database;
    const schemaName = schema ? folded(schema) : this.#session.schema;
    const relation = this.#catalog.find(database, schemaName, folded(name));
    if (!relation) {
      const shown = [catalog, schema, name]
        .filter((part) => part !== undefined)
        .map(folded)
        .join('.');
      throw missingObject(shown);
    }
    this.#relations.push(relation);
    return {
      ...body,
      catalog: identifierNode(relation.database),
      schema: identifierNode(relation.schema),
      name: identifierNode(relation.name),
      alias: body['alias'] ?? (catalog || schema ? identifierNode(relation.name) : null),
    };
  }

  #systemView(body: Body): unknown {
    const [catalog, schema, name] = [body['catalog'], body['schema'], body['name']].map((part) => identifierOf(part));
    if (!schema || !name) return undefined;
    const macro = SYSTEM_VIEWS[`${folded(schema)}.${folded(name)}`];
    if (!macro) return undefined;
    const args = macro === 'SF_QUERY_HISTORY' ? [] : [textNode(catalog ? folded(catalog) : this.#session.database)];
    const alias = identifierOf(body['alias']);
    return aliased(call(macro, ...args), alias ? folded(alias) : folded(name));
  }

  walk(value: unknown, ctes: ReadonlySet<string>): unknown {
    if (Array.isArray(value)) return value.map((item) => this.walk(item, ctes));
    if (!isBody(value)) return value;
    const identifier = identifierOf(value);
    if (identifier && 'quoted' in value && !('args' in value)) {
      return { ...value, name: folded(identifier), quoted: true };
    }
    const node = nodeOf(value);
    if (!node) return this.#fields(value, ctes);
    // A node without fields stays as it is: the generator expects null there, not an empty record.
    if (value[node.kind] === null) return applyRule(node.kind, node.body, this.#context) ?? value;
    return this.#node(node.kind, node.body, ctes);
  }

  #fields(body: Body, ctes: ReadonlySet<string>): Body {
    const scope = this.#withScope(body, ctes);
    const out: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(body)) {
      if (key === 'span') continue;
      if (key === 'alias' && typeof item === 'string') out[key] = item.toUpperCase();
      else out[key] = this.walk(item, scope);
      if (key === 'alias' || key === 'column_aliases' || key === 'columns') this.#noteAliases(item);
    }
    return out;
  }

  #noteAliases(item: unknown): void {
    for (const part of Array.isArray(item) ? item : [item]) {
      const identifier = identifierOf(part);
      if (identifier) this.#aliases.add(folded(identifier));
      else if (typeof part === 'string') this.#aliases.add(part.toUpperCase());
    }
  }

  #withScope(body: Body, ctes: ReadonlySet<string>): ReadonlySet<string> {
    const clause = asBody(body['with']);
    const definitions = asList(clause['ctes']).map(asBody);
    if (definitions.length === 0) return ctes;
    const scope = new Set(ctes);
    for (const definition of definitions) {
      const name = identifierOf(definition['alias']);
      if (name) scope.add(folded(name));
    }
    return scope;
  }

  #node(kind: string, body: Body, ctes: ReadonlySet<string>): unknown {
    if (kind === 'table') {
      const system = this.#systemView(body);
      if (system) return system;
      const resolved = this.#table(body, ctes);
      const applied = applyRule(kind, body, this.#context);
      return applied ?? { table: this.#fields(resolved, ctes) };
    }
    if (kind === 'column') {
      const name = identifierOf(body['name']);
      if (name?.quoted) this.#quotedColumns.push(name.name);
      // `db.schema.table.column`: DuckDB wants the alias that the table got.
      const { catalog: _catalog, schema: _schema, ...rest } = body;
      return { column: this.#fields(rest, ctes) };
    }
    if (kind === 'function' && asText(body['name']).toUpperCase() === 'TABLE') {
      const inner = nodeOf(asList(body['args'])[0]);
      const called = (identifierOf(inner?.body['method'])?.name ?? asText(inner?.body['name'])).toUpperCase();
      if (/QUERY_HISTORY(?:_BY_SESSION|_BY_USER)?$/.test(called)) {
        const given = asList(inner?.body['args']);
        const [since, until, most] = ['END_TIME_RANGE_START', 'END_TIME_RANGE_END', 'RESULT_LIMIT'].map((name) =>
          this.walk(namedArgument(given, name) ?? NULL_NODE, ctes),
        );
        const user = called.endsWith('_BY_USER') ? textNode(this.#session.user) : NULL_NODE;
        return call('SF_HISTORY', user, since, until, most);
      }
    }
    const rewritten = this.#fields(body, ctes);
    const replaced = applyRule(kind, rewritten, this.#context);
    return replaced ?? { [kind]: rewritten };
  }

  /** Names of DML and DDL targets are untagged table records. */
  target(body: Body): Relation {
    const names = [body['catalog'], body['schema'], body['name']].map((part) => identifierOf(part));
    const [catalog, schema, name] = names;
    if (!name) throw syntaxError('unexpected target');
    const database = catalog ? folded(catalog) : this.#session.database;
    const schemaName = schema ? folded(schema) : this.#session.schema;
    const relation = this.#catalog.find(database, schemaName, folded(name));
    if (!relation)
      throw missingObject(
        [catalog, schema, name]
          .filter((part) => part !== undefined)
          .map(folded)
          .join('.'),
      );
    return relation;
  }

  /** Fails where a quoted column exists only in another case: DuckDB would take it. */
  checkQuotedColumns(): void {
    const known = new Set(this.#aliases);
    for (const relation of this.#relations) for (const column of relation.columns) known.add(column.name);
    for (const name of this.#quotedColumns) {
      if (known.has(name)) continue;
      const upper = name.toUpperCase();
      if ([...known].some((candidate) => candidate.toUpperCase() === upper)) throw invalidIdentifier(`"${name}"`);
    }
  }

  get used(): readonly number[] {
    return this.#used;
  }

  get relations(): readonly Relation[] {
    return this.#relations;
  }
}

const NO_CTES: ReadonlySet<string> = new Set();

const qualified = (body: Body, relation: Relation): Body => ({
  ...body,
  catalog: identifierNode(relation.database),
  schema: identifierNode(relation.schema),
  name: identifierNode(relation.name),
});

/** Text items of the outermost select list, as Snowflake names unaliased columns: the expression in upper case. */
function itemTexts(sql: string): string[] {
  const list = tokens(sql);
  let depth = 0;
  let at = 0;
  for (; at < list.length; at++) {
    const type = list[at]?.type;
    if (type === 'L_PAREN') depth++;
    else if (type === 'R_PAREN') depth--;
    else if (type === 'SELECT' && depth === 0) break;
  }
  at++;
  while (/^(?:DISTINCT|ALL)$/i.test(list[at]?.text ?? '')) at++;
  const out: string[] = [];
  let start = list[at]?.start ?? 0;
  let end = start;
  depth = 0;
  for (; at < list.length; at++) {
    const token = list[at];
    if (!token) break;
    if (/^(?:L_PAREN|L_BRACKET|L_BRACE)$/.test(token.type)) depth++;
    if (/^(?:R_PAREN|R_BRACKET|R_BRACE)$/.test(token.type)) depth--;
    if (depth < 0) break;
    if (
      depth === 0 &&
      /^(?:FROM|UNION|EXCEPT|MINUS|INTERSECT|WHERE|ORDER|LIMIT|GROUP|HAVING|QUALIFY|SEMICOLON|ORDER_BY|GROUP_BY)$/.test(
        token.type,
      )
    )
      break;
    if (depth === 0 && token.type === 'COMMA') {
      out.push(sql.slice(start, end));
      start = list[at + 1]?.start ?? end;
      continue;
    }
    end = token.end;
  }
  out.push(sql.slice(start, end));
  return out.map((text) => text.trim().replace(/\s+/g, ' ').toUpperCase());
}

function leftmostSelect(tree: unknown): { select: Body; put: (select: Body) => unknown } | undefined {
  const node = nodeOf(tree);
  if (!node) return undefined;
  if (node.kind === 'select') return { select: node.body, put: (select) => ({ select }) };
  if (node.kind === 'union' || node.kind === 'except' || node.kind === 'intersect') {
    const inner = leftmostSelect(node.body['left']);
    if (!inner) return undefined;
    return { select: inner.select, put: (select) => ({ [node.kind]: { ...node.body, left: inner.put(select) } }) };
  }
  return undefined;
}

/** Gives every unaliased expression of the outermost list Snowflake's name for it. */
function withOutputNames(tree: unknown, sql: string): unknown {
  const found = leftmostSelect(tree);
  if (!found) return tree;
  const items = asList(found.select['expressions']);
  const texts = itemTexts(sql);
  if (texts.length !== items.length) return tree;
  const named = items.map((item, index) => {
    const kind = nodeOf(item)?.kind ?? '';
    if (kind === 'alias' || kind === 'column' || kind === 'star' || /\*/.test(kind)) return item;
    return aliased(item, texts[index] ?? '');
  });
  return found.put({ ...found.select, expressions: named });
}

/** Declared types of the outermost columns, where they are plain columns, stars or casts. */
function declaredTypes(tree: unknown, relations: readonly Relation[]): (SnowType | undefined)[] {
  const found = leftmostSelect(tree);
  if (!found) return [];
  const from = asList(asBody(found.select['from'])['expressions']);
  const joins = asList(found.select['joins']);
  const simple = [...from, ...joins.map((join) => asBody(join)['this'])].every(
    (item) => nodeOf(item)?.kind === 'table',
  );
  const out: (SnowType | undefined)[] = [];
  for (const item of asList(found.select['expressions'])) {
    let node = nodeOf(item);
    if (node?.kind === 'alias') node = nodeOf(node.body['this']);
    if (node?.kind === 'star') {
      if (!simple || node.body['except'] || node.body['rename'] || asList(joins).length > 0) return [];
      for (const relation of relations) for (const column of relation.columns) out.push(column.type);
    } else if (node?.kind === 'column' && simple) {
      const name = identifierOf(node.body['name']);
      const matches = relations.flatMap((relation) =>
        relation.columns.filter((column) => name && column.name === folded(name)),
      );
      out.push(matches.length === 1 ? matches[0]?.type : undefined);
    } else if (node?.kind === 'cast') {
      out.push(fromTree(asBody(node.body['to'])));
    } else if (node?.kind === 'function' || node?.kind === 'array_func') {
      const name = node.kind === 'array_func' ? 'ARRAY_CONSTRUCT' : asText(node.body['name']).toUpperCase();
      out.push(RESULT_TYPES[name]);
    } else {
      out.push(undefined);
    }
  }
  return out;
}

const RESULT_TYPES: Readonly<Record<string, SnowType>> = {
  ARRAY_CONSTRUCT: { type: 'array' },
  SPLIT: { type: 'array' },
  OBJECT_KEYS: { type: 'array' },
  OBJECT_CONSTRUCT: { type: 'object' },
  OBJECT_AGG: { type: 'object' },
  OBJECT_INSERT: { type: 'object' },
  OBJECT_DELETE: { type: 'object' },
  TO_TIMESTAMP_TZ: { type: 'timestamp_tz', scale: 9 },
};

const castValues = (relation: Relation, columns: readonly unknown[], row: unknown): unknown =>
  asList(row).map((value, index) => {
    const named = identifierOf(columns[index]);
    const column = named
      ? relation.columns.find((candidate) => candidate.name === named.name)
      : columns.length === 0
        ? relation.columns[index]
        : undefined;
    const type = column?.type;
    if (!type || !/^(?:timestamp|date$|time$|variant$|object$|array$|binary$)/.test(type.type)) return value;
    return castTo(value, type);
  });

function insertTree(translator: Translator, body: Body): Body {
  const relation = translator.target(asBody(body['table']));
  const walked = asBody(asBody(translator.walk({ insert: { ...body, table: null } }, NO_CTES))['insert']);
  const columns = asList(walked['columns']);
  const values = asList(walked['values']).map((row) => castValues(relation, columns, row));
  return { insert: { ...walked, table: qualified(asBody(body['table']), relation), values } };
}

function targetTree(translator: Translator, kind: string, body: Body): Body {
  const table = asBody(body['table']);
  const relation = translator.target(table);
  const walked = asBody(asBody(translator.walk({ [kind]: { ...body, table: null } }, NO_CTES))[kind]);
  const alias = identifierOf(table['alias']);
  return {
    [kind]: {
      ...walked,
      table: { ...qualified(table, relation), alias: alias ? identifierNode(folded(alias)) : null },
    },
  };
}

/** The target stays a name, with or without another; sources and conditions are walked as ever. */
function mergeTree(translator: Translator, body: Body): Body {
  const node = nodeOf(body['this']);
  const named = node?.kind === 'alias' ? node.body : undefined;
  const table = asBody(asBody(named ? named['this'] : body['this'])['table']);
  const relation = translator.target(table);
  const walked = asBody(asBody(translator.walk({ merge: { ...body, this: null } }, NO_CTES))['merge']);
  const target = { table: qualified(table, relation) };
  const alias = identifierOf(named?.['alias']);
  return {
    merge: {
      ...walked,
      this: named ? { alias: { ...named, this: target, alias: alias ? identifierNode(folded(alias)) : null } } : target,
    },
  };
}

export const duckColumnType = (body: Body): { duck: string; declared: SnowType } => {
  const declared = fromTree(body);
  if (!declared) throw new SnowflakeError(COMPILER_CODES.unsupportedFeature, "Unsupported feature 'this column type'");
  return { duck: toDuck(declared), declared };
};

/** `SF_BIND_1()` in the generated text as DuckDB's `$1`; texts and quoted names stay. */
const bindMarkers = (sql: string): string =>
  sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|SF_BIND_(\d+)\(\)/g, (whole, slot: string | undefined) =>
    slot === undefined ? whole : `$${slot}`,
  );

/** `SF_OBJECT_OF_ROW(*)` as an object of all columns of the row, nulls left out. */
const rowObjects = (sql: string): string =>
  sql.replaceAll(/SF_OBJECT_OF_ROW\(\*\)/g, "json_merge_patch('{}', to_json(struct_pack(*COLUMNS(*))))");

const CACHE_SIZE = 500;
const cache = new Map<string, Translated>();

/**
 * Translates SELECT and DML; the same text in the same surroundings is translated once. Throws SnowflakeError.
 */
export function translate(sql: string, session: Session, catalog: Catalog, binds: readonly Bind[]): Translated {
  const key = JSON.stringify([
    sql,
    catalog.version,
    session.database,
    session.schema,
    [...session.values],
    [...session.variables],
    binds.map((bind) => [bind.type, /[.eE]/.test(bind.value ?? '')]),
  ]);
  const known = cache.get(key);
  if (known) return known;
  const translated = translateAnew(sql, session, catalog, binds);
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value ?? '');
  cache.set(key, translated);
  return translated;
}

function translateAnew(sql: string, session: Session, catalog: Catalog, binds: readonly Bind[]): Translated {
  const trees = parse(sql);
  const tree = asBody(trees[0]);
  const node = nodeOf(tree);
  if (!node || trees.length !== 1) throw syntaxError('unexpected end of statement');
  const translator = new Translator(session, catalog, binds);
  let out: unknown;
  switch (node.kind) {
    case 'insert':
      out = insertTree(translator, node.body);
      break;
    case 'update':
    case 'delete':
      out = targetTree(translator, node.kind, node.body);
      break;
    case 'merge':
      out = mergeTree(translator, node.body);
      break;
    default:
      out = translator.walk(withOutputNames(tree, sql), NO_CTES);
  }
  translator.checkQuotedColumns();
  return {
    kind: node.kind,
    tree,
    sql: rowObjects(bindMarkers(toDuckSql(out))),
    binds: translator.used,
    declared: declaredTypes(tree, translator.relations),
    relations: translator.relations,
  };
}
