/**
 * The walk through a statement's tree: what it has found so far, what it needs to go on. Queries, sources, expressions and changes are
 * walked in files of their own; each calls the others through this one interface.
 */
import type { ColumnUsage, Origin, OutputColumn } from '../analysis/analysis.js';
import type { Defaults, ObjectName } from '../analysis/catalog.js';
import type { Count, Effort, Work } from '../analysis/effort.js';
import { isUnknown, UNKNOWN, union } from '../scope/origins.js';
import type { Relations } from '../scope/relations.js';
import { type Ctes, isOfTarget, lookUp, type Resolution, type Scope, type Source } from '../scope/scope.js';
import { emptyStar, noColumn, noTable, opaqueStar } from '../scope/unowned.js';
import { isOperator } from '../text/lex.js';
import { type Position, Refusal, tooMuch } from '../text/refusal.js';
import { type ParsedStatement, positionOf } from '../text/statement.js';
import { type Body, folded, type Identifier } from '../text/tree.js';
import { type AliasPlaces, aliasPlaces } from '../words/alias-places.js';
import { type Claims, isName, nameOf, type Owner } from '../words/claims.js';
import { resampledNames } from '../words/resampled.js';
import { type Symbols, symbolsOf } from '../words/symbols.js';
import { type Form, unknownField } from './allow-lists.js';
import { nothingFound } from './findings.js';

/** A star over a star doubles its columns: without a bound some dozens of definitions would fill the memory. */
const MAX_COLUMNS = 10_000;
const MAX_USES = 200_000;
const MAX_UNOWNED = 16;
/** Names that a mistyped one was meant for are looked for: the first is what is told. */
const MAX_HINTS = 2;

/** Words of messages that stand in every statement. */
const COMMON_WORDS = new Set([
  '',
  ...'A ANYTHING BUT FORM FROM HERE IN IS NOT OF QUERY SELECT TABLE THE THIS'.split(' '),
]);

export abstract class Walk {
  readonly statement: ParsedStatement;
  readonly relations: Relations;
  readonly defaults: Defaults;
  readonly claims: Claims;
  readonly aliasPlaces: AliasPlaces;
  /** Of every pattern of MATCH_RECOGNIZE in the text. */
  readonly symbols: ReadonlySet<string>;
  readonly #symbols: Symbols;
  /** Tokens of the names that RESAMPLE gives to columns of its own. */
  readonly resampledNames: readonly number[];
  readonly #keywords: ReadonlySet<number>;
  readonly #effort: Effort;
  readonly findings = nothingFound();

  constructor(
    statement: ParsedStatement,
    relations: Relations,
    defaults: Defaults,
    claims: Claims,
    keywords: ReadonlySet<number>,
    effort: Effort,
  ) {
    this.statement = statement;
    this.#effort = effort;
    this.aliasPlaces = aliasPlaces(statement.tokens, statement.pairs);
    this.#symbols = symbolsOf(statement.tokens, statement.pairs);
    this.symbols = this.#symbols.names;
    this.resampledNames = statement.isResampled ? resampledNames(statement.tokens, statement.pairs) : [];
    this.relations = relations;
    this.defaults = defaults;
    this.claims = claims;
    this.#keywords = keywords;
  }

