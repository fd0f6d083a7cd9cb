/**
 * After the walk: every word and quoted name of the text has an owner, or the statement is refused (law 1 of what a statement may
 * do). Functions are told here, by their names as they are written: a parser knows functions of other dialects, and on Snowflake
 * `IIF(…)` or `"upper"(…)` call whatever stands in the search path (documentation pages name-resolution, functions-all).
 */
import type { FunctionUse, Unowned } from '../analysis/analysis.js';
import { dangerOf } from '../functions/danger.js';
import { type FunctionClass, isPure, type SnowflakeFunction, snowflakeFunction } from '../functions/index.js';
import { isInHierarchy } from '../text/clauses.js';
import { isOperator, isWord, type Token } from '../text/lex.js';
import { positionOf, type Statement } from '../text/statement.js';
import { type Claims, isName, nameOf } from './claims.js';
import { isReserved } from './keywords.js';
import { isOwnBracket, type WalkedText } from './own-brackets.js';
import { type Call, callAt } from './places.js';

/** More of them tell nobody more. */
const MAX_UNOWNED = 16;

/** Nobody has to decide on these, nor is anything of them recorded. */
const PLAIN: ReadonlySet<FunctionClass> = new Set(['pure', 'aggregate', 'window']);

export interface Owned {
  readonly functions: readonly FunctionUse[];
  /** Every function that the text calls, whatever it is and however it is written: in quotes, without brackets, with its place. */
  readonly called: ReadonlySet<string>;
  readonly unowned: readonly Unowned[];
}

class Owners {
  readonly #walked: WalkedText;
  readonly #statement: Statement;
  readonly #pairs: ReadonlyMap<number, number>;
  readonly #claims: Claims;
  readonly #keywords: ReadonlySet<number>;
  readonly #calls: ReadonlySet<string>;
  readonly functions: FunctionUse[] = [];
  readonly called = new Set<string>();
  readonly unowned: Unowned[] = [];

  constructor(walked: WalkedText, keywords: ReadonlySet<number>) {
    this.#walked = walked;
    this.#calls = walked.calls;
    this.#statement = walked.statement;
    this.#pairs = walked.statement.pairs;
    this.#claims = walked.claims;
    this.#keywords = keywords;
  }

