/** One statement of one session: which kind it is, and what answers it. */
import { type Bind, emptyStatement, type Result, syntaxError } from '../../../protocol/index.js';
import { unsupported } from '../engine/errors.js';
import { bare } from '../syntax/bare.js';
import { alter } from './define/alter.js';
import { create } from './define/create.js';
import { drop, truncate } from './define/drop.js';
import { describe, getDdl } from './describe.js';
import type { Execution } from './execution.js';
import { explain } from './explain.js';
import { run, runMany } from './run.js';
import { alterSession, setVariable, transaction, unsetVariable, use } from './session-commands.js';
import { show } from './show.js';
import { wait } from './wait.js';

/** The statement's answer. Throws SnowflakeError, or DuckDB's error for the caller to translate. */
export async function execute(sql: string, binds: readonly (readonly Bind[])[], execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const text = bare(sql);
  if (text === '') throw emptyStatement();
  const match = /^(\w+)\s*(.*)$/s.exec(text);
  const word = (match?.[1] ?? '').toUpperCase();
  const rest = match?.[2] ?? '';
  const changed = async (result: Promise<Result>): Promise<Result> => {
    const answer = await result;
    await engine.catalog.refresh();
    return answer;
  };
  switch (word) {
    case 'USE':
      return use(rest, session);
    case 'SET':
      return setVariable(rest, session);
    case 'UNSET':
      return unsetVariable(rest, session);
    case 'ALTER':
      if (/^SESSION\b/i.test(rest)) return alterSession(rest.replace(/^SESSION\s*/i, ''), session);
      return changed(alter(rest, execution));
    case 'SHOW':
      return show(rest, session, engine.catalog);
    case 'DESC':
    case 'DESCRIBE':
      return describe(rest, session, engine.catalog);
    case 'CREATE':
      return changed(create(sql, execution));
    case 'DROP':
      return changed(drop(rest, execution));
    case 'TRUNCATE':
      return truncate(rest, execution);
    case 'BEGIN':
    case 'START':
    case 'COMMIT':
    case 'ROLLBACK':
      return transaction(text, session);
    case 'CALL':
      return wait(rest, execution);
    case 'EXPLAIN':
      return explain(rest, binds[0] ?? [], execution);
    case 'SELECT': {
      const ddl = /^GET_DDL\s*\(\s*'(\w+)'\s*,\s*'([^']+)'\s*\)$/i.exec(rest);
      if (ddl) return getDdl(ddl[1] ?? '', ddl[2] ?? '', execution);
      return run(sql, binds[0] ?? [], execution);
    }
    case 'WITH':
    case 'VALUES':
      return run(sql, binds[0] ?? [], execution);
    case 'INSERT':
      return binds.length > 1 ? runMany(text, binds, execution) : run(text, binds[0] ?? [], execution);
    case 'UPDATE':
    case 'DELETE':
    case 'MERGE':
      return run(text, binds[0] ?? [], execution);
    default:
      if (text.startsWith('(')) return run(sql, binds[0] ?? [], execution);
      if (/^(?:EXECUTE|COPY|PUT|GET|LIST|LS|REMOVE|RM|GRANT|REVOKE|UNDROP|COMMENT|DECLARE)$/.test(word))
        throw unsupported(word);
      throw syntaxError(`unexpected '${word}'.`);
  }
}
