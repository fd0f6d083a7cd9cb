/**
 * The statement as it is sent: the judged tokens, and in the place of each table under a mask or row predicate a sub-query that
 * selects only what the principal may see. Everything above it (aliases, expressions, joins, windows, unions) then works on masked
 * values, and raw ones never leave the warehouse.
 *
 * Syntax used: sub-queries with an alias, CTEs with a column list, CASE, casts (documentation pages constructs/from,
 * constructs/with, functions/case), nothing else.
 */
import type { ExcludedName, FullAnalysis, TableReference } from '../analysis/analysis.js';
import { type ObjectName, objectKey, type RelationInfo, tellIdentifier, tellObject } from '../analysis/catalog.js';
import { Effort } from '../analysis/effort.js';
import { isOperator, isWord, MAX_NAME, MAX_STATEMENT_LENGTH, quoteIdentifier } from '../text/lex.js';
import { Refusal } from '../text/refusal.js';
import { isReserved } from '../text/reserved.js';
import { spaced } from '../text/spaced.js';
import { positionOf } from '../text/statement.js';
import { unnamedItems } from './items.js';
import { isTouched, type Treatment, type Treatments } from './treatments.js';
import { verify } from './verify.js';

const qualifiedName = (relation: RelationInfo): string =>
  [relation.database, relation.schema, relation.name].map(quoteIdentifier).join('.');

class Rewriter {
  readonly #treatments: Treatments;
  readonly #views: FullAnalysis['views'];
  /** Quoted names of the texts that are put together: none of them may become a definition's. */
  readonly #taken: ReadonlySet<string>;
  #definitions = 0;
  /** A sub-query stands in some table's place. */
  isRewritten = false;
  /** A definition has another name. */
  isRenamed = false;

