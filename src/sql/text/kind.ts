/** What sort of statement it is, told by its first words (documentation page sql-reference/sql-all). */
import { isOperator, isWord, type Token } from './lex.js';

export const STATEMENT_KINDS = [
  'select',
  'describe',
  'show',
  'explain',
  'insert',
  'update',
  'delete',
  'merge',
  'copy_into_table',
  'unload',
  'create',
  'alter',
  'drop',
  'truncate',
  'grant',
  'call',
  'execute',
  'stage_file',
  'session',
] as const;

export type StatementKind = (typeof STATEMENT_KINDS)[number];

const RUN: ReadonlySet<StatementKind> = new Set(['select', 'describe', 'insert', 'update', 'delete', 'merge']);

/** Whether statements of this kind are ever run: the others are not analysed, so they are refused whatever a rule says of them. */
export const isRun = (kind: StatementKind): boolean => RUN.has(kind);

const BY_WORD: Readonly<Record<string, StatementKind>> = {
  SELECT: 'select',
  VALUES: 'select',
  DESC: 'describe',
  DESCRIBE: 'describe',
  SHOW: 'show',
  EXPLAIN: 'explain',
  INSERT: 'insert',
  UPDATE: 'update',
  DELETE: 'delete',
  MERGE: 'merge',
  CREATE: 'create',
  UNDROP: 'create',
  ALTER: 'alter',
  COMMENT: 'alter',
  DROP: 'drop',
  TRUNCATE: 'truncate',
  GRANT: 'grant',
  REVOKE: 'grant',
  CALL: 'call',
  EXECUTE: 'execute',
  DECLARE: 'execute',
  PUT: 'stage_file',
  GET: 'stage_file',
  LIST: 'stage_file',
  LS: 'stage_file',
  REMOVE: 'stage_file',
  RM: 'stage_file',
  USE: 'session',
  SET: 'session',
  UNSET: 'session',
  START: 'session',
  COMMIT: 'session',
  ROLLBACK: 'session',
};

/** The index of the first token after the parenthesis that opens at `open`. */
function afterGroup(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    if (isOperator(tokens[at], '(')) depth++;
    if (isOperator(tokens[at], ')') && --depth === 0) return at + 1;
  }
  return tokens.length;
}

/** After WITH and its definitions, the word that says what the statement does. */
function afterWith(tokens: readonly Token[]): StatementKind | undefined {
  let at = isWord(tokens[1], 'RECURSIVE') ? 2 : 1;
  while (at < tokens.length) {
    const token = tokens[at];
    if (isOperator(token, '(')) {
      at = afterGroup(tokens, at);
      continue;
    }
    if (isWord(token, 'PROCEDURE', 'CALL')) return 'call';
    if (isWord(token, 'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE')) return BY_WORD[token?.text.toUpperCase() ?? ''];
    at++;
  }
  return undefined;
}

/** undefined where no Snowflake statement starts like this. */
export function kindOf(tokens: readonly Token[]): StatementKind | undefined {
  const first = tokens.find((token) => !isOperator(token, '('));
  if (first?.kind !== 'word') return undefined;
  const word = first.text.toUpperCase();
  const second = tokens[1];
  switch (word) {
    case 'WITH':
      return afterWith(tokens.slice(tokens.indexOf(first)));
    case 'ALTER':
      return isWord(second, 'SESSION') ? 'session' : 'alter';
    case 'BEGIN': {
      // Alone or with TRANSACTION, WORK or NAME it opens a transaction; otherwise a block of Snowflake Scripting.
      const isTransaction =
        second === undefined || isWord(second, 'TRANSACTION', 'WORK', 'NAME') || isOperator(second, ';');
      return isTransaction ? 'session' : 'execute';
    }
    case 'COPY': {
      const target = tokens[2];
      const isLocation = isOperator(target, '@') || target?.kind === 'string';
      return isLocation ? 'unload' : 'copy_into_table';
    }
    default:
      return BY_WORD[word];
  }
}
