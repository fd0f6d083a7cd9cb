/** The walk put together: one statement, the tables that are known, and what is found of it. */
import type { ColumnUsage, NameInText, Origin, OutputColumn, Target } from '../analysis/analysis.js';
import { type Defaults, objectKey } from '../analysis/catalog.js';
import { type Effort, PART } from '../analysis/effort.js';
import { originsOf } from '../scope/origins.js';
import type { Relations } from '../scope/relations.js';
import { type Ctes, isNowhere, type Scope, type Source } from '../scope/scope.js';
import { isOperator, isWord } from '../text/lex.js';
import type { ParsedStatement } from '../text/statement.js';
import type { Body } from '../text/tree.js';
import { Claims, isName, nameOf } from '../words/claims.js';
import { keywordsOf } from '../words/keywords.js';
import { findOwners, type Owned } from '../words/owners.js';
import { claimPlaces } from '../words/places.js';
import { type ChangeKind, kindsOf, targetOf, walkChange } from './changes.js';
import { walkExpression } from './expressions.js';
import type { Findings } from './findings.js';
import { walkQuery } from './query.js';
import { namesInText } from './second-look.js';
import { walkJoin, walkSource } from './sources.js';
import { Walk } from './walk.js';
import { saysWhichRows } from './which-rows.js';

/** `relations` may be empty: a first walk finds out which ones are named. */
export class Resolver extends Walk {
  readonly #words: ReadonlySet<number>;

  constructor(statement: ParsedStatement, relations: Relations, defaults: Defaults, effort: Effort) {
    const claims = new Claims(statement.tokens);
    const words = keywordsOf(statement.tokens, statement.pairs, statement.clauses);
    super(statement, relations, defaults, claims, words, effort);
    this.#words = words;
    // Keywords, places, aliases, symbols, owners: each goes through the text, and looks at some neighbours of each token.
    this.spend(5 * PART * statement.tokens.length, 'tokens');
    claimPlaces(statement.tokens, statement.pairs, claims);
  }

  override query(value: unknown, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
    // Such a place may move with its table into the query that masks it, where other names are in sight (constructs/at-before, constructs/sample).
    if (isNowhere(outer))
      throw this.refusal(
        'A sub-query stands where AT, BEFORE and SAMPLE take constants alone.',
        undefined,
        'Ask for the value first, and write it here.',
      );
    this.spend(PART, 'parts');
    const columns = walkQuery(this, value, ctes, outer);
    this.spend(columns.length, 'columns');
    return columns;
  }

  override source(item: unknown, scope: Scope, ctes: Ctes): Source {
    this.spend(PART, 'parts');
    const source = walkSource(this, item, scope, ctes);
    this.spend(source.columns.length, 'columns');
    return source;
  }

  override join(join: Body, scope: Scope, ctes: Ctes): void {
    this.spend(PART, 'parts');
    walkJoin(this, join, scope, ctes);
  }

  override expression(value: unknown, scope: Scope, ctes: Ctes, usage: ColumnUsage): readonly Origin[] {
    // Most fields of a node hold nothing.
    if (typeof value !== 'object' || value === null) return walkExpression(this, value, scope, ctes, usage);
    this.spend(PART, 'parts');
    return walkExpression(this, value, scope, ctes, usage);
  }

  change(kind: ChangeKind, body: Body): ReturnType<typeof kindsOf> {
    walkChange(this, kind, body);
    return kindsOf(this, kind);
  }

  hasPredicate(kind: ChangeKind): boolean {
    return saysWhichRows(this, kind);
  }

  target(value: unknown): Target {
    return targetOf(this, value).target;
  }

  /**
   * Where RESAMPLE stands in the statement, every column of every table takes part in it; the parser does not see its brackets, so the
   * names in them are held against the tables here.
   */
  resampled(): void {
    const { tokens, pairs, isResampled } = this.statement;
    if (!isResampled) return;
    this.findings.hasStar = true;
    for (const at of this.resampledNames) this.claimToken(at, 'alias');
    const known = new Set<string>();
    const keys = new Set<string>();
    for (const { object } of [...this.findings.tables]) {
      const key = objectKey(object);
      if (keys.has(key)) continue;
      keys.add(key);
      const columns = this.relations.columnsOf(object) ?? [];
      this.use(originsOf(columns, this.count), 'group', -1);
      for (const { name } of columns) if (name !== undefined) known.add(name);
    }
    const isMissing = this.findings.tables.some(({ object }) => !this.relations.has(objectKey(object)));
    tokens.forEach((token, at) => {
      if (!isWord(token, 'RESAMPLE') || !this.isKeyword(at)) return;
      for (let index = at + 2; index < (pairs.get(at + 1) ?? 0); index++) {
        const name = tokens[index];
        this.spend(1, 'tokens');
        if (!isName(name) || this.isKeyword(index) || this.claims.ownerOf(index) !== undefined) continue;
        if (isWord(name, 'IS_GENERATED', 'BUCKET_START') && isOperator(tokens[index + 1], '('))
          this.claimToken(index, 'function');
        else if (isMissing || known.has(nameOf(name))) this.claimToken(index, 'column');
      }
    });
  }

  /** After the walk: the functions that are called, and every name that nobody owns, those of the walk first. */
  owners(): Owned {
    const { statement, claims, inPattern } = this;
    const walked = { statement, claims, inPattern, calls: this.findings.calls };
    const { functions, called, unowned } = findOwners(walked, this.#words);
    const seen = new Set(this.findings.unowned.map(({ position }) => JSON.stringify(position)));
    const more = unowned.filter(({ position }) => !seen.has(JSON.stringify(position)));
    return { functions, called, unowned: [...this.findings.unowned, ...more] };
  }

  /** In a change, after `owners`: its names once more, without scopes. */
  words(): readonly NameInText[] {
    return namesInText(this);
  }
}

export type { Findings };