  constructor(treatments: Treatments, analysis: FullAnalysis) {
    this.#treatments = treatments;
    this.#views = analysis.views;
    this.#taken = new Set(
      [analysis, ...analysis.views.values()].flatMap(({ statement: { tokens } }) =>
        tokens.flatMap(({ kind, text }) => (kind === 'quoted' ? text : [])),
      ),
    );
  }

  /** A name that nothing in the statement has, and no table: were the definition not what it is taken for, there would be nothing to be read. */
  #definitionName(): string {
    let name: string;
    do name = quoteIdentifier(`snowfence definition ${++this.#definitions}`);
    while (this.#taken.has(name));
    return name;
  }

  /** Recursive definitions go out under names of ours, everywhere that they are meant. */
  #ownNames({ ownNames, statement: { tokens } }: FullAnalysis, pieces: (string | undefined)[]): void {
    const names = new Map<number, string>();
    for (const { definition, token, needsAlias } of ownNames) {
      const name = names.get(definition) ?? this.#definitionName();
      names.set(definition, name);
      pieces[token] = needsAlias ? `${name} AS ${tokens[token]?.text ?? ''}` : name;
    }
    this.isRenamed ||= names.size > 0;
  }

  /** A view is opened where anything below it is treated: only then must its text stand in the statement. */
  #opens(relation: RelationInfo): FullAnalysis | undefined {
    const view = this.#views.get(objectKey(relation));
    if (!view) return undefined;
    const isTreated = view.objects.some((use) => isTouched(this.#treatments.get(objectKey(use.object))));
    return isTreated ? view : undefined;
  }

  #source(relation: RelationInfo): string {
    const view = this.#opens(relation);
    if (!view) return qualifiedName(relation);
    const name = quoteIdentifier(relation.name);
    const columns = relation.columns.map((column) => quoteIdentifier(column.name)).join(', ');
    return `(WITH ${name} (${columns}) AS (${this.text(view)}) SELECT * FROM ${name}) AS ${name}`;
  }

  /**
   * `(SELECT … FROM t WHERE p)`. The predicate guards each column as well: the optimizer may run the agent's
   * expressions before the WHERE of a sub-query (user-guide/views-secure), and then they must see NULL for a hidden row.
   */
  #subquery(relation: RelationInfo, treatment: Treatment, analysis: FullAnalysis, point: string): string {
    const wanted = relation.columns.filter(
      (column) =>
        treatment.columns.get(column.name) !== 'deny' && (analysis.hasStar || analysis.columnNames.has(column.name)),
    );
    const { predicate, source } = treatment;
    const lacking = source && wanted.find(({ name }) => !source.columns.some((column) => column.name === name));
    if (lacking)
      throw new Refusal(
        'NOT_UNDERSTOOD',
        `${tellObject(relation)} is read through ${tellObject(source)}, which has no column ${tellIdentifier(lacking.name)}.`,
        undefined,
        'Name the columns that you need.',
      );
    const items = wanted.map((column) => {
      const identifier = quoteIdentifier(column.name);
      const mask = treatment.columns.get(column.name);
      const value = mask === undefined || mask === 'deny' ? identifier : mask(identifier);
      if (predicate === undefined) return value === identifier ? identifier : `${value} AS ${identifier}`;
      return `CASE WHEN (${predicate}) THEN ${value} END AS ${identifier}`;
    });
    // COUNT(*) needs rows and no column.
    const list = items.length > 0 ? items.join(', ') : '1 AS "ROW"';
    const from = source ? qualifiedName(source) : this.#source(relation);
    return `(SELECT ${list} FROM ${from}${point}${predicate === undefined ? '' : ` WHERE (${predicate})`})`;
  }

  /** What stands in a table's place where its own name may not: undefined where it may. */
  #replacement(reference: TableReference, analysis: FullAnalysis): string | undefined {
    const { relation } = reference;
    const treatment = this.#treatments.get(objectKey(relation));
    if (isTouched(treatment)) return this.#subquery(relation, treatment, analysis, this.#point(reference, analysis));
    if (this.#opens(relation)) return `(SELECT * FROM ${this.#source(relation)})`;
    // A star stands for the columns that were judged: one that is added meanwhile is not among them.
    if (!analysis.hasStar || reference.nameOnly !== undefined) return undefined;
    const columns = relation.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
    return `(SELECT ${columns} FROM ${qualifiedName(relation)}${this.#point(reference, analysis)})`;
  }

  /** AT and BEFORE belong to the named object, so they go where it goes (constructs/at-before). */
  #point({ point, to }: TableReference, { statement: { tokens } }: FullAnalysis): string {
    return point === undefined ? '' : ` ${spaced(tokens.slice(to, point))}`;
  }

  /** A denied column is not among those that a sub-query gives, so its name goes out of EXCLUDE, and that with the last of its names. */
  #excluded({ excluded, statement: { tokens, pairs } }: FullAnalysis, pieces: (string | undefined)[]): void {
    const isGone = ({ name, objects }: ExcludedName): boolean =>
      objects.length > 0 &&
      objects.every((object) => object && this.#treatments.get(objectKey(object))?.columns.get(name) === 'deny');
    for (const names of excluded) {
      const kept = names.filter((entry) => !isGone(entry));
      const [first] = names;
      if (!first || kept.length === names.length) continue;
      const isList = isOperator(tokens[first.token - 1], '(');
      const from = first.token - (isList ? 2 : 1);
      const to = isList ? pairs.get(first.token - 1) : first.token;
      // Where it does not stand as it should it stays, and the outcome does not read as it should either.
      if (!isWord(tokens[from], 'EXCLUDE') || to === undefined || (isList && to !== first.token + 2 * names.length - 1))
        continue;
      const text = kept.map(({ token }) => tokens[token]?.text ?? '').join(', ');
      for (let at = from; at <= to; at++) pieces[at] = undefined;
      if (kept.length > 0) pieces[from] = `EXCLUDE (${text})`;
    }
  }

  /** A column whose expression holds a sub-query of ours keeps the agent's own words for a name, in whichever query it stands. */
  #name({ statement, references, ownNames }: FullAnalysis, pieces: (string | undefined)[]): void {
    const changed = [...references.map((reference) => reference.from), ...ownNames.map(({ token }) => token)].sort(
      (one, other) => one - other,
    );
    let next = 0;
    // Items come in the order of the text; those of a sub-query behind the one that it stands in.
    for (const { from, to } of unnamedItems(statement)) {
      while ((changed[next] ?? to) < from) next++;
      if ((changed[next] ?? to) >= to) continue;
      const [first, last] = [statement.tokens[from], statement.tokens[to - 1]];
      if (!first || !last) continue;
      const written = statement.source.slice(first.start, last.start + last.text.length);
      const text = written.replaceAll(/\s+/g, ' ').toUpperCase().slice(0, MAX_NAME);
      pieces[to - 1] = `${pieces[to - 1] ?? ''} AS ${quoteIdentifier(text)}`;
    }
  }

  text(analysis: FullAnalysis, isOutermost = false): string {
    const { tokens } = analysis.statement;
    /** Of what stands in the places of tables so far: a wide table that is named often makes much of a short text. */
    let length = 0;
    const pieces: (string | undefined)[] = tokens.map((token) => token.text);
    const replace = (from: number, to: number, text: string): void => {
      pieces[from] = text;
      for (let at = from + 1; at < to; at++) pieces[at] = undefined;
    };
    const replaced = new Set<string>();
    const { target } = analysis;
    if (target?.relation) replace(target.from, target.to, qualifiedName(target.relation));
    for (const reference of analysis.references) {
      const { relation, from, to, point, nameOnly } = reference;
      const replacement = this.#replacement(reference, analysis);
      length += replacement?.length ?? 0;
      if (length > MAX_STATEMENT_LENGTH) throw tooLong(analysis);
      if (replacement === undefined) {
        // In full, always: short names go by a search path that others may set (name-resolution).
        replace(from, to, qualifiedName(relation));
        continue;
      }
      const isDerived =
        this.#opens(relation) !== undefined || this.#treatments.get(objectKey(relation))?.source !== undefined;
      const bound = nameOnly ?? (point !== undefined && isDerived ? 'time travel' : undefined);
      if (bound !== undefined)
        throw new Refusal(
          'NOT_UNDERSTOOD',
          `${bound} is not available on ${tellObject(relation)}, which is masked or filtered for you.`,
          positionOf(analysis.statement, from),
          'Read the table without it.',
        );
      if (hasTwin(reference, analysis)) throw namesake(relation, analysis, from);
      replaced.add(objectKey(relation));
      const alias = reference.hasAlias ? '' : ` AS ${tokens[to - 1]?.text ?? ''}`;
      const close = reference.pivoted ? nameless(analysis.statement, point ?? to) : undefined;
      replace(from, point ?? to, reference.pivoted ? replacement : `${replacement}${alias}`);
      if (close !== undefined) pieces[close] = `${tokens[close]?.text ?? ''}${alias}`;
    }
    // Of a sub-query only the last name is left to qualify with.
    for (const long of analysis.longColumns) {
      if (!replaced.has(objectKey(long.object))) continue;
      // Cut down to its last name it would mean the other table, or both.
      if (long.hasNamesake) throw namesake(long.object, analysis, long.from);
      for (let at = long.from; at < long.to; at++) pieces[at] = undefined;
    }
    this.#excluded(analysis, pieces);
    this.#ownNames(analysis, pieces);
    this.isRewritten ||= replaced.size > 0;
    if (isOutermost) this.#name(analysis, pieces);
    const text = spaced(tokens, pieces);
    if (replaced.size > 0 && text.length > MAX_STATEMENT_LENGTH) throw tooLong(analysis);
    return text;
  }
}

