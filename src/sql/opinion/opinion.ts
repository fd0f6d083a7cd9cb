/**
 * Second opinions: parsers written by other people in other ways have to find the same kind of statement and the same tables, or the
 * statement is refused. A statement that none of them can read is judged by the first parser alone; the walk's allow-list and
 * Snowflake's own compiler stand behind it.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { z } from 'zod';
import type { FullAnalysis } from '../analysis/analysis.js';
import type { ObjectName } from '../analysis/catalog.js';
import { isWord, type Token } from '../text/lex.js';
import { Refusal } from '../text/refusal.js';
import type { Statement } from '../text/statement.js';
import { asBody, asList, asText, type Body, folded, isBody } from '../text/tree.js';

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

/** What another parser sees. */
interface Seen {
  /** undefined where it does not say. */
  readonly kind: string | undefined;
  /** The parts of each table's name as far as they are written. */
  readonly tables: readonly (readonly string[])[];
}

interface Reader {
  readonly name: string;
  /** It keeps names apart that differ only in case. */
  readonly isExact: boolean;
  /** undefined where it can't read the text, or the text is beyond what it is safe to give it. `isAlone`: no other has read it. */
  read(text: string, tokens: readonly Token[], isAlone: boolean): Seen | undefined;
}

/** How deep brackets of any kind and CASE stand in each other. */
function depthOf(tokens: readonly Token[]): number {
  let depth = 0;
  let most = 0;
  for (const token of tokens) {
    if (/^[([{]$/.test(token.text) || isWord(token, 'CASE')) most = Math.max(most, ++depth);
    if (/^[)\]}]$/.test(token.text) || isWord(token, 'END')) depth--;
  }
  return most;
}

// --- node-sql-parser

const parserModule = z.object({
  Parser: z.custom<new () => { tableList: (sql: string, options: { database: string }) => unknown }>(
    (value) => typeof value === 'function',
  ),
});

class NodeSqlParser implements Reader {
  readonly name = 'node-sql-parser';
  readonly isExact = false;
  // Only the Snowflake grammar: the package's main file would load every dialect.
  readonly #parser = new (parserModule.parse(
    createRequire(import.meta.url)('node-sql-parser/build/snowflake.js') as unknown,
  ).Parser)();

  read(text: string, tokens: readonly Token[], isAlone: boolean): Seen | undefined {
    // Its generated grammar goes back and forth: a few hundred characters, three brackets deep, can take it half a second. So it
    // sees flat statements of a moderate length, and deeper ones only where they are short and no other parser could read them.
    // Of a chain of INTERVALs it tries every reading: twenty of them, some hundred characters, end the process.
    if (tokens.filter((token) => isWord(token, 'INTERVAL')).length > 2) return undefined;
    if (text.length > 16_384 || tokens.length > 1500) return undefined;
    if (depthOf(tokens) > (isAlone && text.length <= 200 ? 4 : 2)) return undefined;
    try {
      const list = z.array(z.string()).parse(this.#parser.tableList(text, { database: 'snowflake' }));
      const tables = list.map((entry) => {
        const [, qualifier = 'null', name = ''] = entry.split('::');
        return [...(qualifier === 'null' ? [] : qualifier.split('.')), name];
      });
      return { kind: undefined, tables };
    } catch {
      return undefined;
    }
  }
}

// --- sqlparser-rs

const PACKAGE = '@guanmingchiu/sqlparser-ts';
const MAX_INSTANCES = 100;
/** Over all parsers of the process: the address that makes a module a new one. */
let instances = 0;

/** What we use of it; Node's types leave it out. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly compile: (code: Uint8Array) => Promise<object>;
    readonly RuntimeError: new () => Error;
  };
};

interface RustModule {
  readonly initSync: (options: { module: object }) => unknown;
  readonly parse_sql: (dialect: string, sql: string) => unknown;
}

const KINDS: Readonly<Record<string, string>> = {
  Query: 'select',
  Insert: 'insert',
  Update: 'update',
  Delete: 'delete',
  Merge: 'merge',
};

/** `[{Identifier: {value, quote_style}}, …]` */
function nameParts(value: unknown): string[] {
  return (
    asList(value)
      .map((part) => asBody(asBody(part)['Identifier']))
      // Nothing between two dots is the schema PUBLIC.
      .map((part) => (part['value'] === '' ? { value: 'PUBLIC' } : part))
      .map((part: Body) =>
        folded({
          name: asText(part['value']),
          quoted: typeof part['quote_style'] === 'string',
          start: 0,
          end: 0,
        }),
      )
  );
}

