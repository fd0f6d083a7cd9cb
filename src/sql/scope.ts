/**
 * Names resolved as Snowflake resolves them: CTEs before tables, a SELECT list's aliases after its sources, an inner query's
 * names before the outer one's (documentation pages constructs/with, sql/select, object-identifiers).
 *
 * The walk reads top to bottom: query, select, source, expression. What it finds goes into one `Findings`. A node kind
 * that it does not know is a Refusal.
 */
import type { Access, ColumnUsage, FunctionUse, Origin, OutputColumn, TableReference } from './analysis.js';
import { type Defaults, type ObjectName, objectKey, type RelationInfo, showObject } from './catalog.js';
import { isOperator, isWord } from './lex.js';
import { Refusal } from './refusal.js';
import { type ParsedStatement, positionOf } from './statement.js';
import { asBody, asList, asText, type Body, folded, type Identifier, identifierOf, nodeOf } from './tree.js';
import { dangerOf, EXPRESSION_KINDS, FUNCTION_KINDS, NAMED_FUNCTIONS, TABLE_FUNCTIONS } from './understood.js';

export interface TableUse {
  readonly object: ObjectName;
  readonly access: Access;
  readonly token: number;
}

export interface ColumnFinding extends Origin {
  readonly usage: ColumnUsage;
  readonly token: number;
}

export interface Findings {
  readonly tables: TableUse[];
  readonly columns: ColumnFinding[];
  readonly functions: FunctionUse[];
  readonly references: TableReference[];
  readonly longColumns: { object: ObjectName; from: number; to: number }[];
  readonly columnNames: Set<string>;
  hasStar: boolean;
}

interface Source {
  readonly alias: string | undefined;
  readonly object: ObjectName | undefined;
  /** undefined where the columns can't be known (a table function, a PIVOT). */
  readonly columns: readonly OutputColumn[] | undefined;
  /** Columns that a USING or NATURAL join has merged into those of the sources before it. */
  readonly shared?: ReadonlySet<string>;
}

interface Scope {
  readonly sources: Source[];
  readonly aliases: Map<string, readonly Origin[]>;
  readonly outer: Scope | undefined;
  readonly lambdaNames: ReadonlySet<string>;
}

/** What stands where no column can be meant. */
const NOWHERE: Scope = { sources: [], aliases: new Map(), outer: undefined, lambdaNames: new Set() };

type Ctes = ReadonlyMap<string, readonly OutputColumn[] | undefined>;

/** Words of messages that stand in every statement. */
const COMMON_WORDS = new Set([
  '',
  'A',
  'ANYTHING',
  'BUT',
  'FORM',
  'FROM',
  'HERE',
  'IN',
  'IS',
  'NOT',
  'OF',
  'QUERY',
  'SELECT',
  'TABLE',
  'THE',
  'THIS',
]);

/**
 * The fields that the walk looks into, for each form that it takes apart itself. A field that is not here and holds something makes
 * the statement not understood: what nobody looks at could hold a query.
 */
const FIELDS = {
  select:
    'expressions from joins where_clause group_by having qualify order_by limit offset fetch distinct distinct_on top with windows connect',
  table: 'name schema catalog alias column_aliases when changes table_sample',
  join: 'this on using kind use_inner_keyword use_outer_keyword nesting_group directed match_condition',
  subquery: 'this alias column_aliases order_by limit offset lateral modifiers_inside with',
  paren: 'this with order_by limit offset',
  star: 'table except replace rename',
  'set operation': 'left right all distinct order_by limit offset by_name with',
  values: 'expressions alias column_aliases with',
  with: 'ctes recursive',
  definition: 'this alias alias_first columns',
  lateral: 'this alias',
  'bracketed join': 'left joins',
  alias: 'this alias column_aliases',
  'window function': 'this over keep',
  lambda: 'parameters body parameter_types',
  'qualified call': 'this method args',
  'sampled table': 'this sample',
} as const satisfies Readonly<Record<string, string>>;

/** Marks and remarks of the parser: they hold no expression. */
const MARKS =
  /^(?:span|alias_explicit_as|alias_keyword|(?:leading|trailing|pre_alias|pre|post)?_?comments|operator_comments)$/;

const MATCH_KEYS = new Set([
  'this',
  'partition_by',
  'order_by',
  'measures',
  'rows',
  'after',
  'pattern',
  'define',
  'alias',
  'alias_explicit_as',
]);

/** A star over a star doubles its columns: without a bound some dozens of definitions would fill the memory. */
const MAX_COLUMNS = 10_000;
const MAX_USES = 200_000;

const SET_OPERATIONS = new Set(['union', 'except', 'intersect']);

const union = (parts: readonly (readonly Origin[])[]): Origin[] => {
  const seen = new Map<string, Origin>();
  for (const origin of parts.flat()) seen.set(`${objectKey(origin.object)}\u0000${origin.column}`, origin);
  return [...seen.values()];
};

export class Resolver {
  readonly #statement: ParsedStatement;
  readonly #relations: ReadonlyMap<string, RelationInfo>;
  readonly #defaults: Defaults;
  readonly findings: Findings = {
    tables: [],
    columns: [],
    functions: [],
    references: [],
    longColumns: [],
    columnNames: new Set(),
    hasStar: false,
  };

  /** `relations` may be empty: a first walk finds out which ones are named. */
  constructor(statement: ParsedStatement, relations: ReadonlyMap<string, RelationInfo>, defaults: Defaults) {
    this.#statement = statement;
    this.#relations = relations;
    this.#defaults = defaults;
  }

  #refuse(what: string, token: number | undefined, hint?: string): Refusal {
    return new Refusal(
      'NOT_UNDERSTOOD',
      what,
      positionOf(this.#statement, Math.max(0, token ?? this.#mentioned(what))),
      hint,
    );
  }