/** Whether another table of the same FROM has the name that this one has without an alias: two sub-queries of one name are an error, 002027. */
function hasTwin(
  { relation, from, hasAlias }: TableReference,
  { references, target, statement }: FullAnalysis,
): boolean {
  if (hasAlias) return false;
  const queryAt = (at: number): number | undefined => statement.clauses.at[at]?.query;
  const [query, key] = [queryAt(from), objectKey(relation)];
  const isTwin = (object: ObjectName, at: number): boolean =>
    object.name === relation.name && queryAt(at) === query && objectKey(object) !== key;
  return (
    (target !== undefined && target.alias === target.object.name && isTwin(target.object, target.from)) ||
    references.some((other) => !other.hasAlias && isTwin(other.relation, other.from))
  );
}

const CONSTRUCTS = ['PIVOT', 'UNPIVOT', 'MATCH_RECOGNIZE'];
/** Words that are no reserved ones, and may follow a source. */
const FOLLOWING = ['LIMIT', 'OFFSET', 'FETCH', 'WINDOW', 'ASOF', 'RESAMPLE', 'MATCH_CONDITION', 'EXCEPT'];

/**
 * The end of the constructs behind a table, where no alias follows: there the table's name goes. Without one, a sub-query has a name that
 * Snowflake gives, and two of them in one FROM the same (dbt-labs/dbt-snowflake#1251).
 */
