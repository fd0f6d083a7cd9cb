/**
 * CREATE, ALTER and DROP of row access policies and masking policies (documentation pages sql/create-row-access-policy, sql/alter-masking-policy
 * and their neighbours). The texts of errors are those of user-guide/security-row-intro, "Troubleshoot row access policies".
 */
import {
  existingObject,
  insufficientPrivileges,
  missingPolicy,
  policyInUse,
  type Result,
  SUCCESS,
  spellType,
  statusResult,
  syntaxError,
  typeOfName,
  wrongReturn,
  wrongRowReturn,
} from '../../../../protocol/index.js';
import { unsupported } from '../../engine/errors.js';
import type { FullName, Policy, PolicyKind } from '../../engine/policies.js';
import { parse } from '../../syntax/parse.js';
import type { Execution, Session } from '../execution.js';
import { PATH, pathParts, unquote } from '../names.js';

/** `ROW ACCESS POLICY` or `MASKING POLICY` at the beginning, and what follows. */
const OF_POLICY = /^(ROW\s+ACCESS|MASKING)\s+POLICY\s+(.*)$/is;
const NAMED = new RegExp(`^(${PATH.source})\\s*(.*)$`, 's');
const COMMENT = /\s+COMMENT\s*=\s*'((?:[^'\\]|''|\\.)*)'\s*$/i;
const EXEMPT = /\s+EXEMPT_OTHER_POLICIES\s*=\s*(?:TRUE|FALSE)\s*$/i;

interface Asked {
  readonly kind: PolicyKind;
  readonly rest: string;
}

/** undefined where a text behind CREATE, ALTER or DROP is of something else. */
export function policyAsked(rest: string): Asked | undefined {
  const match = OF_POLICY.exec(rest.trim());
  return match ? { kind: /^ROW/i.test(match[1] ?? '') ? 'ROW ACCESS' : 'MASKING', rest: match[2] ?? '' } : undefined;
}

export function fullName(path: string, session: Session): FullName {
  const [name = '', schema = session.schema, database = session.database] = pathParts(path).reverse();
  return { database, schema, name };
}

/** Only roles that govern make policies or put them anywhere (user-guide/security-row-intro, "Row access policy privileges"). */
export function mustGovern({ session, engine }: Execution, place: FullName): void {
  if (!engine.catalog.mayGovern(session.role)) throw insufficientPrivileges('schema', place.schema);
}

export function policyNamed(path: string, kind: PolicyKind, { session, engine }: Execution): Policy {
  const name = fullName(path, session);
  const found = engine.catalog.policies.find(name);
  if (found?.kind !== kind || !engine.catalog.mayGovern(session.role))
    throw missingPolicy(kind, [name.database, name.schema, name.name].join('.'));
  return found;
}

/** The text up to the bracket that closes the first one, and what follows it. */
function bracketed(text: string): readonly [inner: string, rest: string] {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth === 0) return [text.slice(1, at), text.slice(at + 1).trim()];
  }
  throw syntaxError("unexpected '<EOF>'.");
}

const spelled = (type: string): string => {
  const known = typeOfName(type);
  if (!known) throw unsupported(`policies over ${type}`);
  return spellType(known);
};

/** Between commas outside of brackets. */
export function listed(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at <= text.length; at++) {
    const sign = text[at];
    if (sign === '(') depth++;
    if (sign === ')') depth--;
    if (at < text.length && (sign !== ',' || depth > 0)) continue;
    const item = text.slice(from, at).trim();
    if (item !== '') out.push(item);
    from = at + 1;
  }
  return out;
}

/** Body and comment; a body that is no expression is a syntax error now, not when somebody reads. */
function bodyOf(text: string): { readonly body: string; readonly comment: string } {
  const tail = text.replace(EXEMPT, '');
  const comment = (COMMENT.exec(tail)?.[1] ?? '').replaceAll("''", "'");
  const body = tail.replace(COMMENT, '').trim();
  parse(`SELECT (${body})`);
  return { body, comment };
}

