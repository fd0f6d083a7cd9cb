/**
 * Two policies in force: what one of them trusts, and what that would open of the other. A view whose text nobody here can read, a
 * secure view that stands for a table, a user-defined function: each runs with its owner's rights and may read anything, so what one
 * policy says of it counts only as far as all who hide something say so (docs/policies.md, "Two policies in force").
 */
import { HASH_FUNCTION, HASH_KEY, HASH_PARTS } from '../../masking/index.js';
import {
  type Analysis,
  type FullAnalysis,
  type FunctionUse,
  isOperator,
  type ObjectName,
  type Position,
  positionAt,
  type Statement,
  type Token,
} from '../../sql/index.js';
import type { Policy } from '../files/load.js';
import type { Glob } from '../rules/globs.js';

const partsOf = ({ database, schema, name }: ObjectName): readonly string[] => [database, schema, name];

/** Whether a glob stands for one of these objects and for no other. */
const isOnly = (glob: Glob, objects: readonly ObjectName[]): boolean =>
  objects.some((object) => partsOf(object).every((part, at) => glob.literals[at] === part));

/**
 * Whether a policy hides anything that could lie below these objects: a mask, a row predicate, or a rule that keeps from reading or
 * asks somebody first, on whatever else. What it says about the objects themselves holds for them anyhow.
 */
const hidesBeyond = (policy: Policy, objects: readonly ObjectName[]): boolean =>
  policy.columns.some(({ match }) => match.some((glob) => !isOnly(glob, objects))) ||
  policy.rows.some(({ on }) => !isOnly(on, objects)) ||
  policy.rules.some(
    ({ effect, kinds, on }) => effect !== 'allow' && kinds.has('select') && on.some((glob) => !isOnly(glob, objects)),
  );

const trusts = (policy: Policy, view: ObjectName): boolean =>
  policy.trustedViews.some((glob) => glob.matches(partsOf(view)));

/** Who says something, and who of the others would have to say it too. */
export interface Consent {
  readonly isGiven: boolean;
  /** The first that hides something and does not say it; undefined where nobody says it at all. */
  readonly withheldBy: Policy | undefined;
}

const consent = (
  policies: readonly Policy[],
  says: (policy: Policy) => boolean,
  hides: (policy: Policy) => boolean,
): Consent => {
  if (!policies.some(says)) return { isGiven: false, withheldBy: undefined };
  const withheldBy = policies.find((policy) => hides(policy) && !says(policy));
  return { isGiven: withheldBy === undefined, withheldBy };
};

/** Whether a view may be read whose text can't be: trusted by one policy, and by each that hides anything which it could read. */
export const trustIn = (policies: readonly Policy[], view: ObjectName): Consent =>
  consent(
    policies,
    (policy) => trusts(policy, view),
    (policy) => hidesBeyond(policy, [view]),
  );

/** The same of a secure view that one policy puts into a table's place: the others name it as well, or trust it. */
export const trustInSource = (policies: readonly Policy[], table: ObjectName, view: ObjectName): Consent =>
  consent(
    policies,
    (policy) =>
      trusts(policy, view) ||
      policy.rows.some(
        ({ on, secureView }) =>
          secureView !== undefined &&
          partsOf(secureView).every((part, at) => part === partsOf(view)[at]) &&
          on.matches(partsOf(table)),
      ),
    (policy) => hidesBeyond(policy, [table, view]),
  );

/**
 * Whether an entry under `functions` means this function. A user's own has three parts: only a name written in full says which is
 * meant. One of Snowflake's that does more than compute has to be spelled out, and what reads a shared connection can't be listed.
 */
function lists(glob: Glob, use: FunctionUse): boolean {
  const parts = use.name.split('.');
  if (use.class === 'session') return false;
  if (glob.source === '*') return use.class === 'user-defined' && parts.length === 3;
  if (use.class !== 'user-defined' && glob.literals.some((part) => part === undefined)) return false;
  return (
    glob.literals.length === parts.length && (parts.length === 3 || use.class !== 'user-defined') && glob.matches(parts)
  );
}

/** Whether a function that does more than compute may be called: listed by one policy, and by each that hides or holds up anything. */
export const allowanceOf = (policies: readonly Policy[], use: FunctionUse): Consent =>
  consent(
    policies,
    (policy) => policy.functions.some((glob) => lists(glob, use)),
    (policy) =>
      policy.columns.length > 0 || policy.rows.length > 0 || policy.rules.some(({ effect }) => effect !== 'allow'),
  );

const nameOf = ({ kind, text }: Token): string =>
  kind === 'quoted' ? text.slice(1, -1).replaceAll('""', '"') : text.toUpperCase();

/** Where a text names the masking function, whatever an analysis makes of it. */
function hashIn({ tokens, source }: Pick<Statement, 'tokens' | 'source'>): Position | undefined {
  const call = tokens.find((_first, at) =>
    HASH_PARTS.every((part, index) => {
      const token = tokens[at + 2 * index];
      const isLast = index === HASH_PARTS.length - 1;
      const isName = token?.kind === 'word' || token?.kind === 'quoted';
      return isName && nameOf(token) === part && (isLast || isOperator(tokens[at + 2 * index + 1], '.'));
    }),
  );
  return call && positionAt(source, call.start);
}

export interface HashDenial {
  readonly code: 'FUNCTION_DENIED' | 'OBJECT_DENIED';
  readonly message: string;
  readonly position: Position | undefined;
  readonly hint: string | undefined;
}

const hashDenial = (position: Position | undefined): HashDenial => ({
  code: 'FUNCTION_DENIED',
  message: `${HASH_FUNCTION} makes the masks, and nobody may call it.`,
  position,
  hint: 'Leave it out.',
});

/**
 * Refuses a statement that names the function which hashes masked values. It has the key, so whoever may call it with values of their
 * own finds hidden ones by comparing: nobody may, whatever policies list. Our own texts call it after this.
 */
export function denyHash(statement: Statement): HashDenial | undefined {
  const position = hashIn(statement);
  return position && hashDenial(position);
}

/** The same of what the analysis found, and of the views that a statement reads. */
export function denyHashBelow({ functions, views }: FullAnalysis): HashDenial | undefined {
  const use = functions.find(({ name }) => name.toUpperCase() === HASH_FUNCTION);
  if (use) return hashDenial(use.position);
  return [...views.values()].some(({ statement }) => hashIn(statement)) ? hashDenial(undefined) : undefined;
}

/** Whether this is where the key is. */
export const isKeyTable = ({ database, schema }: ObjectName): boolean =>
  database === HASH_KEY.database && schema === HASH_KEY.schema;

/** The same of the table that holds the key, which no role of the gateway may read anyhow; what views read is not named. */
export function denyKey({ objects }: Analysis): HashDenial | undefined {
  const use = objects.find(({ object, via }) => isKeyTable(object) && via.length === 0);
  return (
    use && {
      code: 'OBJECT_DENIED',
      message: `What is in ${HASH_KEY.database}.${HASH_KEY.schema} makes the masks, and nobody may read it.`,
      position: use.position,
      hint: undefined,
    }
  );
}
