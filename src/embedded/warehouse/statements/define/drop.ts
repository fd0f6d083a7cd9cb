/** What takes away: DROP and TRUNCATE. */
import { missingObject, type Result, SUCCESS, statusResult, wrongKind } from '../../../../protocol/index.js';
import { unsupported } from '../../engine/errors.js';
import type { Execution } from '../execution.js';
import { pathParts, qualified, quote } from '../names.js';
import { dropPolicy, policyAsked } from './policies.js';

export async function drop(rest: string, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const policy = policyAsked(rest);
  if (policy) return dropPolicy(policy, execution);
  const match =
    /^(TABLE|VIEW|MATERIALIZED VIEW|SCHEMA|DATABASE|STAGE|FILE FORMAT|SEQUENCE|FUNCTION|PROCEDURE)\s+(IF\s+EXISTS\s+)?(.+?)(?:\s+(?:CASCADE|RESTRICT))?$/is.exec(
      rest.trim(),
    );
  if (!match) throw unsupported('this form of DROP');
  const isMaterialized = /^MATERIALIZED/i.test(match[1] ?? '');
  const kind = isMaterialized ? 'VIEW' : (match[1] ?? '').toUpperCase();
  const parts = pathParts(match[3] ?? '');
  const [name = '', schema = session.schema, database = session.database] = [...parts].reverse();
  const gone = (): Result => {
    if (match[2]) return statusResult(`Drop statement executed successfully (${name} already dropped).`);
    throw missingObject(parts.join('.'));
  };
  if (kind === 'TABLE' || kind === 'VIEW') {
    const relation = engine.catalog.find(database, schema, name);
    if (relation?.kind !== kind.toLowerCase()) return gone();
    if (kind === 'VIEW' && (relation.madeOf !== undefined) !== isMaterialized)
      throw wrongKind(
        relation.madeOf !== undefined ? 'MATERIALIZED_VIEW' : 'VIEW',
        isMaterialized ? 'MATERIALIZED_VIEW' : 'VIEW',
      );
    await session.connection.run(`DROP ${kind} ${qualified(relation)}`);
    await engine.catalog.forget(relation);
    return statusResult(`${name} successfully dropped.`);
  }
  if (kind === 'SCHEMA') {
    const [schemaName = '', databaseName = session.database] = [...parts].reverse();
    if (!engine.catalog.schemas().some((known) => known.database === databaseName && known.schema === schemaName))
      return gone();
    await session.connection.run(`DROP SCHEMA ${quote(databaseName)}.${quote(schemaName)} CASCADE`);
    await engine.catalog.policies.forgetWithin(databaseName, schemaName);
    return statusResult(`${schemaName} successfully dropped.`);
  }
  if (kind === 'DATABASE') {
    if (!(await engine.catalog.databases()).includes(name)) return gone();
    await session.connection.run(`DETACH ${quote(name)}`);
    await engine.catalog.policies.forgetWithin(name);
    return statusResult(`${name} successfully dropped.`);
  }
  if (match[2]) return gone();
  throw unsupported(`DROP ${kind}`);
}

export async function truncate(rest: string, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const match = /^(?:TABLE\s+)?(IF\s+EXISTS\s+)?(.+)$/is.exec(rest.trim());
  const parts = pathParts(match?.[2] ?? '');
  const [name = '', schema = session.schema, database = session.database] = [...parts].reverse();
  const relation = engine.catalog.find(database, schema, name);
  if (!relation) {
    if (match?.[1]) return statusResult(SUCCESS);
    throw missingObject(parts.join('.'));
  }
  await session.connection.run(`DELETE FROM ${qualified(relation)}`);
  return statusResult(SUCCESS);
}