  abstract query(value: unknown, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[];
  abstract source(item: unknown, scope: Scope, ctes: Ctes): Source;
  abstract join(join: Body, scope: Scope, ctes: Ctes): void;
  /** Walks whatever stands in an expression's place and answers the base columns that its value comes from. */
  abstract expression(value: unknown, scope: Scope, ctes: Ctes, usage: ColumnUsage): readonly Origin[];

  /** Counts work. Throws where the whole judgement has taken too much of it. */
  spend(steps: number, work: Work): void {
    const much = this.#effort.spend(steps, work);
    if (much !== undefined) throw tooMuch(much, positionOf(this.statement, 0));
  }

  /** The same as a function, for columns. */
  readonly count: Count = (steps) => this.spend(steps, 'columns');

  /** All of several lists of columns, each column once. */
  union(parts: readonly (readonly Origin[])[]): readonly Origin[] {
    return union(parts, this.count);
  }

  #variables: Map<string, number> | undefined;

  /** Where a variable such as `$1` stands first; any, where none is named. */
  variableAt(text?: string): number {
    if (!this.#variables) {
      this.#variables = new Map();
      for (const [at, token] of this.statement.tokens.entries())
        if (token.kind === 'variable' && !this.#variables.has(token.text)) this.#variables.set(token.text, at);
    }
    return text === undefined ? ([...this.#variables.values()][0] ?? -1) : (this.#variables.get(text) ?? -1);
  }

  #ownColumns = 0;

  /** Stands for a column of a recursive definition while that is walked: an object without a name, and a column of a number. */
  ownColumn(): Origin {
    return { object: UNKNOWN.object, column: `#${this.#ownColumns++}` };
  }

  refusal(what: string, token?: number, hint?: string): Refusal {
    const place = Math.max(0, token ?? this.#mentioned(what));
    return new Refusal('NOT_UNDERSTOOD', what, positionOf(this.statement, place), hint);
  }

  /** Where the parser gives no place: the first token that the message names, or else the statement's beginning. */
  #mentioned(what: string): number {
    const words = new Set(what.toUpperCase().split(/[^A-Z_@$]+/));
    const [first = '', second = ''] = what.toUpperCase().split(' ');
    words.add(`${first}_${second}`);
    const names = [...words].filter((word) => !COMMON_WORDS.has(word));
    return this.statement.tokens.findIndex(({ text }) => names.includes(text.toUpperCase()));
  }

  /** Refuses a form with a field that the walk does not look into. */
  only(form: Form, body: Body): void {
    const other = unknownField(form, body);
    if (other !== undefined)
      throw this.refusal(`${other.replaceAll('_', ' ').toUpperCase()} of a ${form} is not understood.`);
  }

  /** The token of an identifier; -1 where the parser gives no place. */
  token(identifier: Identifier | undefined): number {
    const index = identifier && identifier.start >= 0 ? this.statement.tokenAt(identifier.start) : undefined;
    return index ?? -1;
  }

  claimToken(token: number, owner: Owner): void {
    if (!this.claims.claim(token, owner))
      throw this.refusal(
        `${this.statement.tokens[token]?.text ?? ''} can be read in two ways here.`,
        token,
        'Write it more plainly.',
      );
  }

  claim(identifier: Identifier | undefined, owner: Owner): void {
    this.claimToken(this.token(identifier), owner);
  }

  /** Symbols of patterns, each at its own place. */
  claimSymbols(): void {
    const { inPattern, elsewhere } = this.#symbols;
    this.spend(inPattern.size + elsewhere.length, 'tokens');
    for (const at of inPattern) this.claimToken(at, 'symbol');
    for (const at of elsewhere) if (this.claims.ownerOf(at) === undefined) this.claimToken(at, 'symbol');
  }

  /** Tokens in the brackets of a PATTERN. */
  get inPattern(): ReadonlySet<number> {
    return this.#symbols.inPattern;
  }

  /** A name as the parser would give it, by its token. */
  identifierAt(at: number): Body {
    const token = this.statement.tokens[at];
    const quoted = token?.kind === 'quoted';
    const name = isName(token) ? (quoted ? nameOf(token) : token.text) : '';
    const start = this.statement.offsetOf(at);
    return { name, quoted, span: { start, end: start + (token?.text.length ?? 0) } };
  }

  /** A word that the grammar owns where it stands. */
  isKeyword(token: number): boolean {
    return this.#keywords.has(token);
  }

  /** The token that an identifier begins at, if it is this name; the parser's word for it is not taken. */
  isAt(token: number, identifier: Identifier): boolean {
    const found = this.statement.tokens[token];
    const text = identifier.quoted ? `"${identifier.name.replaceAll('"', '""')}"` : identifier.name;
    return isName(found) && found.text === text;
  }

  readonly #used = new Map<readonly Origin[], Set<ColumnUsage>>();

  /** Notes what is used. The same columns used in the same way once more are news only where a token names them. */
  use(origins: readonly Origin[], usage: ColumnUsage, token: number): void {
    this.spend(1, 'columns');
    const [first] = origins;
    if (first === undefined || (origins.length === 1 && isUnknown(first))) return;
    const usages = this.#used.get(origins);
    if (usages?.has(usage)) {
      if (token < 0) return;
    } else if (usages) usages.add(usage);
    else this.#used.set(origins, new Set([usage]));
    if (this.findings.uses.length >= MAX_USES)
      throw this.refusal(`The statement uses columns more than ${MAX_USES} times.`, 0);
    this.findings.uses.push({ origins, usage, token });
  }

  /** A name that nothing has, with the names that it could have been meant for. */
  unowned(
    identifier: Pick<Identifier, 'name' | 'quoted'>,
    token: number,
    { names, isOpaque }: Extract<Resolution, { kind: 'unowned' }>,
    shown = identifier.name.slice(0, 100),
  ): void {
    if (this.findings.unowned.length >= MAX_UNOWNED) return;
    const name = folded({ ...identifier, start: 0, end: 0 });
    const others = this.findings.unowned.length < MAX_HINTS ? names() : [];
    this.spend(others.length * Math.max(1, Math.min(name.length, 64)), 'columns');
    this.findings.unowned.push(noColumn({ name, shown, others, isOpaque }, this.#place(token)));
  }

  /** A qualifier that names nothing in FROM. */
  unownedTable(identifier: Identifier, token: number, aliases: readonly string[]): void {
    if (this.findings.unowned.length >= MAX_UNOWNED) return;
    const others = this.findings.unowned.length < MAX_HINTS ? aliases : [];
    this.findings.unowned.push(noTable(identifier, others, this.#place(token)));
  }

  /** A star over a source whose columns nobody has documented: the result could hold anything. */
  opaqueStar(token: number): void {
    this.findings.unowned.push(opaqueStar(this.#place(this.#starAt(token))));
  }

  /** A star that stands for no column: what it means then is not documented, and could be the columns of a query further out. */
  emptyStar(token: number): void {
    if (this.findings.unowned.length >= MAX_UNOWNED) return;
    this.findings.unowned.push(emptyStar(this.#place(this.#starAt(token))));
  }

  /** Of a star that the parser gives no place, the first there is. */
  #starAt(token: number): number {
    return token >= 0 ? token : this.statement.tokens.findIndex((at) => isOperator(at, '*'));
  }

  #place(token: number): Position | undefined {
    return positionOf(this.statement, Math.max(0, token));
  }

  /** Notes which columns of the changed table stand in expressions. */
  noteTarget(column: string, table: string | undefined, scope: Scope, token: number): void {
    if (this.findings.targets.length > 0 && isOfTarget(column, table, scope, this.count))
      this.findings.ofTarget.add(token);
  }

  /** Takes what a look-up says: columns, or a name that goes down as nobody's. */
  resolved(
    resolution: Resolution,
    identifier: Identifier,
    token: number,
    usage: ColumnUsage,
    table?: Identifier,
  ): readonly Origin[] {
    switch (resolution.kind) {
      case 'found':
        this.claimToken(token, 'column');
        this.use(resolution.origins, usage, token);
        return resolution.origins;
      case 'unowned':
        this.unowned(identifier, token, resolution, table && `${table.name}.${identifier.name}`.slice(0, 200));
        return [];
    }
  }

  /** Before so many columns are made. */
  boundCount(columns: number): void {
    if (columns > MAX_COLUMNS) throw this.refusal(`The statement has more than ${MAX_COLUMNS} columns.`, 0);
  }

  /** What a name means from here outwards. */
  lookUp(column: string, table: string | undefined, scope: Scope): Resolution {
    return lookUp(column, table, scope, this.count);
  }

  objectName(name: Identifier, schema: Identifier | undefined, catalog: Identifier | undefined): ObjectName {
    const database = catalog ? folded(catalog) : this.defaults.database;
    const schemaName = schema ? folded(schema) : this.defaults.schema;
    if (database === undefined || schemaName === undefined)
      throw this.refusal(
        `${name.name} is not fully named and the session has no current database and schema.`,
        this.token(name),
        `Write DATABASE.SCHEMA.${name.name.toUpperCase()}; the describe tool lists what there is.`,
      );
    return { database, schema: schemaName, name: folded(name) };
  }

  /** A table's columns as its source offers them; `missing` where nobody knows the table. */
  columnsOf(object: ObjectName): Pick<Source, 'columns' | 'unknown'> {
    const columns = this.relations.columnsOf(object);
    if (!columns) return { columns: [], unknown: 'missing' };
    this.spend(columns.length, 'columns');
    return { columns };
  }
}
