/** What an object is: DESCRIBE, with the columns that Snowflake documents (sql-reference/sql/desc-table), and GET_DDL. */
import {
  localResult,
  missingObject,
  missingPolicy,
  type Result,
  STATEMENT_TYPE,
  spellType,
} from '../../../protocol/index.js';
import type { Catalog } from '../engine/catalog.js';
import { unsupported } from '../engine/errors.js';
import { dotted, type PolicyKind } from '../engine/policies.js';
import type { Execution, Session } from './execution.js';
import { PATH, pathParts } from './names.js';

/** sql/desc-row-access-policy, sql/desc-masking-policy: types of arguments without their lengths, the type of the result with it. */
function describePolicy(path: string, kind: PolicyKind, session: Session, catalog: Catalog): Result {
  const [name = '', schema = session.schema, database = session.database] = pathParts(path).reverse();
  const policy = catalog.policies.find({ database, schema, name });
  if (policy?.kind !== kind || !catalog.mayGovern(session.role))
    throw missingPolicy(kind, [database, schema, name].join('.'));
  const args = policy.args.map((arg) => `${arg.name} ${arg.type.replace(/\(.*/, '')}`);
  return localResult(
    ['name', 'signature', 'return_type', 'body'],
    [[policy.name, `(${args.join(', ')})`, policy.returns, policy.body]],
  );
}

/** DESCRIBE TABLE, VIEW or a policy; the argument is the text after DESCRIBE. */
export function describe(rest: string, session: Session, catalog: Catalog): Result {
  const policy = new RegExp(`^(ROW\\s+ACCESS|MASKING)\\s+POLICY\\s+(${PATH.source})\\s*$`, 'i').exec(rest.trim());
  if (policy) {
    const kind = /^ROW/i.test(policy[1] ?? '') ? 'ROW ACCESS' : 'MASKING';
    return describePolicy(policy[2] ?? '', kind, session, catalog);
  }
  const match = new RegExp(`^(?:TABLE|VIEW|MATERIALIZED\\s+VIEW)\\s+(${PATH.source})\\s*$`, 'i').exec(rest.trim());
  if (!match) throw unsupported('DESCRIBE of anything but a table or view');
  const [name = '', schema, database] = pathParts(match[1] ?? '').reverse();
  const relation = catalog.find(database ?? session.database, schema ?? session.schema, name);
  if (!relation || !catalog.mayKnow(session.role, relation))
    throw missingObject([database, schema, name].filter((part) => part !== undefined).join('.'));
  return localResult(
    [
      'name',
      'type',
      'kind',
      'null?',
      'default',
      'primary key',
      'unique key',
      'check',
      'expression',
      'comment',
      'policy name',
    ],
    relation.columns.map((column) => [
      column.name,
      spellType(column.type),
      column.expression === null ? 'COLUMN' : 'VIRTUAL',
      column.nullable ? 'Y' : 'N',
      column.fallback,
      'N',
      'N',
      null,
      column.expression,
      column.comment || null,
      column.mask ? dotted(column.mask.policy) : null,
    ]),
  );
}

/** `GET_DDL('view', 'A.B.C')`: the text that made the view. */
export function getDdl(kind: string, name: string, execution: Execution): Result {
  const { session, engine } = execution;
  const [object = '', schema = session.schema, database = session.database] = pathParts(name).reverse();
  const relation = engine.catalog.find(database, schema, object);
  if (!relation || (kind.toUpperCase() === 'VIEW' && relation.kind !== 'view')) throw missingObject(name.toUpperCase());
  if (relation.kind === 'view')
    return localResult(
      [`GET_DDL('${kind.toUpperCase()}', '${name.toUpperCase()}')`],
      [[`${relation.text};`]],
      STATEMENT_TYPE.select,
    );
  throw unsupported('GET_DDL of tables');
}
