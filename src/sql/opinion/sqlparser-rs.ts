/** The second parser in WebAssembly, sqlparser-rs: it tells kind and tables, as they are written. */
import { readFile } from 'node:fs/promises';
import { isWord, type Token } from '../text/lex.js';
import { asBody, asList, asText, type Body, bodiesIn, folded, isBody } from '../text/tree.js';
import type { Reader, Seen } from './reader.js';

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
  for (const item of bodiesIn(tree)) {
    const table = asBody(item['Table']);
    // With arguments it is a function.
    if (Array.isArray(table['name']) && !isBody(table['args'])) found.push(nameParts(table['name']));
    if (Array.isArray(item['TableName'])) found.push(nameParts(item['TableName']));
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