function nameless({ tokens, pairs }: FullAnalysis['statement'], from: number): number | undefined {
  let close: number | undefined;
  for (let at = from; isWord(tokens[at], ...CONSTRUCTS); ) {
    const open = isWord(tokens[at + 2], 'NULLS') ? at + 3 : at + 1;
    close = isOperator(tokens[open], '(') ? pairs.get(open) : undefined;
    if (close === undefined) return undefined;
    at = close + 1;
  }
  const next = close === undefined ? undefined : tokens[close + 1];
  const isAlias =
    isWord(next, 'AS') ||
    next?.kind === 'quoted' ||
    (next?.kind === 'word' && !isReserved(next) && !isWord(next, ...FOLLOWING));
  return isAlias ? undefined : close;
}

const namesake = (object: ObjectName, { statement }: FullAnalysis, token: number): Refusal =>
  new Refusal(
    'NOT_UNDERSTOOD',
    `Two tables in sight have the name ${tellIdentifier(object.name)}, and the one that is meant here is read through a sub-query.`,
    positionOf(statement, token),
    'Give each of them an alias, and write that before their columns.',
  );

const tooLong = ({ statement }: FullAnalysis): Refusal =>
  new Refusal(
    'NOT_UNDERSTOOD',
    `The form of this statement that may be sent has more than ${MAX_STATEMENT_LENGTH} characters.`,
    positionOf(statement, 0),
    'Name the columns that you need instead of *, and each table fewer times.',
  );

/**
 * The text alone, not yet proved to read as it should: what is sent comes from `rewrite`.
 *
 * @public for the benchmark, which times it apart from the proof.
 */
export const maskedText = (analysis: FullAnalysis, treatments: Treatments): string =>
  new Rewriter(treatments, analysis).text(analysis, true);

export interface Rewritten {
  readonly text: string;
  /** A sub-query stands in some table's place; else the text differs from the agent's in names alone. */
  readonly isChanged: boolean;
}

/**
 * The text to send: the statement's own tokens with every table's name in full, and masked sub-queries in the place of treated
 * tables. Throws a Refusal where a treated table stands in a place that takes only a name, and where the outcome does not read as
 * exactly the objects that were judged. `effort`: what is left of the judgement's.
 */
export function rewrite(analysis: FullAnalysis, treatments: Treatments, effort = new Effort()): Rewritten {
  const rewriter = new Rewriter(treatments, analysis);
  const text = rewriter.text(analysis, true);
  if (rewriter.isRewritten || rewriter.isRenamed) verify(text, analysis, treatments, effort);
  return { text, isChanged: rewriter.isRewritten };
}
