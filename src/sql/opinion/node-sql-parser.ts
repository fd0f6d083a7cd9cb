/** The second parser in JavaScript, `node-sql-parser`: it tells tables and no kinds. */
import { createRequire } from 'node:module';
import { z } from 'zod';
import { isWord, type Token } from '../text/lex.js';
import type { Reader, Seen } from './reader.js';

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

const parserModule = z.object({
  Parser: z.custom<new () => { tableList: (sql: string, options: { database: string }) => unknown }>(
    (value) => typeof value === 'function',
  ),
});

export class NodeSqlParser implements Reader {
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