export async function createPolicy(
  { kind, rest }: Asked,
  isReplaced: boolean,
  isAltered: boolean,
  execution: Execution,
): Promise<Result> {
  const { session, engine } = execution;
  const isOptional = /^IF\s+NOT\s+EXISTS\s+/i.test(rest);
  const [, path = '', tail = ''] = NAMED.exec(rest.replace(/^IF\s+NOT\s+EXISTS\s+/i, '')) ?? [];
  const name = fullName(path, session);
  mustGovern(execution, name);
  const [signature, behind] = bracketed(tail.replace(/^AS\s*/i, ''));
  const [, returns = '', text = ''] = /^RETURNS\s+(.+?)\s*->\s*(.*)$/is.exec(behind) ?? [];
  if (text === '') throw syntaxError("unexpected '<EOF>'.");
  const args = listed(signature).map((item) => {
    const [, arg = '', type = ''] = NAMED.exec(item) ?? [];
    return { name: unquote(arg), type: spelled(type) };
  });
  const returned = spelled(returns);
  if (kind === 'ROW ACCESS' && returned !== 'BOOLEAN') throw wrongRowReturn(returned);
  if (kind === 'MASKING' && returned.replace(/\(.*/, '') !== args[0]?.type.replace(/\(.*/, '')) throw wrongReturn();
  const before = engine.catalog.policies.find(name);
  if (before && isOptional) return statusResult(`${name.name} already exists, statement succeeded.`);
  if (before && !isReplaced && !isAltered) throw existingObject(name.name);
  if (before && isReplaced && engine.catalog.policies.isUsed(before)) throw policyInUse(name.name);
  if (before && isAltered && JSON.stringify([before.args, before.returns]) !== JSON.stringify([args, returned]))
    throw unsupported('a change of the signature of a policy');
  await engine.catalog.policies.keep({ ...name, kind, args, returns: returned, ...bodyOf(text) });
  return statusResult(`${kind === 'MASKING' ? 'Masking' : 'Row access'} policy ${name.name} successfully created.`);
}

export async function alterPolicy({ kind, rest }: Asked, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const { policies } = engine.catalog;
  const isOptional = /^IF\s+EXISTS\s+/i.test(rest);
  const [, path = '', action = ''] = NAMED.exec(rest.replace(/^IF\s+EXISTS\s+/i, '')) ?? [];
  if (isOptional && !policies.find(fullName(path, session))) return statusResult(SUCCESS);
  const policy = policyNamed(path, kind, execution);
  const body = /^SET\s+BODY\s*->\s*(.+)$/is.exec(action);
  const comment = /^SET\s+COMMENT\s*=\s*'((?:[^'\\]|''|\\.)*)'$/is.exec(action);
  const other = new RegExp(`^RENAME\\s+TO\\s+(${PATH.source})$`, 'is').exec(action);
  if (body) await policies.keep({ ...policy, body: bodyOf(body[1] ?? '').body });
  else if (comment) await policies.keep({ ...policy, comment: (comment[1] ?? '').replaceAll("''", "'") });
  else if (/^UNSET\s+COMMENT$/i.test(action)) await policies.keep({ ...policy, comment: '' });
  else if (other) {
    const renamed = fullName(other[1] ?? '', session);
    if (policies.find(renamed)) throw existingObject(renamed.name);
    await policies.keep({ ...policy, ...renamed }, policy);
  } else throw unsupported(`this form of ALTER ${kind} POLICY`);
  return statusResult(SUCCESS);
}

export async function dropPolicy({ kind, rest }: Asked, execution: Execution): Promise<Result> {
  const { session, engine } = execution;
  const [, optional, path = ''] = new RegExp(`^(IF\\s+EXISTS\\s+)?(${PATH.source})$`, 'is').exec(rest.trim()) ?? [];
  const name = fullName(path, session);
  if (optional && !engine.catalog.policies.find(name))
    return statusResult(`Drop statement executed successfully (${name.name} already dropped).`);
  const policy = policyNamed(path, kind, execution);
  // One that is on anything can't be dropped (sql/drop-row-access-policy).
  if (engine.catalog.policies.isUsed(policy)) throw policyInUse(policy.name);
  await engine.catalog.policies.drop(policy);
  return statusResult(`${policy.name} successfully dropped.`);
}