/** Every table that the tree names, at any depth. */
function rustTables(tree: unknown): string[][] {
  const found: string[][] = [];
  const open: unknown[] = [tree];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (Array.isArray(item)) {
      open.push(...item.filter((part) => part !== undefined));
      continue;
    }
    if (!isBody(item)) continue;
    const table = asBody(item['Table']);
    // With arguments it is a function.
    if (Array.isArray(table['name']) && !isBody(table['args'])) found.push(nameParts(table['name']));
    if (Array.isArray(item['TableName'])) found.push(nameParts(item['TableName']));
    open.push(...Object.values(item).filter((part) => typeof part === 'object' && part !== null));
  }
  return found;
}

/**
 * A chain of some hundred operators makes the WASM instance trap ("memory access out of bounds"), and then every later call to it
 * fails. So what it sees is bounded, and after a trap there is a new instance.
 */
export class RustParser implements Reader {
  readonly name = 'sqlparser-rs';
  readonly isExact = true;
  readonly #glue: URL;
  readonly #code: object;
  #module: RustModule | undefined;
  #instances = 0;

  private constructor(glue: URL, code: object) {
    this.#glue = glue;
    this.#code = code;
  }

  static async load(): Promise<RustParser> {
    const glue = new URL('../wasm/sqlparser_rs_wasm.js', import.meta.resolve(PACKAGE));
    const code = await WebAssembly.compile(await readFile(new URL('./sqlparser_rs_wasm_bg.wasm', glue)));
    const parser = new RustParser(glue, code);
    await parser.#renew();
    return parser;
  }

  /** How often it had to be made anew. */
  get renewals(): number {
    return this.#instances - 1;
  }

  /** The module keeps one instance; another address gives another module. */
  async #renew(): Promise<void> {
    if (this.#instances >= MAX_INSTANCES) return;
    this.#instances++;
    instances++;
    const made = (await import(`${this.#glue.href}?instance=${instances}`)) as RustModule;
    made.initSync({ module: this.#code });
    this.#module = made;
  }

  /** For tests and for whoever knows better than the bounds. Throws what the parser throws, a trap included. */
  parse(text: string): unknown {
    try {
      return this.#module?.parse_sql('snowflake', text);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
        this.#module = undefined;
        void this.#renew();
      }
      throw error;
    }
  }

  read(text: string, tokens: readonly Token[]): Seen | undefined {
    if (this.#module === undefined || tokens.length > 4000 || chains(tokens) > 250) return undefined;
    let trees: readonly unknown[];
    try {
      trees = asList(this.parse(text));
    } catch {
      return undefined;
    }
    const [tree, ...more] = trees;
    if (!isBody(tree) || more.length > 0) return undefined;
    return { kind: KINDS[Object.keys(tree)[0] ?? ''] ?? 'another', tables: rustTables(tree) };
  }
}

/** Operators and set operations: the parser puts a chain of them into a tree as deep as it is long. */
const chains = (tokens: readonly Token[]): number =>
  tokens.filter(
    (token) =>
      (token.kind === 'operator' && !/^[(),.]$/.test(token.text)) ||
      isWord(token, 'AND', 'OR', 'UNION', 'EXCEPT', 'MINUS', 'INTERSECT', 'NOT', 'JOIN', 'CASE'),
  ).length;

/** The one that reads more comes first; undefined until they are loaded. */
let readers: readonly Reader[] | undefined;

/** For `loadParsers`. */
export async function loadReaders(): Promise<void> {
  readers = [await RustParser.load(), new NodeSqlParser()];
}

// --- the comparison

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
  const { tokens, text } = analysis.statement;
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
