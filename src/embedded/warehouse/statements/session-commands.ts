/** Statements that change their session and nothing else: USE, SET, ALTER SESSION, transactions. */
import {
  invalidParameter,
  type Result,
  STATEMENT_TYPE,
  SUCCESS,
  statusResult,
  syntaxError,
} from '../../../protocol/index.js';
import { unsupported } from '../engine/errors.js';
import type { Session } from './execution.js';
import { pathParts, unquote } from './names.js';

export function use(rest: string, session: Session): Result {
  const match = /^(?:(ROLE|WAREHOUSE|DATABASE|SCHEMA|SECONDARY\s+ROLES)\s+)?(.+)$/is.exec(rest.trim());
  const kind = (match?.[1] ?? '').toUpperCase().replace(/\s+/g, ' ');
  const parts = pathParts(match?.[2] ?? '');
  const [first = '', second] = parts;
  if (kind === 'ROLE') session.role = first;
  else if (kind === 'WAREHOUSE') session.warehouse = first;
  else if (kind === 'SECONDARY ROLES') session.secondaryRoles = first;
  else if (kind === 'SCHEMA' && second === undefined) session.schema = first;
  else {
    session.database = first;
    session.schema = second ?? 'PUBLIC';
  }
  return statusResult(SUCCESS, STATEMENT_TYPE.command);
}

export async function alterSession(rest: string, session: Session): Promise<Result> {
  const set = /^SET\s+(.+)$/is.exec(rest.trim());
  if (set) {
    const pairs = [...(set[1] ?? '').matchAll(/([\w$]+)\s*=\s*('(?:[^'\\]|''|\\.)*'|[\w.+-]+)/g)];
    if (pairs.length === 0) throw syntaxError('unexpected. ALTER SESSION SET needs NAME = VALUE');
    for (const [, name = '', raw = ''] of pairs) {
      const value = raw.startsWith("'") ? raw.slice(1, -1).replaceAll("''", "'") : raw;
      await setParameter(session, name, value);
    }
    return statusResult(SUCCESS, STATEMENT_TYPE.command);
  }
  const unset = /^UNSET\s+([\w$, ]+)$/is.exec(rest.trim());
  if (!unset) throw syntaxError('unexpected. ALTER SESSION takes SET or UNSET');
  for (const name of (unset[1] ?? '').split(',')) {
    session.parameters.unset(name.trim());
    if (/^TIMEZONE$/i.test(name.trim())) await setParameter(session, 'TIMEZONE', session.parameters.text('TIMEZONE'));
  }
  return statusResult(SUCCESS, STATEMENT_TYPE.command);
}

export async function setParameter(session: Session, name: string, value: unknown): Promise<void> {
  if (name.toUpperCase() === 'TIMEZONE') {
    try {
      await session.connection.run(`SET TimeZone = '${String(value).replaceAll("'", "''")}'`);
    } catch {
      throw invalidParameter(String(value), 'TIMEZONE');
    }
  }
  session.parameters.set(name, value);
}

export function setVariable(rest: string, session: Session): Result {
  const match = /^([\w$]+)\s*=\s*('(?:[^']|'')*'|-?[\d.]+|TRUE|FALSE)$/is.exec(rest.trim());
  if (!match) throw unsupported('SET with an expression');
  const raw = match[2] ?? '';
  const value = raw.startsWith("'")
    ? raw.slice(1, -1).replaceAll("''", "'")
    : /^(?:true|false)$/i.test(raw)
      ? /^true$/i.test(raw)
      : Number(raw);
  session.variables.set((match[1] ?? '').toUpperCase(), value);
  return statusResult(SUCCESS, STATEMENT_TYPE.command);
}

export function unsetVariable(rest: string, session: Session): Result {
  session.variables.delete(unquote(rest.trim()));
  return statusResult(SUCCESS, STATEMENT_TYPE.command);
}

export async function transaction(text: string, session: Session): Promise<Result> {
  const word = (text.split(/\s+/)[0] ?? '').toUpperCase();
  const begins = word === 'BEGIN' || word === 'START';
  if (begins !== session.inTransaction) {
    // Whatever DuckDB says to a COMMIT or ROLLBACK, its transaction is over.
    if (!begins) session.inTransaction = false;
    await session.connection.run(begins ? 'BEGIN TRANSACTION' : word);
    session.inTransaction = begins;
  }
  return statusResult(SUCCESS, STATEMENT_TYPE.transaction);
}
