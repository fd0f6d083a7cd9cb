/** The walk over one statement's tree: names resolved and checked as Snowflake does, nodes rewritten by `rules.ts`. */
import {
  type Bind,
  COMPILER_CODES,
  invalidIdentifier,
  missingObject,
  missingVariable,
  SnowflakeError,
  syntaxError,
  unsetBind,
} from '../../../protocol/index.js';
import { asBody, asList, asText, type Body, folded, identifierOf, isBody, nodeOf } from '../../../sql/index.js';
import type { Catalog, Relation } from '../engine/catalog.js';
import { aliased, call, castNode, identifierNode, textNode } from '../syntax/nodes.js';
import { parse } from '../syntax/parse.js';
import { applyRule, literalFor, namedArgument, type RuleContext } from './rules.js';
import { checkDepth, type Owner, underPolicies } from './under-policies.js';

export interface DialectSession {
  readonly user: string;
  readonly database: string;
  readonly schema: string;
  readonly values: ReadonlyMap<string, string>;
  readonly variables: ReadonlyMap<string, string | number | boolean>;
  readonly weekStart: number;
  /** DEFAULT_NULL_ORDERING is FIRST (constructs/order-by). */
  readonly nullsLowest: boolean;
  /** For the query of a view, which is read by its text where policies hold: what is stored of it knows none. */
  readonly isOfView?: boolean;
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
const FROM = asBody(asBody(asBody(parse('SELECT 1 FROM T')[0])['select'])['from']);
const TABLE = asBody(asBody(asList(FROM['expressions'])[0])['table']);

export const NO_CTES: ReadonlySet<string> = new Set();

export class Translator {
  readonly #session: DialectSession;
  readonly #catalog: Catalog;
  readonly #binds: readonly Bind[];
  readonly #used: number[] = [];
  readonly #relations: Relation[] = [];
  readonly #aliases = new Set<string>();
  readonly #quotedColumns: string[] = [];
  readonly #behind: Relation[] = [];
  #placeholders = 0;
  readonly #context: RuleContext;
  readonly #owner: Owner;
  /** How many policies and views it stands in; in these it is their owner who reads. */
  readonly #depth: number;

  constructor(session: DialectSession, catalog: Catalog, binds: readonly Bind[], depth = 0) {
    checkDepth(depth);
    this.#depth = depth;
    this.#owner = {
      catalog,
      walk: (tree, home, current, what) => {
        const values = new Map([
          ...session.values,
          ['CURRENT_DATABASE', current.database],
          ['CURRENT_SCHEMA', current.schema],
        ]);
        const place = { database: home.database, schema: home.schema };
        const inner = new Translator({ ...session, ...place, values }, catalog, [], depth + 1);
        const walked = inner.walk(tree, NO_CTES);
        this.#behind.push(...inner.behind, ...(what === 'policy' ? inner.relations : []));
        return walked;
      },
    };
    this.#session = session;
    this.#catalog = catalog;
    this.#binds = binds;
    this.#context = {
      bind: (index) => this.#bind(index),
      variable: (name) => this.#variable(name),
      session: session.values,
      weekStart: session.weekStart,
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

  /** The relation a table node names, folded; none for a name that a CTE defines. */
  #table(body: Body, ctes: ReadonlySet<string>): { readonly body: Body; readonly relation?: Relation } {
    const names = [body['catalog'], body['schema'], body['name']].map((part) => identifierOf(part));
    const [catalog, schema, name] = names;
    if (!name) return { body };
    const identifierCall = nodeOf(body['identifier_func']);
    if (identifierCall) throw new SnowflakeError(COMPILER_CODES.unsupportedFeature, "Unsupported feature 'IDENTIFIER'");
    if (!schema && ctes.has(folded(name))) return { body };
    const database = catalog ? folded(catalog) : this.#session.database;
    const schemaName = schema ? folded(schema) : this.#session.schema;
    const relation = this.#mine(this.#catalog.find(database, schemaName, folded(name)));
    if (!relation) {
      const shown = [catalog, schema, name]
        .filter((part) => part !== undefined)
        .map(folded)
        .join('.');
      throw missingObject(shown);
    }
    this.#relations.push(relation);
    const named = {
      ...body,
      catalog: identifierNode(relation.database),
      schema: identifierNode(relation.schema),
      name: identifierNode(relation.name),
      alias: body['alias'] ?? (catalog || schema ? identifierNode(relation.name) : null),
    };
    return { body: named, relation };
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
      if (applied !== undefined) return applied;
      const table = this.#fields(resolved.body, ctes);
      const { relation } = resolved;
      const read = relation && !this.#session.isOfView ? underPolicies(relation, table, this.#owner) : undefined;
      return read ?? { table };
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

  /** What the role may not use is as good as not there. */
  #mine(relation: Relation | undefined): Relation | undefined {
    const role = this.#session.values.get('CURRENT_ROLE') ?? '';
    return relation && (this.#depth > 0 || this.#catalog.mayUse(role, relation)) ? relation : undefined;
  }

  /** Names of DML and DDL targets are untagged table records. */
  target(body: Body): Relation {
    const names = [body['catalog'], body['schema'], body['name']].map((part) => identifierOf(part));
    const [catalog, schema, name] = names;
    if (!name) throw syntaxError('unexpected target');
    const database = catalog ? folded(catalog) : this.#session.database;
    const schemaName = schema ? folded(schema) : this.#session.schema;
    const relation = this.#mine(this.#catalog.find(database, schemaName, folded(name)));
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

  /** The rows of a target that are there to be changed, by a name, each with what DuckDB finds it by; undefined where all of them are. */
  changeable(relation: Relation, alias: string): Body | undefined {
    const name = {
      catalog: identifierNode(relation.database),
      schema: identifierNode(relation.schema),
      name: identifierNode(relation.name),
      alias: identifierNode(alias),
    };
    return underPolicies(relation, { ...TABLE, ...name }, this.#owner, true);
  }

  /** What policies read, which no statement is told of. */
  get behind(): readonly Relation[] {
    return this.#behind;
  }

  get used(): readonly number[] {
    return this.#used;
  }

  get relations(): readonly Relation[] {
    return this.#relations;
  }
}
