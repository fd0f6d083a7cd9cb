/**
 * A second opinion: another parser, written by other people in another way, has to find the same tables, or the statement
 * is refused. A statement that it can't read is judged by the first parser alone; the walk's allow-list and Snowflake's own
 * compiler stand behind it.
 */
import { createRequire } from 'node:module';
import { z } from 'zod';
import type { Analysis } from './analysis.js';
import { Refusal } from './refusal.js';

const parserModule = z.object({
  Parser: z.custom<new () => { tableList: (sql: string, options: { database: string }) => unknown }>(
    (value) => typeof value === 'function',
  ),
});

// Only the Snowflake grammar: the package's main file would load every dialect.
const loaded: unknown = createRequire(import.meta.url)('node-sql-parser/build/snowflake.js');
const parser = new (parserModule.parse(loaded).Parser)();

/** A generated grammar can need exponential time on deep nesting, so it only sees statements of ordinary shape. */
const MAX_LENGTH = 16_384;
const MAX_DEPTH = 8;

function depthOf(text: string): number {
  let depth = 0;
  let most = 0;
  for (const character of text) {
    if (character === '(') most = Math.max(most, ++depth);
    if (character === ')') depth--;
  }
  return most;
}

/** The tables another parser sees, in capitals: dotted where it saw a qualifier. undefined where it can't read the text. */
function otherTables(text: string): string[] | undefined {
  if (text.length > MAX_LENGTH || depthOf(text) > MAX_DEPTH) return undefined;
  try {
    const list = z.array(z.string()).parse(parser.tableList(text, { database: 'snowflake' }));
    return list.map((entry) => {
      const [, qualifier = 'null', name = ''] = entry.split('::');
      return (qualifier === 'null' ? name : `${qualifier}.${name}`).toUpperCase();
    });
  } catch {
    return undefined;
  }
}

/** The names that our own walk found in the statement itself, views closed, in the same spelling. */
function ownTables(analysis: Analysis): Set<string> {
  const names = new Set<string>();
  for (const use of analysis.objects) {
    if (use.via.length > 0) continue;
    const { database, schema, name } = use.object;
    for (const spelling of [name, `${schema}.${name}`, `${database}.${schema}.${name}`])
      names.add(spelling.toUpperCase());
  }
  return names;
}

export interface Opinion {
  readonly read: boolean;
}

/** Throws a NOT_UNDERSTOOD Refusal where the other parser sees a table that the analysis lacks, or lacks one that it has. */
export function secondOpinion(analysis: Analysis, cteNames: ReadonlySet<string>): Opinion {
  if (analysis.kind !== 'select') return { read: false };
  const theirs = otherTables(analysis.statement.text);
  if (theirs === undefined) return { read: false };
  const ours = ownTables(analysis);
  const beyond = theirs.find((name) => !ours.has(name) && !cteNames.has(name));
  const direct = analysis.objects.filter((use) => use.via.length === 0);
  const lacking = direct.find(
    ({ object: { database, schema, name } }) =>
      ![name, `${schema}.${name}`, `${database}.${schema}.${name}`].some((spelling) =>
        theirs.includes(spelling.toUpperCase()),
      ),
  );
  if (beyond === undefined && lacking === undefined) return { read: true };
  throw new Refusal(
    'NOT_UNDERSTOOD',
    'Two parsers read this statement differently, so it is not run.',
    undefined,
    'Write it more plainly: name every table fully, and avoid unusual syntax.',
  );
}

/** Names that WITH defines anywhere in the statement, in capitals. */
export function cteNames(analysis: Analysis): Set<string> {
  const { tokens } = analysis.statement;
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