  run(): void {
    const { tokens } = this.#statement;
    tokens.forEach((token, at) => {
      if (!isName(token)) return;
      const owner = this.#claims.ownerOf(at);
      if (owner === undefined) this.#name(token, at);
      // Whatever the walk took it for: before a bracket it is called, unless the bracket belongs to what it is.
      else if (isOperator(tokens[at + 1], '(') && !isOwnBracket(this.#walked, at, owner))
        this.#refuse(at, `${token.text.slice(0, 100)}( … ) can be read in two ways here.`, 'Write it more plainly.');
    });
  }

  #name(token: Token, at: number): void {
    const call = this.#callOf(at);
    if (call) this.#call(call);
    else if (this.#keywords.has(at)) this.#claims.claim(at, 'keyword');
    else if (token.kind === 'word' && snowflakeFunction(token.text.toUpperCase())?.noBrackets) this.#bare(token, at);
    // The parts before the last of a qualified call are claimed with it.
    else if (!this.#beginsCall(at)) this.#refuse(at, `${token.text.slice(0, 100)} names nothing that is known here.`);
  }

  /** A word before a bracket is called, unless the grammar wants the word there. `LEFT JOIN (` and `LEFT(a, 1)`: both words are reserved. */
  #callOf(at: number): Call | undefined {
    const { tokens } = this.#statement;
    const call = callAt(tokens, this.#pairs, at);
    if (!call) return undefined;
    if (call.from < at) return call;
    // What the parser takes for a call is one, whatever the word: `AT(x)` in an expression calls whoever has that name.
    if (!this.#keywords.has(at) || this.#calls.has(call.name)) return call;
    return isReserved(tokens[at]) && this.#isReservedCall(at) ? call : undefined;
  }

  /** Reserved words that Snowflake has functions of: a call where an expression begins. */
  #isReservedCall(at: number): boolean {
    const { tokens } = this.#statement;
    if (!isWord(tokens[at], 'LEFT', 'RIGHT', 'INSERT', 'LIKE', 'ILIKE', 'RLIKE', 'REGEXP')) return false;
    const before = tokens[at - 1];
    const isBehindValue =
      before !== undefined && (before.kind !== 'operator' || /^[)\]]$/.test(before.text)) && !isReserved(before);
    return !isBehindValue && !(isWord(tokens[at], 'INSERT') && isWord(before, 'THEN'));
  }

  #beginsCall(at: number): boolean {
    const { tokens } = this.#statement;
    let last = at;
    while (isOperator(tokens[last + 1], '.') && isName(tokens[last + 2])) last += 2;
    return last > at && callAt(tokens, this.#pairs, last) !== undefined && this.#claims.ownerOf(last) === undefined;
  }

  /** CURRENT_DATE and its kin, which need no brackets. */
  #bare(token: Token, at: number): void {
    this.#claims.claim(at, 'function');
    const known = snowflakeFunction(token.text.toUpperCase());
    if (!known) return;
    this.called.add(known.name);
    this.functions.push(this.#use(known.name, at, known));
  }

  #call(call: Call): void {
    const { tokens } = this.#statement;
    this.called.add(call.name);
    for (let at = call.from; at <= call.at; at += 2) this.#claims.claim(at, 'function');
    // A quoted name is a function of Snowflake's only where it is that name in capitals.
    const known = this.#isHere(call) ? snowflakeFunction(call.name) : undefined;
    if (call.name === 'IDENTIFIER') {
      this.#refuse(call.at, 'IDENTIFIER() hides which object is meant.', 'Write the name itself.');
      return;
    }
    if (!known || !PLAIN.has(known.class)) this.functions.push(this.#use(call.name, call.from, known));
    // Of the others Snowflake adds arguments often, and a policy has to list them anyway.
    if (!known || !(isPure(known.class) || known.class === 'table')) return;
    const count = call.args.length;
    const isStar = call.args.some(({ from, to }) => to - from >= 1 && isOperator(tokens[to - 1], '*'));
    if (isStar) return;
    if (count < known.least || (known.most !== undefined && count > known.most))
      this.#refuse(call.at, `${known.name} takes ${counted(known)}, and ${count} stand here.`);
  }

  /** Functions that belong to a construct are Snowflake's within it; anywhere else a user's may have the name. */
  #isHere({ name, at }: Call): boolean {
    const { clauses } = this.#statement;
    const page = snowflakeFunction(name)?.page;
    if (page === 'constructs/match_recognize') return (clauses.at[at]?.match ?? -1) >= 0;
    return page !== 'constructs/connect-by' || isInHierarchy(clauses, at);
  }

  #use(name: string, token: number, known: SnowflakeFunction | undefined): FunctionUse {
    const position = this.#position(token);
    if (known && isPure(known.class)) return { name, class: 'pure', reason: undefined, position };
    if (known?.class === 'table') return { name, class: 'table', reason: undefined, position };
    // Where the session is: what describe says as well.
    if (/^CURRENT_(?:DATABASE|SCHEMA)$/.test(name)) return { name, class: 'pure', reason: undefined, position };
    const danger = dangerOf(name, known?.class);
    return danger
      ? { name, class: danger.class, reason: danger.reason, position }
      : { name, class: 'user-defined', reason: undefined, position };
  }

  #refuse(at: number, what: string, hint?: string): void {
    if (this.unowned.length < MAX_UNOWNED)
      this.unowned.push({ what, name: nameAt(this.#statement.tokens[at]), position: this.#position(at), hint });
  }

  #position(at: number) {
    return positionOf(this.#statement, at);
  }
}

const nameAt = (token: Token | undefined): string => (token && isName(token) ? nameOf(token) : '');

function counted({ least, most }: SnowflakeFunction): string {
  const plural = (count: number): string => `${count} argument${count === 1 ? '' : 's'}`;
  if (most === undefined) return `at least ${plural(least)}`;
  return least === most ? plural(least) : `${least} to ${plural(most)}`;
}

/** Gives what is left its owner, and says what has none. */
export function findOwners(walked: WalkedText, keywords: ReadonlySet<number>): Owned {
  const owners = new Owners(walked, keywords);
  owners.run();
  return { functions: owners.functions, called: owners.called, unowned: owners.unowned };
}
