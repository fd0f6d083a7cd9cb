/**
 * Second opinions: parsers written by other people in other ways have to find the same kind of statement and the same tables, or the
 * statement is refused. A statement that none of them can read is judged by the first parser alone; the walk's allow-list and
 * Snowflake's own compiler stand behind it.
 */
import type { FullAnalysis } from '../analysis/analysis.js';
import type { ObjectName } from '../analysis/catalog.js';
import { Refusal } from '../text/refusal.js';
import { withoutAllByName } from '../text/rewordings.js';
import type { Statement } from '../text/statement.js';
import { NodeSqlParser } from './node-sql-parser.js';
import type { Reader } from './reader.js';
import { RustParser } from './sqlparser-rs.js';

/** Parsers read the statement differently. Thrown as a refusal; a caller may count and log it. */
export class Disagreement extends Refusal {
  readonly parser: string;

  constructor(parser: string) {
    super(
      'NOT_UNDERSTOOD',
      'Two parsers read this statement differently, so it is not run.',
      { line: 1, column: 1 },
      'Write it more plainly: name every table fully, and avoid unusual syntax.',
    );
    this.name = 'Disagreement';
    this.parser = parser;
  }
}

/** The one that reads more comes first; undefined until they are loaded. */
let readers: readonly Reader[] | undefined;

/** For `loadParsers`. */
export async function loadReaders(): Promise<void> {
  readers = [await RustParser.load(), new NodeSqlParser()];
}

/** Whether a name as written, in full or in part, means this object. */
function means(parts: readonly string[], { database, schema, name }: ObjectName, isExact: boolean): boolean {
  const full = [database, schema, name].slice(3 - parts.length);
  const same = (left: string | undefined, right: string): boolean =>
    isExact ? left === right : left?.toUpperCase() === right.toUpperCase();
  return parts.length <= 3 && parts.every((part, at) => same(full[at], part));
}

export interface Opinion {
  /** Names of the parsers that could read the statement. */
  readonly readers: readonly string[];
}

/**
 * Throws a Disagreement where another parser sees another kind of statement, a table that the analysis lacks, or lacks one that it has.
 * Harmless differences, all of them: a CTE's name counts as a table for both other parsers; node-sql-parser folds every name, and does
 * not see tables within brackets (`FROM (a JOIN b)`): where sqlparser-rs has agreed, what it lacks does not count.
 */
export function secondOpinion(
  analysis: Pick<FullAnalysis, 'kind' | 'statement' | 'objects'>,
  cteNames: ReadonlySet<string>,
): Opinion {
  // Without them everything would pass.
  if (!readers) throw new Error('The other parsers were not loaded.');
  const { tokens } = analysis.statement;
  const text = analysis.kind === 'merge' ? withoutAllByName(tokens) : analysis.statement.text;
  const agreeing: string[] = [];
  if (analysis.kind === 'describe') return { readers: agreeing };
  const direct = analysis.objects.filter((use) => use.via.length === 0);
  for (const reader of readers) {
    // The table lists of node-sql-parser mix targets and sources of a change.
    if (analysis.kind !== 'select' && !reader.isExact) continue;
    const seen = reader.read(text, tokens, agreeing.length === 0);
    if (seen === undefined) continue;
    const isBeyond = seen.tables.some(
      (parts) =>
        !direct.some(({ object }) => means(parts, object, reader.isExact)) &&
        !(parts.length === 1 && cteNames.has((parts[0] ?? '').toUpperCase())),
    );
    const isLacking = direct.some(({ object }) => !seen.tables.some((parts) => means(parts, object, reader.isExact)));
    const isOtherKind = seen.kind !== undefined && seen.kind !== analysis.kind;
    const isBlind = !reader.isExact && agreeing.length > 0;
    if (isBeyond || (isLacking && !isBlind) || isOtherKind) throw new Disagreement(reader.name);
    agreeing.push(reader.name);
  }
  return { readers: agreeing };
}

/** Names that WITH defines anywhere in the statement, in capitals. */
export function cteNames({ tokens }: Statement): Set<string> {
  const names = new Set<string>();
  tokens.forEach((token, index) => {
    const isName = token.kind === 'word' || token.kind === 'quoted';
    if (!isName) return;
    // `name AS (` and `name (a, b) AS (` both define; a name that merely looks so only widens what is let pass by one word.
    let at = index + 1;
    if (tokens[at]?.text === '(') {
      while (at < tokens.length && tokens[at]?.text !== ')') at++;
      at++;
    }
    if (tokens[at]?.text.toUpperCase() === 'AS' && tokens[at + 1]?.text === '(')
      names.add((token.kind === 'quoted' ? token.text.slice(1, -1).replaceAll('""', '"') : token.text).toUpperCase());
  });
  return names;
}