  /** Where the parser gives no place: the first token that the message names, or else the statement's beginning. */
  #mentioned(what: string): number {
    const words = new Set(what.toUpperCase().split(/[^A-Z_@$]+/));
    const [first = '', second = ''] = what.toUpperCase().split(' ');
    words.add(`${first}_${second}`);
    const names = [...words].filter((word) => !COMMON_WORDS.has(word));
    return Math.max(
      0,
      this.#statement.tokens.findIndex(({ text }) => names.includes(text.toUpperCase())),
    );
  }

  /** Refuses a form with a field that the walk does not look into. */
  #only(form: keyof typeof FIELDS, body: Body): void {
    const known = FIELDS[form].split(' ');
    const other = Object.keys(body).find((key) => isPresent(body[key]) && !known.includes(key) && !MARKS.test(key));
    if (other !== undefined)
      throw this.#refuse(`${other.replaceAll('_', ' ').toUpperCase()} of a ${form} is not understood.`, undefined);
  }

  #token(identifier: Identifier | undefined): number {
    const index = identifier && identifier.start >= 0 ? this.#statement.tokenAt(identifier.start) : undefined;
    return index ?? -1;
  }

  // --- queries

  /** Where RESAMPLE stands in the statement, every column of every table takes part in it. */
  resampled(): void {
    if (!this.#statement.isResampled) return;
    this.findings.hasStar = true;
    for (const { object } of [...this.findings.tables])
      for (const { name } of this.#relations.get(objectKey(object))?.columns ?? [])
        this.findings.columns.push({ object, column: name, usage: 'group', token: -1 });
  }

  query(value: unknown, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
    const node = nodeOf(value);
    if (!node) throw this.#refuse('A query is missing here.', undefined);
    const scope = this.#definitions(node.body, ctes, outer);
    if (node.kind === 'select') return this.#select(node.body, scope, outer);
    if (SET_OPERATIONS.has(node.kind)) {
      this.#only('set operation', node.body);
      return this.#setOperation(node.body, scope, outer);
    }
    if (node.kind === 'subquery' || node.kind === 'paren') {
      this.#only(node.kind, node.body);
      const columns = this.query(node.body['this'], scope, outer);
      this.#ordering(node.body, columns, scope, outer);
      return columns;
    }
    if (node.kind === 'values') {
      this.#only('values', node.body);
      return this.#values(node.body, scope, outer);
    }
    throw this.#refuse(`This form of query (${node.kind}) is not understood.`, undefined);
  }

  #definitions(body: Body, ctes: Ctes, outer: Scope | undefined): Ctes {
    const clause = asBody(body['with']);
    const definitions = asList(clause['ctes']).map(asBody);
    this.#only('with', clause);
    if (definitions.length === 0) return ctes;
    const scope = new Map(ctes);
    for (const definition of definitions) {
      this.#only('definition', definition);
      const name = identifierOf(definition['alias']);
      if (!name) throw this.#refuse('A definition in WITH has no name.', undefined);
      const names = asList(definition['columns']).map((column) => identifierOf(column));
      const isUnion = SET_OPERATIONS.has(nodeOf(definition['this'])?.kind ?? '');
      if (isUnion) {
        // RECURSIVE is optional (constructs/with): a set operation may read itself.
        this.#refuseShadowedRecursion(name);
        scope.set(folded(name), undefined);
      }
      const columns = this.query(definition['this'], scope, outer);
      scope.set(
        folded(name),
        names.length > 0
          ? columns.map((column, index) => ({ ...column, name: names[index] ? folded(names[index]) : undefined }))
          : columns,
      );
    }
    return scope;
  }

  /** Where a table has the name of a recursive CTE, which of the two an inner mention means could be read in two ways. */
  #refuseShadowedRecursion(name: Identifier): void {
    const { database, schema } = this.#defaults;
    if (database === undefined || schema === undefined) return;
    if (this.#relations.has(objectKey({ database, schema, name: folded(name) })))
      throw this.#refuse(
        `${folded(name)} names a table as well as this definition.`,
        this.#token(name),
        'Give the definition another name.',
      );
  }

  #setOperation(body: Body, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
    const left = this.query(body['left'], ctes, outer);
    const right = this.query(body['right'], ctes, outer);
    const columns = left.map((column, index) => ({
      name: column.name,
      origins: union([column.origins, right[index]?.origins ?? []]),
    }));
    this.#ordering(body, columns, ctes, outer);
    return columns;
  }

  /** ORDER BY and LIMIT of a set operation or a bracketed query see its output columns. */
  #ordering(body: Body, columns: readonly OutputColumn[], ctes: Ctes, outer: Scope | undefined): void {
    const scope: Scope = {
      sources: [{ alias: undefined, object: undefined, columns }],
      aliases: new Map(),
      outer,
      lambdaNames: new Set(),
    };
    this.#positional(body['order_by'], columns, scope, ctes, 'order');
    for (const key of ['limit', 'offset']) this.#expression(body[key], scope, ctes, 'argument');
  }

  #values(body: Body, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
    const scope: Scope = { sources: [], aliases: new Map(), outer, lambdaNames: new Set() };
    const rows = asList(body['expressions']).map((row) => asList(asBody(row)['expressions']));
    const width = rows[0]?.length ?? 0;
    const names = asList(body['column_aliases']).map((name) => identifierOf(name));
    for (const row of rows) for (const item of row) this.#expression(item, scope, ctes, 'projected');
    return Array.from({ length: width }, (_, index) => ({
      name: names[index] ? folded(names[index]) : `COLUMN${index + 1}`,
      origins: [],
    }));
  }

  #select(body: Body, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
    for (const key of ['lateral_views', 'into', 'hint', 'distribute_by', 'cluster_by', 'sort_by', 'locks', 'sample'])
      if (isPresent(body[key]))
        throw this.#refuse(
          key === 'locks' ? 'FOR UPDATE locks rows.' : `${key.toUpperCase().replace('_', ' ')} is not understood here.`,
          key === 'locks' ? this.#statement.tokens.findLastIndex((token) => isWord(token, 'FOR')) : undefined,
        );
    this.#only('select', body);
    const scope: Scope = { sources: [], aliases: new Map(), outer, lambdaNames: new Set() };
    for (const item of asList(asBody(body['from'])['expressions'])) scope.sources.push(this.#source(item, scope, ctes));
    for (const join of asList(body['joins']).map(asBody)) this.#join(join, scope, ctes);
    const outputs: OutputColumn[] = [];
    for (const item of asList(body['expressions'])) {
      for (const output of this.#item(item, scope, ctes)) outputs.push(output);
      this.#bound(outputs);
    }
    this.#expression(body['where_clause'], scope, ctes, 'predicate');
    this.#expression(body['connect'], scope, ctes, 'predicate');
    this.#positional(body['group_by'], outputs, scope, ctes, 'group');
    this.#expression(body['having'], scope, ctes, 'predicate');
    this.#expression(body['qualify'], scope, ctes, 'predicate');
    this.#expression(body['windows'], scope, ctes, 'window');
    this.#positional(body['order_by'], outputs, scope, ctes, 'order');
    this.#expression(body['distinct_on'], scope, ctes, 'group');
    for (const key of ['limit', 'offset', 'fetch', 'top']) this.#expression(body[key], scope, ctes, 'argument');
    return outputs;
  }

  #bound(outputs: readonly OutputColumn[]): void {
    if (outputs.length > MAX_COLUMNS) throw this.#refuse(`The statement has more than ${MAX_COLUMNS} columns.`, 0);
    if (this.findings.columns.length > MAX_USES)
      throw this.#refuse(`The statement uses columns more than ${MAX_USES} times.`, 0);
  }

  /** GROUP BY and ORDER BY take positions and ALL besides expressions (constructs/group-by, constructs/order-by). */
  #positional(
    clause: unknown,
    outputs: readonly OutputColumn[],
    scope: Scope,
    ctes: Ctes,
    usage: 'group' | 'order',
  ): void {
    const use = (output: OutputColumn | undefined): void => {
      for (const origin of output?.origins ?? []) this.findings.columns.push({ ...origin, usage, token: -1 });
    };
    const body = asBody(clause);
    if (body['all'] === true) for (const output of outputs) use(output);
    for (const item of asList(body['expressions'])) {
      const node = nodeOf(asBody(item)['this'] ?? item);
      const position = node?.kind === 'literal' ? Number(node.body['value']) : Number.NaN;
      const column =
        node?.kind === 'column' && !isPresent(node.body['table']) ? identifierOf(node.body['name']) : undefined;
      if (Number.isInteger(position)) use(outputs[position - 1]);
      else if (usage === 'order' && column && !column.quoted && folded(column) === 'ALL')
        for (const output of outputs) use(output);
      else this.#expression(item, scope, ctes, usage);
    }
    this.#expression({ ...body, all: null, expressions: [] }, scope, ctes, usage);
  }

  /** One entry of a SELECT list: a star stands for many columns, everything else for one. */
  #item(item: unknown, scope: Scope, ctes: Ctes): readonly OutputColumn[] {
    const node = nodeOf(item);
    if (node?.kind === 'star') return this.#star(node.body, scope, ctes);
    if (node?.kind === 'alias') {
      const name = identifierOf(node.body['alias']);
      const origins = this.#expression(node.body['this'], scope, ctes, 'projected');
      if (name) scope.aliases.set(folded(name), origins);
      return [{ name: name ? folded(name) : undefined, origins }];
    }
    const origins = this.#expression(item, scope, ctes, 'projected');
    const column = node?.kind === 'column' ? identifierOf(node.body['name']) : undefined;
    return [{ name: column ? folded(column) : undefined, origins }];
  }

  #star(body: Body, scope: Scope, ctes: Ctes): readonly OutputColumn[] {
    this.#only('star', body);
    this.findings.hasStar = true;
    const qualifier = identifierOf(body['table']);
    const excluded = new Set(
      asList(body['except'])
        .map((name) => identifierOf(name))
        .map((name) => (name ? folded(name) : '')),
    );
    const renamed = new Map(
      asList(body['rename']).map((pair) => {
        const [from, to] = asList(pair).map((name) => identifierOf(name));
        return [from ? folded(from) : '', to ? folded(to) : ''];
      }),
    );
    this.#expression(body['replace'], scope, ctes, 'projected');
    const sources = qualifier ? scope.sources.filter((source) => source.alias === folded(qualifier)) : scope.sources;
    if (qualifier && sources.length === 0)
      throw this.#refuse(`There is no ${qualifier.name} in FROM.`, this.#token(qualifier));
    const outputs: OutputColumn[] = [];
    for (const source of sources) {
      for (const column of source.columns ?? []) {
        if (column.name !== undefined && excluded.has(column.name)) continue;
        const isMerged = qualifier === undefined && column.name !== undefined && source.shared?.has(column.name);
        const merged = isMerged ? outputs.findIndex((output) => output.name === column.name) : -1;
        if (merged >= 0) {
          // What stands there may come from either side.
          const first = outputs[merged]?.origins ?? [];
          outputs[merged] = { name: column.name, origins: union([first, column.origins]) };
          for (const origin of column.origins) this.findings.columns.push({ ...origin, usage: 'star', token: -1 });
          continue;
        }
        for (const origin of column.origins)
          this.findings.columns.push({ ...origin, usage: 'star', token: this.#token(qualifier) });
        outputs.push({
          ...column,
          name: column.name === undefined ? undefined : (renamed.get(column.name) ?? column.name),
        });
      }
      if (source.columns === undefined) outputs.push({ name: undefined, origins: [] });
      this.#bound(outputs);
    }
    return outputs;
  }

  // --- sources

  #join(join: Body, scope: Scope, ctes: Ctes): void {
    this.#only('join', join);
    const source = this.#source(join['this'], scope, ctes);
    const kind = asText(join['kind']);
    const isNatural = kind.includes('Natural');
    const shared = new Set(
      asList(join['using'])
        .map((name) => identifierOf(name))
        .map((name) => (name ? folded(name) : '')),
    );
    if (isNatural) for (const column of source.columns ?? []) if (column.name !== undefined) shared.add(column.name);
    for (const side of [...scope.sources, source])
      for (const column of side.columns ?? []) {
        if (column.name === undefined || !shared.has(column.name)) continue;
        this.findings.columnNames.add(column.name);
        for (const origin of column.origins) this.findings.columns.push({ ...origin, usage: 'join', token: -1 });
      }
    for (const name of shared) this.findings.columnNames.add(name);
    if (isNatural) this.findings.hasStar = true;
    // A star shows the shared columns once.
    scope.sources.push({ ...source, shared });
    this.#expression(join['on'], scope, ctes, 'join');
    this.#expression(join['match_condition'], scope, ctes, 'join');
  }

  #source(item: unknown, scope: Scope, ctes: Ctes): Source {
    const node = nodeOf(item);
    if (!node) throw this.#refuse('A table is missing in FROM.', undefined);
    switch (node.kind) {
      case 'table':
        return this.#table(node.body, ctes, false);
      case 'subquery':
        return this.#subquery(node.body, scope, ctes);
      case 'values':
        return { alias: aliasOf(node.body), object: undefined, columns: this.#values(node.body, ctes, scope) };
      case 'pivot':
      case 'unpivot':
        return this.#pivot(node.body, scope, ctes);
      case 'alias': {
        this.#only('alias', node.body);
        const inner = this.#source(node.body['this'], scope, ctes);
        const columns = renameColumns(inner.columns, asList(node.body['column_aliases']));
        return { ...inner, alias: aliasOf(node.body), columns };
      }
      case 'lateral': {
        this.#only('lateral', node.body);
        const alias = asText(node.body['alias']);
        const origins = this.#tableFunction(node.body['this'], scope, ctes);
        return this.#functionSource(alias ? this.#foldAlias(alias) : undefined, origins);
      }
      case 'function':
        return this.#functionSource(undefined, this.#tableFunction(item, scope, ctes));
      case 'paren':
        this.#only('paren', node.body);
        return this.#source(node.body['this'], scope, ctes);
      case 'table_sample':
        this.#only('sampled table', node.body);
        this.#expression(node.body['sample'], NOWHERE, ctes, 'argument');
        return this.#source(node.body['this'], scope, ctes);
      case 'match_recognize':
        return this.#matchRecognize(node.body, scope, ctes);
      case 'joined_table': {
        this.#only('bracketed join', node.body);
        const left = this.#source(node.body['left'], scope, ctes);
        const inner: Scope = { sources: [left], aliases: new Map(), outer: scope, lambdaNames: new Set() };
        for (const join of asList(node.body['joins']).map(asBody)) this.#join(join, inner, ctes);
        for (const source of inner.sources.slice(0, -1)) scope.sources.push(source);
        return inner.sources.at(-1) ?? left;
      }
      default:
        throw this.#refuse(
          `${node.kind.replaceAll('_', ' ')} in FROM is not understood.`,
          undefined,
          'Name tables and views, or sub-queries over them.',
        );
    }
  }

  /** polyglot gives a LATERAL's alias as bare text; whether it was quoted shows in the tokens. */
  #foldAlias(alias: string): string {
    const isQuoted = this.#statement.tokens.some(
      (token) => token.kind === 'quoted' && token.text === `"${alias.replaceAll('"', '""')}"`,
    );
    return isQuoted ? alias : alias.toUpperCase();
  }

  #subquery(body: Body, scope: Scope, ctes: Ctes): Source {
    this.#only('subquery', body);
    const visible = body['lateral'] === true ? scope : scope.outer;
    const columns = this.query(body['this'], ctes, visible);
    this.#ordering(body, columns, ctes, visible);
    return { alias: aliasOf(body), object: undefined, columns: renameColumns(columns, asList(body['column_aliases'])) };
  }

  #pivot(body: Body, scope: Scope, ctes: Ctes): Source {
    const inner = nodeOf(body['this']);
    const source =
      inner?.kind === 'table' ? this.#table(inner.body, ctes, true) : this.#source(body['this'], scope, ctes);
    const own: Scope = { sources: [source], aliases: new Map(), outer: scope, lambdaNames: new Set() };
    // Every column of the source takes part: those that are not named group the rows.
    this.findings.hasStar = true;
    for (const column of source.columns ?? [])
      for (const origin of column.origins) this.findings.columns.push({ ...origin, usage: 'group', token: -1 });
    for (const [key, value] of Object.entries(body)) {
      if (key === 'this' || key === 'alias' || key === 'value_column' || key === 'name_column') continue;
      this.#expression(value, own, ctes, 'group');
    }
    const origins = union((source.columns ?? []).map((column) => column.origins));
    return {
      alias: aliasOf(body) ?? source.alias,
      object: undefined,
      columns: origins.length > 0 ? [{ name: undefined, origins }] : undefined,
    };
  }

  /** Rows that match a pattern: what comes out is made of every column of what goes in. */
  #matchRecognize(body: Body, scope: Scope, ctes: Ctes): Source {
    const inner = nodeOf(body['this']);
    const source =
      inner?.kind === 'table' ? this.#table(inner.body, ctes, true) : this.#source(body['this'], scope, ctes);
    // `down.price`: a symbol of the pattern qualifies the column that it reads.
    const symbols = asList(body['define']).map((pair) => identifierOf(asList(pair)[0]));
    const own: Scope = {
      sources: [source, ...symbols.map((symbol) => ({ ...source, alias: symbol ? folded(symbol) : undefined }))],
      aliases: new Map(),
      outer: scope,
      lambdaNames: new Set(),
    };
    const origins = [
      this.#expression(body['partition_by'], own, ctes, 'window'),
      this.#expression(body['order_by'], own, ctes, 'window'),
    ];
    const measures = asList(body['measures']).map((measure) => {
      const node = nodeOf(asBody(measure)['this']);
      const name = node?.kind === 'alias' ? identifierOf(node.body['alias']) : undefined;
      const value = node?.kind === 'alias' ? node.body['this'] : asBody(measure)['this'];
      return { name: name ? folded(name) : undefined, origins: this.#expression(value, own, ctes, 'projected') };
    });
    for (const pair of asList(body['define'])) origins.push(this.#expression(asList(pair)[1], own, ctes, 'predicate'));
    for (const key of Object.keys(body))
      if (isPresent(body[key]) && !MATCH_KEYS.has(key))
        throw this.#refuse(`MATCH_RECOGNIZE with ${key} is not understood.`, undefined);
    // With ALL ROWS PER MATCH every column comes out, with ONE ROW only those of PARTITION BY.
    this.findings.hasStar = true;
    return {
      alias: aliasOf(body) ?? source.alias,
      object: undefined,
      columns: [...(source.columns ?? []), ...measures, { name: undefined, origins: union(origins) }],
    };
  }

  /** A table, a view or a CTE by name. */
  #table(body: Body, ctes: Ctes, pivoted: boolean): Source {
    for (const key of ['hints', 'partitions', 'identifier_func', 'version'])
      if (isPresent(body[key]))
        throw this.#refuse(`${key === 'identifier_func' ? 'IDENTIFIER()' : key} is not understood here.`, undefined);
    if (body['only'] === true || body['final_'] === true)
      throw this.#refuse('ONLY and FINAL are not understood.', undefined);
    const name = identifierOf(body['name']);
    if (!name) throw this.#refuse('A table has no name.', undefined);
    const [schema, catalog] = [identifierOf(body['schema']), identifierOf(body['catalog'])];
    const alias = identifierOf(body['alias']);
    this.#only('table', body);
    for (const key of ['when', 'changes', 'table_sample']) this.#expression(body[key], NOWHERE, ctes, 'argument');
    const cte = schema ? undefined : ctes.get(folded(name));
    if (!schema && ctes.has(folded(name))) {
      const columns = renameColumns(cte, asList(body['column_aliases']));
      return { alias: folded(alias ?? name), object: undefined, columns };
    }
    const object = this.#objectName(name, schema, catalog);
    const reference = this.#reference(object, name, schema, catalog, alias, body, pivoted);
    this.findings.tables.push({ object, access: 'read', token: reference.from });
    const relation = this.#relations.get(objectKey(object));
    if (relation) this.findings.references.push({ ...reference, relation });
    const columns = relation?.columns.map((column) => ({
      name: column.name,
      origins: [{ object, column: column.name }],
    }));
    return { alias: folded(alias ?? name), object, columns: renameColumns(columns, asList(body['column_aliases'])) };
  }

  #objectName(name: Identifier, schema: Identifier | undefined, catalog: Identifier | undefined): ObjectName {
    const database = catalog ? folded(catalog) : this.#defaults.database;
    const schemaName = schema ? folded(schema) : this.#defaults.schema;
    if (database === undefined || schemaName === undefined)
      throw this.#refuse(
        `${name.name} is not fully named and the session has no current database and schema.`,
        this.#token(name),
        `Write DATABASE.SCHEMA.${name.name.toUpperCase()}; the describe tool lists what there is.`,
      );
    return { database, schema: schemaName, name: folded(name) };
  }

  /** The tokens of the dotted name, checked to be what the parser says, and what follows them. */
  #reference(
    object: ObjectName,
    name: Identifier,
    schema: Identifier | undefined,
    catalog: Identifier | undefined,
    alias: Identifier | undefined,
    body: Body,
    pivoted: boolean,
  ): Omit<TableReference, 'relation'> {
    const { tokens } = this.#statement;
    const from = this.#token(catalog ?? schema ?? name);
    const parts = [catalog, schema, name].filter((part) => part !== undefined);
    let at = from;
    for (const [index, part] of parts.entries()) {
      const token = tokens[at];
      // Between two dots stands the schema PUBLIC, unwritten.
      if (index === 1 && parts.length === 3 && isOperator(token, '.') && isOperator(tokens[at - 1], '.')) {
        if (part.name !== 'PUBLIC')
          throw this.#refuse(`The place of ${showObject(object)} in the text is not certain.`, at);
        at += 1;
        continue;
      }
      const text = part.quoted ? `"${part.name.replaceAll('"', '""')}"` : part.name;
      // The edit goes by these offsets: if they do not point at the name, nothing may be replaced.
      if (!token || token.text !== text || (index > 0 && !isOperator(tokens[at - 1], '.')))
        throw this.#refuse(`The place of ${showObject(object)} in the text is not certain.`, at);
      at += index < parts.length - 1 ? 2 : 1;
    }
    const when = isPresent(body['when']) || isWord(tokens[at], 'AT', 'BEFORE') ? 'time travel' : undefined;
    const isBoundary = isWord(tokens[from - 2], 'DYNAMIC_TABLE_REFRESH_BOUNDARY');
    const other =
      isBoundary || isWord(tokens[at], 'CHANGES')
        ? (tokens[isBoundary ? from - 2 : at]?.text.toUpperCase() ?? '')
        : undefined;
    const sample =
      isPresent(body['table_sample']) && isPresent(asBody(body['table_sample'])['seed'])
        ? 'SAMPLE with SEED'
        : undefined;
    return { from, to: at, hasAlias: alias !== undefined, nameOnly: when ?? other ?? sample, pivoted };
  }

  /** Which columns a table function has is not known; whatever they hold comes from its arguments. */
  #functionSource(alias: string | undefined, origins: readonly Origin[]): Source {
    return { alias, object: undefined, columns: [{ name: undefined, origins }] };
  }

  #tableFunction(value: unknown, scope: Scope, ctes: Ctes): readonly Origin[] {
    const node = nodeOf(value);
    const name = asText(node?.body['name']).toUpperCase();
    if (node?.kind !== 'function') {
      const called = this.#calledName(value);
      if (called === undefined) throw this.#refuse('This table function is not understood.', undefined);
      this.findings.functions.push(this.#functionUse(called.name, called.token, true));
      return [];
    }
    if (name === 'TABLE') {
      const inner = asList(node.body['args'])[0];
      if (nodeOf(inner)?.kind !== 'function' && this.#calledName(inner) === undefined)
        throw this.#refuse(
          'TABLE() of anything but a function is not understood.',
          this.#statement.tokens.findIndex((token) => isWord(token, 'TABLE')),
          'Name the table itself.',
        );
      return this.#tableFunction(inner, scope, ctes);
    }
    const token = this.#functionToken(name);
    if (name === 'IDENTIFIER')
      throw this.#refuse('IDENTIFIER() hides which object is meant.', token, 'Write the name itself.');
    const isKnown = TABLE_FUNCTIONS.has(name);
    this.findings.functions.push(
      isKnown
        ? { name, class: 'table', reason: undefined, position: positionOf(this.#statement, token) }
        : this.#functionUse(name, token, true),
    );
    return union(asList(node.body['args']).map((argument) => this.#expression(argument, scope, ctes, 'argument')));
  }

  /** `DB.SCHEMA.F(…)` comes as a chain of accesses; its name is read from the tokens. */
  #calledName(value: unknown): { name: string; token: number } | undefined {
    const node = nodeOf(value);
    if (node?.kind !== 'method_call') return undefined;
    const method = identifierOf(node.body['method']);
    const last = this.#token(method);
    if (!method || last < 0) return { name: 'a function with a qualified name', token: 0 };
    const { tokens } = this.#statement;
    let from = last;
    while (from >= 2 && isOperator(tokens[from - 1], '.')) from -= 2;
    const parts = tokens.slice(from, last + 1).filter((token) => token.kind === 'word' || token.kind === 'quoted');
    const name = parts.map((token) =>
      token.kind === 'quoted' ? token.text.slice(1, -1).replaceAll('""', '"') : token.text.toUpperCase(),
    );
    return { name: name.join('.'), token: from };
  }

  // --- expressions

  /** Walks whatever stands in an expression's place and answers the base columns that its value comes from. */
  #expression(value: unknown, scope: Scope, ctes: Ctes, usage: ColumnUsage): readonly Origin[] {
    if (value === null || value === undefined || typeof value !== 'object') return [];
    if (Array.isArray(value)) return union(value.map((item) => this.#expression(item, scope, ctes, usage)));
    const node = nodeOf(value);
    if (!node) return this.#fields(asBody(value), scope, ctes, usage);
    switch (node.kind) {
      case 'select':
      case 'union':
      case 'except':
      case 'intersect':
      case 'subquery':
        return union(this.query(value, ctes, scope).map((column) => column.origins));
      case 'column':
        return this.#column(node.body, scope, usage);
      case 'dot':
        return this.#longColumn(node.body, scope, ctes, usage);
      case 'star':
        // COUNT(*) is no star of columns and comes as a field, not as a node.
        return union(this.#star(node.body, scope, ctes).map((column) => column.origins));
      case 'function':
      case 'aggregate_function':
        // These only hold the columns that are grouped by.
        if (/^(?:GROUPING SETS|ROLLUP|CUBE)$/i.test(asText(node.body['name'])))
          return this.#fields(node.body, scope, ctes, usage);
        return this.#function(node.body, scope, ctes, usage);
      case 'braced_wildcard':
        return this.#expression({ star: node.body['star'] ?? node.body }, scope, ctes, usage);
      case 'method_call': {
        this.#only('qualified call', node.body);
        const called = this.#calledName(value);
        if (called) this.findings.functions.push(this.#functionUse(called.name, called.token, false));
        return union(
          asList(node.body['args']).map((argument) =>
            this.#expression(argument, scope, ctes, usage === 'projected' ? 'argument' : usage),
          ),
        );
      }
      case 'lambda': {
        this.#only('lambda', node.body);
        const names = new Set([
          ...scope.lambdaNames,
          ...asList(node.body['parameters'])
            .map((name) => identifierOf(name))
            .map((name) => (name ? folded(name) : '')),
        ]);
        return this.#expression(node.body['body'], { ...scope, lambdaNames: names }, ctes, usage);
      }
      case 'window_function':
        this.#only('window function', node.body);
        return union([
          this.#expression(node.body['this'], scope, ctes, usage),
          this.#expression(node.body['over'], scope, ctes, 'window'),
          this.#expression(node.body['keep'], scope, ctes, 'window'),
        ]);
      case 'parameter':
        return this.#parameter(node.body, scope, usage);
      case 'identifier':
      case 'var':
      case 'literal':
      case 'null':
      case 'boolean':
      case 'data_type':
        return [];
      default: {
        if (EXPRESSION_KINDS.has(node.kind)) {
          const isCall = usage === 'projected' && FUNCTION_KINDS.has(node.kind);
          return this.#fields(node.body, scope, ctes, isCall ? 'argument' : usage);
        }
        const danger = dangerOf(node.kind);
        throw this.#refuse(
          `${node.kind.replaceAll('_', ' ')} is not understood${danger ? `: ${danger.reason}` : ''}.`,
          undefined,
          'Only forms that are fully understood are run; rewrite this part.',
        );
      }
    }
  }

  #fields(body: Body, scope: Scope, ctes: Ctes, usage: ColumnUsage): readonly Origin[] {
    const inner = usage === 'projected' ? 'projected' : usage;
    return union(
      Object.entries(body)
        .filter(([key]) => key !== 'span' && key !== 'to')
        .map(([, item]) => this.#expression(item, scope, ctes, inner)),
    );
  }

  #parameter(body: Body, scope: Scope, usage: ColumnUsage): readonly Origin[] {
    const index = body['index'];
    if (asText(body['style']) !== 'Dollar') return [];
    if (typeof index === 'number') return this.#byPosition(index, undefined, scope, usage);
    // $name is a session variable, which pooled connections must not have.
    throw this.#refuse(
      'Session variables are not available: connections are shared.',
      this.#statement.tokens.findIndex(({ kind }) => kind === 'variable'),
      'Write the value itself, or send it in binds.',
    );
  }

  /** `$2` and `t.$2`: a column by its place. Every column keeps its place only where none is left out, so all count as read. */
  #byPosition(index: number, table: string | undefined, scope: Scope, usage: ColumnUsage): readonly Origin[] {
    const sources = scope.sources.filter(({ alias }) => table === undefined || alias === table);
    const found = union(sources.map(({ columns }) => columns?.[index - 1]?.origins ?? []));
    for (const origin of found) this.findings.columns.push({ ...origin, usage, token: -1 });
    for (const origin of union(sources.flatMap(({ columns }) => (columns ?? []).map(({ origins }) => origins)))) {
      this.findings.hasStar = true;
      this.findings.columns.push({ ...origin, usage: 'star', token: -1 });
    }
    return found;
  }

  #functionToken(name: string): number {
    const upper = name.toUpperCase();
    const last = upper.slice(upper.lastIndexOf('.') + 1);
    return this.#statement.tokens.findIndex((token) => token.text.toUpperCase() === last || token.text === `"${last}"`);
  }

  #functionUse(name: string, token: number, isTable: boolean): FunctionUse {
    const position = positionOf(this.#statement, token);
    if (!isTable && NAMED_FUNCTIONS.has(name.toUpperCase()))
      return { name, class: 'pure', reason: undefined, position };
    const danger = dangerOf(name);
    if (danger) return { name, class: danger.class, reason: danger.reason, position };
    return { name, class: 'user-defined', reason: undefined, position };
  }

  #function(body: Body, scope: Scope, ctes: Ctes, usage: ColumnUsage): readonly Origin[] {
    const raw = asText(body['name']);
    const name = body['quoted'] === true ? raw : raw.toUpperCase();
    if (name === 'IDENTIFIER')
      throw this.#refuse(
        'IDENTIFIER() hides which object is meant.',
        this.#functionToken(name),
        'Write the name itself.',
      );
    this.findings.functions.push(this.#functionUse(name, this.#functionToken(name), false));
    // What a predicate, join or order goes by stays that, also within a function.
    return this.#fields(body, scope, ctes, usage === 'projected' ? 'argument' : usage);
  }

  #column(body: Body, scope: Scope, usage: ColumnUsage): readonly Origin[] {
    const name = identifierOf(body['name']);
    const table = identifierOf(body['table']);
    if (!name) return [];
    const column = folded(name);
    const token = this.#token(name);
    if (!name.quoted && /^\$\d+$/.test(name.name))
      return this.#byPosition(Number(name.name.slice(1)), table ? folded(table) : undefined, scope, usage);
    if (!table && scope.lambdaNames.has(column)) return [];
    this.findings.columnNames.add(column);
    const found = this.#lookUp(column, table ? folded(table) : undefined, scope);
    for (const origin of found) this.findings.columns.push({ ...origin, usage, token });
    return found;
  }

  /**
   * `schema.table.column` and `db.schema.table.column` come as accesses into a column. After a table became a sub-query only its
   * last name is left to qualify with, so the tokens before it are noted.
   */
  #longColumn(body: Body, scope: Scope, ctes: Ctes, usage: ColumnUsage): readonly Origin[] {
    const parts = dotted({ dot: body });
    const qualified = parts && this.#qualifiedSource(parts, scope);
    if (!qualified) return this.#fields(body, scope, ctes, usage);
    const { table, column, source, from, to } = qualified;
    this.findings.columnNames.add(folded(column));
    if (source.object) this.findings.longColumns.push({ object: source.object, from, to });
    const found = this.#lookUp(folded(column), folded(table), scope);
    for (const origin of found) this.findings.columns.push({ ...origin, usage, token: this.#token(column) });
    return found;
  }

  /** The source that the first two or three parts name, from the innermost scope outwards. */
  #qualifiedSource(parts: readonly Identifier[], scope: Scope | undefined) {
    for (let at: Scope | undefined = scope; at; at = at.outer)
      for (const width of [3, 2]) {
        const [table, column] = [parts[width - 1], parts[width]];
        if (!table || !column) continue;
        const names = parts.slice(0, width).map(folded);
        const source = at.sources.find(({ alias, object }) => {
          const full = object && [object.database, object.schema, object.name].slice(3 - width);
          return alias === folded(table) && full?.every((name, index) => name === names[index]);
        });
        const [first] = parts;
        if (source && first) return { table, column, source, from: this.#token(first), to: this.#token(table) };
      }
    return undefined;
  }

  #lookUp(column: string, table: string | undefined, scope: Scope | undefined): readonly Origin[] {
    if (!scope) return [];
    const candidates = scope.sources.filter((source) => table === undefined || source.alias === table);
    const matches = candidates.flatMap((source) => (source.columns ?? []).filter((known) => known.name === column));
    if (matches.length > 0) return union(matches.map((match) => match.origins));
    if (table === undefined) {
      const alias = scope.aliases.get(column);
      if (alias) return alias;
    }
    // What a source without known columns might hold comes from all that went into it.
    const unnamed = candidates.flatMap((source) => (source.columns ?? []).filter((known) => known.name === undefined));
    if (unnamed.length > 0) return union(unnamed.map((known) => known.origins));
    return this.#lookUp(column, table, scope.outer);
  }

  // --- statements that change data

  /** The table that a DML statement changes; it stays a name, since nothing can be written to a sub-query. */
  target(value: unknown): { object: ObjectName; source: Source; token: number } {
    const node = nodeOf(value);
    if (node?.kind === 'alias') {
      const inner = this.target(node.body['this']);
      return { ...inner, source: { ...inner.source, alias: aliasOf(node.body) } };
    }
    const body = node?.kind === 'table' ? node.body : asBody(value);
    const name = identifierOf(body['name']);
    if (!name) throw this.#refuse('The table to change is missing.', undefined);
    const object = this.#objectName(name, identifierOf(body['schema']), identifierOf(body['catalog']));
    const token = this.#token(identifierOf(body['catalog']) ?? identifierOf(body['schema']) ?? name);
    this.findings.tables.push({ object, access: 'write', token });
    const relation = this.#relations.get(objectKey(object));
    const columns = relation?.columns.map((column) => ({
      name: column.name,
      origins: [{ object, column: column.name }],
    }));
    const alias = identifierOf(body['alias']);
    return { object, source: { alias: folded(alias ?? name), object, columns }, token };
  }

  /** INSERT, UPDATE, DELETE and MERGE: the target, the sources that they read, the expressions in between. */
  change(kind: 'insert' | 'update' | 'delete' | 'merge', body: Body): void {
    const none: Ctes = this.#definitions({ with: body['with'] ?? body['with_'] ?? null }, new Map(), undefined);
    const target = this.target(kind === 'merge' ? body['this'] : body['table']);
    const scope: Scope = { sources: [target.source], aliases: new Map(), outer: undefined, lambdaNames: new Set() };
    for (const key of [
      'partition',
      'directory',
      'on_conflict',
      'output',
      'returning',
      'replace_where',
      'extra_tables',
      'tables',
      'hint',
    ])
      if (isPresent(body[key])) throw this.#refuse(`${key} is not understood in ${kind.toUpperCase()}.`, target.token);
    switch (kind) {
      case 'insert':
        if (isPresent(body['query'])) this.query(body['query'], none, undefined);
        this.#expression(body['values'], { ...scope, sources: [] }, none, 'assigned');
        return;
      case 'update':
        for (const item of asList(asBody(body['from_clause'])['expressions']))
          scope.sources.push(this.#source(item, scope, none));
        for (const join of [...asList(body['from_joins']), ...asList(body['table_joins'])].map(asBody))
          this.#join(join, scope, none);
        for (const pair of asList(body['set'])) this.#expression(asList(pair)[1], scope, none, 'assigned');
        break;
      case 'delete':
        for (const item of asList(body['using'])) scope.sources.push(this.#table(asBody(item), none, false));
        for (const join of asList(body['joins']).map(asBody)) this.#join(join, scope, none);
        break;
      case 'merge':
        scope.sources.push(this.#source(body['using'], scope, none));
        this.#expression(body['on'], scope, none, 'join');
        for (const when of asList(asBody(asBody(body['whens'])['whens'])['expressions']))
          this.#merge(when, scope, none);
        return;
    }
    this.#expression(body['where_clause'], scope, none, 'predicate');
  }

  #merge(value: unknown, scope: Scope, ctes: Ctes): void {
    const when = asBody(asBody(value)['when']);
    this.#expression(when['condition'], scope, ctes, 'predicate');
    this.#expression(when['then'], scope, ctes, 'assigned');
  }
}

const isPresent = (value: unknown): boolean =>
  value !== null && value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);

/** `a.b.c.d` as its parts, where nothing but names is in the chain. */
function dotted(value: unknown): Identifier[] | undefined {
  const node = nodeOf(value);
  if (node?.kind === 'dot') {
    const before = dotted(node.body['this']);
    const field = identifierOf(node.body['field']);
    return before && field ? [...before, field] : undefined;
  }
  if (node?.kind !== 'column') return undefined;
  return [identifierOf(node.body['table']), identifierOf(node.body['name'])].filter((part) => part !== undefined);
}

function aliasOf(body: Body): string | undefined {
  const alias = identifierOf(body['alias']);
  return alias ? folded(alias) : undefined;
}

function renameColumns(
  columns: readonly OutputColumn[] | undefined,
  names: readonly unknown[],
): readonly OutputColumn[] | undefined {
  if (names.length === 0 || columns === undefined) return columns;
  return columns.map((column, index) => {
    const name = identifierOf(names[index]);
    return name ? { ...column, name: folded(name) } : column;
  });
}
