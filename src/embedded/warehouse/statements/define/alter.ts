/** ALTER TABLE and ALTER VIEW, as far as policies are put on and taken off (documentation pages sql/alter-table, sql/alter-table-column). */
import {
  invalidIdentifier,
  missingObject,
  type Result,
  SUCCESS,
  statusResult,
  syntaxError,
  typeOfName,
  underMaskingPolicy,
  underMaterialized,
  underRowPolicy,
} from '../../../../protocol/index.js';
import type { Relation } from '../../engine/catalog.js';
import { unsupported } from '../../engine/errors.js';
import type { Policy } from '../../engine/policies.js';
import type { Execution } from '../execution.js';
import { PATH, unquote } from '../names.js';
import { alterPolicy, fullName, listed, mustGovern, policyAsked, policyNamed } from './policies.js';

const PART = /"(?:[^"]|"")+"|[\w$]+/.source;
const TARGET = new RegExp(`^(?:TABLE|VIEW|MATERIALIZED\\s+VIEW)\\s+(IF\\s+EXISTS\\s+)?(${PATH.source})\\s+(.*)$`, 'is');
const ADD = new RegExp(`^ADD\\s+ROW\\s+ACCESS\\s+POLICY\\s+(${PATH.source})\\s+ON\\s*\\(([^)]*)\\)$`, 'is');
const DROP = new RegExp(`^DROP\\s+ROW\\s+ACCESS\\s+POLICY\\s+(${PATH.source})$`, 'is');
const COLUMN = new RegExp(
  `^(?:(?:ALTER|MODIFY)\\s+)?(?:COLUMN\\s+)?(${PART})\\s+(?:UNSET\\s+MASKING\\s+POLICY|SET\\s+MASKING\\s+POLICY\\s+(${PATH.source})(?:\\s+USING\\s*\\(([^)]*)\\))?(\\s+FORCE)?)$`,
  'is',
);

/** The columns of a list, of types that the policy's arguments have. */
function columnsFor(policy: Policy, list: string, relation: Relation): readonly string[] {
  const names = listed(list).map(unquote);
  if (names.length !== policy.args.length)
    throw syntaxError(`unexpected number of columns for policy '${policy.name}'.`);
  names.forEach((name, at) => {
    const column = relation.columns.find((one) => one.name === name);
    if (!column) throw invalidIdentifier(name);
    const type = typeOfName(policy.args[at]?.type ?? '')?.type;
    if (type !== column.type.type) throw unsupported(`a policy over ${type ?? ''} on a column of ${column.type.type}`);
  });
  return names;
}

async function onTable(action: string, relation: Relation, execution: Execution): Promise<boolean> {
  const { policies } = execution.engine.catalog;
  const add = ADD.exec(action);
  if (add) {
    const policy = policyNamed(add[1] ?? '', 'ROW ACCESS', execution);
    // One at a time, and no column under a policy of each kind (sql/create-row-access-policy).
    if (policies.rowPolicyOf(relation)) throw underRowPolicy(relation.name);
    const columns = columnsFor(policy, add[2] ?? '', relation);
    for (const column of columns) if (policies.maskOf(relation, column)) throw underMaskingPolicy();
    // What is stored of it would hold rows for everybody (user-guide/security-row-intro, "Materialized views").
    const { catalog } = execution.engine;
    const views = catalog.materialized(relation).length;
    if (views > 0) throw underMaterialized(views, relation.name);
    await policies.put({ policy, columns }, relation);
    return true;
  }
  const drop = DROP.exec(action);
  if (drop) policyNamed(drop[1] ?? '', 'ROW ACCESS', execution);
  else if (!/^DROP\s+ALL\s+ROW\s+ACCESS\s+POLICIES$/i.test(action)) return false;
  await policies.take(relation);
  return true;
}

async function onColumn(action: string, relation: Relation, execution: Execution): Promise<boolean> {
  const { policies } = execution.engine.catalog;
  const match = COLUMN.exec(action);
  if (!match) return false;
  const [, name = '', path, list, force] = match;
  const column = unquote(name);
  if (!relation.columns.some((one) => one.name === column)) throw invalidIdentifier(column);
  if (path === undefined) {
    await policies.take(relation, column);
    return true;
  }
  const policy = policyNamed(path, 'MASKING', execution);
  const views = execution.engine.catalog.materialized(relation).length;
  if (views > 0) throw underMaterialized(views, relation.name);
  if (policies.maskOf(relation, column) && force === undefined) throw underMaskingPolicy();
  const columns = columnsFor(policy, list ?? name, relation);
  if (columns[0] !== column) throw invalidIdentifier(columns[0] ?? '');
  const { rowPolicy } = relation;
  if (columns.some((one) => rowPolicy?.columns.includes(one))) throw underRowPolicy(relation.name);
  await policies.put({ policy, columns }, relation, column);
  return true;
}

/** The argument is the text after ALTER. */
export async function alter(rest: string, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const policy = policyAsked(rest);
  if (policy) return alterPolicy(policy, execution);
  const [, optional, path = '', actions = ''] = TARGET.exec(rest.trim()) ?? [];
  const name = fullName(path, session);
  const relation = engine.catalog.find(name.database, name.schema, name.name);
  if (path !== '' && !relation) {
    if (optional !== undefined) return statusResult(SUCCESS);
    throw missingObject([name.database, name.schema, name.name].join('.'));
  }
  if (!relation) throw unsupported('ALTER');
  mustGovern(execution, relation);
  for (const action of listed(actions))
    if (!(await onTable(action, relation, execution)) && !(await onColumn(action, relation, execution)))
      throw unsupported('this form of ALTER');
  return statusResult(SUCCESS);
}
