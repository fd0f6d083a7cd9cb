/**
 * A statement analysed: which objects it reads and writes, views opened down to their base tables, which columns it touches,
 * which functions it calls, where in the text each of them stands.
 */
import type { FullAnalysis } from '../analysis/analysis.js';
import type { CatalogReader, Defaults, ObjectName } from '../analysis/catalog.js';
import { Effort } from '../analysis/effort.js';
import { spending } from '../analysis/spending.js';
import { loadParsers } from '../opinion/parsers.js';
import { Relations } from '../scope/relations.js';
import { tooMuch } from '../text/refusal.js';
import { type ParsedStatement, parseStatement, positionOf, type Statement } from '../text/statement.js';
import { assembled, finish } from './assemble.js';
import { load, type MayBeRead } from './load.js';
import { nothingOpened } from './opened.js';
import { namesOf, walk } from './walked.js';

/** A statement read by itself, before anything that it names is looked up. */
export interface Named {
  readonly parsed: ParsedStatement;
  readonly names: ReadonlyMap<string, ObjectName>;
  /** As it is where nobody knows any of its tables: what the rules say of their names can be told by it. */
  readonly analysis: FullAnalysis;
}

/** The walk goes as deep as the tree is. */
async function bounded<T>(statement: Statement, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RangeError)
      throw tooMuch('its queries and expressions are nested too deeply', positionOf(statement, 0));
    throw error;
  }
}

/**
 * Reads what a statement names. Throws a Refusal for what the text alone shows: so what it answers is the same whatever there is.
 * `defaults` are the session's database and schema.
 */
export async function readNames(statement: Statement, defaults: Defaults, effort: Effort): Promise<Named> {
  await effort.waitFor(loadParsers());
  return bounded(statement, () => {
    const parsed = parseStatement(statement);
    const walked = walk(parsed, new Relations(), defaults, effort);
    const names = namesOf(walked);
    return { parsed, names, analysis: assembled(parsed, defaults, nothingOpened(effort), [], walked) };
  });
}

/**
 * Analyses against the catalog what was read before, and may be looked up: views are opened only as far as `mayBeRead` lets them.
 * Throws a Refusal for whatever is not fully understood, and for what takes more than is left of the `effort`.
 */
export function lookUp(
  { parsed, names, analysis: { defaults } }: Named,
  reader: CatalogReader,
  effort: Effort,
  mayBeRead: MayBeRead,
): Promise<FullAnalysis> {
  return bounded(parsed, async () => {
    const opened = nothingOpened(effort);
    // A description opens nothing.
    if (parsed.kind === 'describe') for (const key of names.keys()) opened.begun.add(key);
    await load(names, { reader, mayBeRead, opened, spend: spending(effort, parsed, 'columns') });
    return finish(parsed, defaults, opened, []);
  });
}

/** Both at once, for whoever may see all that there is. */
export async function analyse(
  statement: Statement,
  reader: CatalogReader,
  defaults: Defaults,
  effort = new Effort(),
): Promise<FullAnalysis> {
  return lookUp(await readNames(statement, defaults, effort), reader, effort, () => true);
}
