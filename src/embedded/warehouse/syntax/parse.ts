/** polyglot, as the embedded warehouse uses it: Snowflake text in, tree out; tree in, DuckDB text out. */
// First: it settles how the parser's WebAssembly is optimised.
import '../../../sql/index.js';
import * as polyglot from '@polyglot-sql/sdk';
import { syntaxError } from '../../../protocol/index.js';
import { asBody, asList } from '../../../sql/index.js';

export interface TokenText {
  readonly type: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** One tree for each statement in the text. Throws Snowflake's syntax error. */
export function parse(sql: string): readonly unknown[] {
  let result: ReturnType<typeof polyglot.parse>;
  try {
    result = polyglot.parse(sql, polyglot.Dialect.Snowflake);
  } catch (error) {
    throw syntaxError(`unexpected. ${String(error)}`);
  }
  if (!result.success) throw syntaxError(`unexpected. ${result.error ?? ''}`, result.errorLine, result.errorColumn);
  return asList(result.ast);
}

/** DuckDB's spelling of a tree that the rules have gone over. */
export function toDuckSql(tree: unknown): string {
  const snowflake = polyglot.generate([tree], polyglot.Dialect.Snowflake);
  const text = snowflake.sql?.[0];
  if (!snowflake.success || text === undefined) throw syntaxError(`unexpected. ${snowflake.error ?? ''}`);
  const duck = polyglot.transpile(text, polyglot.Dialect.Snowflake, polyglot.Dialect.DuckDB);
  if (!duck.success) throw syntaxError(`unexpected. ${duck.error ?? ''}`);
  return duck.sql?.[0] ?? '';
}

/** Where a place that the parser counts in code points stands in the text. */
function placesIn(sql: string): (place: number) => number {
  if (!/[\uD800-\uDBFF]/.test(sql)) return (place) => place;
  const places = [0];
  for (const character of sql) places.push((places.at(-1) ?? 0) + character.length);
  return (place) => places[place] ?? sql.length;
}

export function tokens(sql: string): TokenText[] {
  const result = polyglot.tokenize(sql, polyglot.Dialect.Snowflake);
  if (!result.success) throw syntaxError(`unexpected. ${result.error ?? ''}`);
  const placeOf = placesIn(sql);
  return asList(result.tokens)
    .map(asBody)
    .map((token) => {
      const span = asBody(token['span']);
      return {
        type: String(token['token_type']),
        text: String(token['text']),
        start: placeOf(Number(span['start'])),
        end: placeOf(Number(span['end'])),
      };
    });
}

/** The texts between semicolons; empty ones fall away. */
export function splitStatements(sql: string): string[] {
  if (!sql.includes(';')) return sql.trim() === '' ? [] : [sql];
  const out: string[] = [];
  let start = 0;
  let any = false;
  for (const token of tokens(sql)) {
    if (token.type !== 'SEMICOLON') {
      any = true;
      continue;
    }
    if (any) out.push(sql.slice(start, token.start));
    start = token.end;
    any = false;
  }
  if (any) out.push(sql.slice(start));
  return out.map((text) => text.trim());
}
