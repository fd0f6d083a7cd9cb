/**
 * The decision: a pure function of who asks, what the statement does and which policies there are. Nothing is allowed that no
 * rule allows; what it answers names for each part the policy, the rule and the line.
 */
import type { DetectRule } from '../../masking/index.js';
import {
  type Analysis,
  type Count,
  type FullAnalysis,
  isUnknown,
  type ObjectName,
  type ObjectUse,
  type Origin,
  objectKey,
  type Position,
  type StatementKind,
  showIdentifier,
  showObject,
} from '../../sql/index.js';
import type { Detection, Place, Policy, PolicySet, Rule, Tolerance } from '../files/load.js';
import { appliedMasks } from '../masks/applied-masks.js';
import { ByColumn } from '../masks/by-column.js';
import { withoutDictionaries } from '../masks/dictionaries.js';
import { issuerKey } from '../rules/issuers.js';
import { fillPredicate } from '../rules/predicate.js';
import { bytesDenial, hides } from './bytes.js';
import { decideChange, isRead, mayWrite } from './change.js';
import { allowanceOf, denyHashBelow, denyKey, isKeyTable, trustInSource } from './merging.js';
import type { AppliedMask, AppliedRows, AppliedRule, Denial } from './verdict.js';

/** Who asks, as far as policies care. Structurally what the identity room proves. */
export interface Subject {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly groups: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface Limits {
  readonly rows: number;
  readonly resultBytes: number;
  readonly timeoutMs: number;
  readonly statementsPerHour: number | undefined;
  readonly concurrent: number | undefined;
  readonly bytesPerStatement: number | undefined;
  readonly bytesPerDay: number | undefined;
}

export interface Standing {
  readonly policies: readonly string[];
  readonly role: string;
  readonly warehouse: string;
  readonly limits: Limits;
  readonly record: { readonly purpose: 'required' | 'optional'; readonly results: 'masked' | 'digest' | 'none' };
  readonly detect: readonly Detection[];
}

export interface Verdict extends Standing {
  readonly decision: 'allow' | 'deny' | 'approve';
  readonly version: string;
  readonly denial: Denial | undefined;
  readonly approval:
    | {
        /** One for each `approve` rule that applies: all have to be met. */
        readonly requirements: readonly {
          /** Whose groups they are. */
          readonly issuers: readonly string[];
          readonly groups: readonly string[];
          readonly count: number;
          readonly rule: Place;
          /** What the rule says about itself. */
          readonly reason: string | undefined;
          readonly tolerance: Tolerance;
        }[];
        /** Milliseconds, of the shortest. */
        readonly within: number;
      }
    | undefined;
  /** What has to be asked of the warehouse before this verdict is the last word. */
  readonly needs: { readonly bytes: boolean; readonly rows: boolean };
  /** What the warehouse said, where it was asked. */
  readonly estimate: Estimate | undefined;
  readonly rules: readonly AppliedRule[];
  readonly masks: readonly AppliedMask[];
  readonly rows: readonly AppliedRows[];
}

/** Where no policy says anything else. */
const DEFAULT_LIMITS: Limits = {
  rows: 10_000,
  resultBytes: 10_000_000,
  timeoutMs: 60_000,
  statementsPerHour: undefined,
  concurrent: undefined,
  bytesPerStatement: undefined,
  bytesPerDay: undefined,
};

const isEqualClaim = (wanted: unknown, has: unknown): boolean => {
  const values = Array.isArray(has) ? has : [has];
  const allowed = Array.isArray(wanted) ? wanted : [wanted];
  return allowed.some((value) => values.some((own) => own === value));
};

interface Who {
  readonly issuer?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

type TextGlobs = readonly ((text: string) => boolean)[] | undefined;

/** Of each key that is given, and of each claim, whether it names the principal; of a list one entry is enough. */
function keysThatName(who: Who, globs: TextGlobs, subject: Subject): boolean[] {
  return [
    ...(who.issuer ? [who.issuer.includes(issuerKey(subject.issuer))] : []),
    ...(who.groups ? [who.groups.some((group) => subject.groups.includes(group))] : []),
    ...(globs ? [globs.some((test) => test(subject.subject) || test(subject.clientId))] : []),
    ...Object.entries(who.claims ?? {}).map(([claim, wanted]) => isEqualClaim(wanted, subject.claims[claim])),
  ];
}

/** All keys that are given have to hold, and with no key nobody is named. */
function isNamed({ principals, subjectGlobs, issuers }: Policy, subject: Subject): boolean {
  if (issuers && !issuers.includes(issuerKey(subject.issuer))) return false;
  const keys = keysThatName(principals, subjectGlobs, subject);
  return keys.length > 0 && keys.every(Boolean);
}

/** Whoever fits anything that is written under `except`: each of its keys, and each claim, suffices by itself. */
const isExcepted = ({ principals: { except }, exceptGlobs }: Policy, subject: Subject): boolean =>
  except !== undefined && keysThatName(except, exceptGlobs, subject).some(Boolean);

function isOpen(hours: Policy['principals']['hours'], now: Date): boolean {
  if (!hours) return true;
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: hours.timezone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(now);
  const part = (type: string): string => parts.find((item) => item.type === type)?.value ?? '';
  const day = part('weekday').toLowerCase();
  if (hours.days && !hours.days.some((known) => known === day)) return false;
  if (!hours.between) return true;
  const time = `${part('hour')}:${part('minute')}`;
  const [from, to] = hours.between;
  return from <= to ? time >= from && time < to : time >= from || time < to;
}

/**
 * Policies of one set. What is judged, weighed again and recorded about a statement goes by one such value: a set that is loaded between
 * two steps is for the next statement.
 */
export interface InForce {
  readonly set: PolicySet;
  readonly policies: readonly Policy[];
}

/** Selections of a set's policies that are remembered. */
const SELECTIONS = 1000;
const selections = new WeakMap<PolicySet, Map<string, InForce>>();

/**
 * Those of a set that name the principal at this time. The same policies are one list, for whomever they are in force: what follows from them for
 * a table is worked out for that list once.
 */
export function inForce(set: PolicySet, subject: Subject, now: Date): InForce {
  const named = set.policies.map(
    (policy) => isNamed(policy, subject) && !isExcepted(policy, subject) && isOpen(policy.principals.hours, now),
  );
  const known = selections.get(set) ?? new Map<string, InForce>();
  selections.set(set, known);
  const key = named.map(Number).join('');
  const found = known.get(key);
  if (found) return found;
  const [oldest] = known.keys();
  if (known.size >= SELECTIONS && oldest !== undefined) known.delete(oldest);
  const made = { set, policies: set.policies.filter((_policy, at) => named[at]) };
  known.set(key, made);
  return made;
}

/** Of those that say anything. */
const least = (values: readonly (number | undefined)[]): number | undefined => {
  const said = values.filter((value) => value !== undefined);
  return said.length > 0 ? Math.min(...said) : undefined;
};

/** What the policies in force say together, whatever the statement. */
export function standing(policies: readonly Policy[]): Standing {
  // The fullest that any policy asks for; one that says nothing asks for the digest, as it does alone.
  const results = ['masked', 'digest', 'none'] as const;
  return {
    policies: policies.map((policy) => policy.name),
    role: policies[0]?.role ?? '',
    warehouse: policies[0]?.warehouse ?? '',
    limits: {
      rows: least(policies.map((policy) => policy.limits.rows)) ?? DEFAULT_LIMITS.rows,
      resultBytes: least(policies.map((policy) => policy.limits.result_bytes)) ?? DEFAULT_LIMITS.resultBytes,
      timeoutMs: least(policies.map((policy) => policy.limits.timeout)) ?? DEFAULT_LIMITS.timeoutMs,
      statementsPerHour: least(policies.map((policy) => policy.limits.statements_per_hour)),
      concurrent: least(policies.map((policy) => policy.limits.concurrent)),
      bytesPerStatement: least(policies.map((policy) => policy.limits.bytes_scanned_per_statement)),
      bytesPerDay: least(policies.map((policy) => policy.limits.bytes_scanned_per_day)),
    },
    record: {
      purpose: policies.some((policy) => policy.record.purpose === 'required') ? 'required' : 'optional',
      results: results.find((level) => policies.some((policy) => policy.record.results === level)) ?? 'digest',
    },
    detect: policies.flatMap((policy) => policy.detect),
  };
}

/**
 * What to look for in a column's texts, by where its values come from. A detection's exceptions hold where all that the column is
 * made of is excepted and known; a text that comes from nowhere (an error, a comment, what a user's function makes) is no exception.
 */
export const detectRules = (detect: readonly Detection[], origins: readonly Origin[] = []): readonly DetectRule[] =>
  detect
    .filter(
      ({ except }) =>
        origins.length === 0 ||
        origins.some(isUnknown) ||
        !origins.every(({ object, column }) => except.some((glob) => glob.matches([...partsOf(object), column]))),
    )
    .flatMap(({ rules }) => rules);

/** What is asked before the statement is analysed: is there a policy, one role, any rule at all for this kind. */
export function decideKind({ set, policies }: InForce, kind: StatementKind): Denial | undefined {
  const [first] = policies;
  if (!first)
    return {
      code: 'NO_POLICY',
      message: 'No policy names you, so nothing is allowed.',
      hint: `Ask whoever keeps the policies (${set.policies.length} are loaded) to name your subject or one of your groups.`,
    };
  const other = policies.find((policy) => policy.role !== first.role || policy.warehouse !== first.warehouse);
  if (other)
    return {
      code: 'NO_POLICY',
      message: `The policies ${first.name} and ${other.name} name different Snowflake roles or warehouses for you.`,
      hint: 'Whoever keeps the policies has to decide which one is yours.',
    };
  if (policies.some((policy) => policy.kinds.has(kind))) return undefined;
  const rules = policies.flatMap((policy) => policy.rules.map((rule) => ({ policy, rule })));
  const deny = rules.find(
    ({ rule }) => rule.effect === 'deny' && rule.kinds.has(kind) && rule.on.some((glob) => glob.source === '*'),
  );
  const allowed = [...new Set(policies.flatMap((policy) => [...policy.kinds]))];
  return {
    code: 'KIND_DENIED',
    message: deny?.rule.reason ?? `You may not run ${kind.replaceAll('_', ' ').toUpperCase()} statements.`,
    policy: deny?.policy.name ?? first.name,
    rule: deny?.rule.place ?? `${first.file}:1`,
    hint: allowed.length > 0 ? `What you may run: ${allowed.join(', ')}.` : 'The whoami tool says what you may do.',
  };
}

const partsOf = (object: ObjectName): string[] => [object.database, object.schema, object.name];

interface Applicable {
  readonly policy: Policy;
  readonly rule: Rule;
}

const RANK = { deny: 0, approve: 1, allow: 2 } as const;

/** What the warehouse says of a statement before it runs; undefined where it can't say. */
export interface Estimate {
  readonly bytes: number | undefined;
  readonly rows: number | undefined;
}

export interface Circumstances {
  readonly hasPurpose: boolean;
  readonly hasWhere: boolean;
  /** Names of the functions called, in capitals. */
  readonly functions: ReadonlySet<string>;
  /** undefined as long as nobody has asked. */
  readonly estimate: Estimate | undefined;
}

/**
 * Before anything is looked up, nothing that conditions go by is known for certain: a rule counts as far as it would let something be
 * seen under whichever there are.
 */
const ANY = 'any';

/** A condition narrows its rule: it applies only where one of the things that it names is the case. */
function applies(rule: Rule, circumstances: Circumstances | typeof ANY): boolean {
  const { when } = rule;
  if (!when) return true;
  if (circumstances === ANY) return rule.effect !== 'deny';
  const { hasPurpose, hasWhere, functions, estimate } = circumstances;
  // What is not known yet holds nobody up; what can't be known holds for a denial and not for an allowance.
  const isOver = (limit: number | undefined, value: number | undefined): boolean => {
    if (limit === undefined) return false;
    if (estimate === undefined) return rule.effect === 'allow';
    return value === undefined ? rule.effect !== 'allow' : value > limit;
  };
  return (
    (when.noWhere && !hasWhere) ||
    (when.purposeMissing && !hasPurpose) ||
    when.functions.some((name) => functions.has(name)) ||
    isOver(when.bytesOver, estimate?.bytes) ||
    isOver(when.rowsOver, estimate?.rows)
  );
}

/** The strictest rule on one object: deny before approve before allow, the first in the files among equals. */
function ruleFor(
  policies: readonly Policy[],
  kind: StatementKind,
  object: ObjectName,
  circumstances: Circumstances | typeof ANY,
): Applicable | undefined {
  let best: Applicable | undefined;
  const parts = partsOf(object);
  for (const policy of policies)
    for (const { entry: rule, glob } of policy.index.rules.find(parts)) {
      if (!rule.kinds.has(kind) || !applies(rule, circumstances) || !glob.matches(parts)) continue;
      if (!best || RANK[rule.effect] < RANK[best.rule.effect]) best = { policy, rule };
    }
  return best;
}

/** Each `approve` rule on the object: two groups that both want to be asked are both asked. */
const approveRules = (
  policies: readonly Policy[],
  kind: StatementKind,
  object: ObjectName,
  circumstances: Circumstances,
): readonly Rule[] =>
  policies
    .flatMap((policy) => policy.index.rules.find(partsOf(object)))
    .filter(({ glob }) => glob.matches(partsOf(object)))
    .map(({ entry }) => entry)
    .filter((rule) => rule.effect === 'approve' && rule.kinds.has(kind) && applies(rule, circumstances));

/** Which rows of its table are there, in words. */
export const showRows = ({ where, secureView }: Pick<AppliedRows, 'where' | 'secureView'>): string =>
  where ?? `they are in ${secureView ? showObject(secureView) : 'a secure view'}`;

export function rowsFor(policies: readonly Policy[], object: ObjectName, subject: Subject): AppliedRows[] {
  return policies.flatMap((policy) =>
    policy.index.rows
      .find(partsOf(object))
      .filter(({ glob }) => glob.matches(partsOf(object)))
      .map(({ entry: row }) => ({
        object,
        where: row.where === undefined ? undefined : fillPredicate(row.where, subject),
        secureView: row.secureView,
        policy: policy.name,
        rule: row.place,
      })),
  );
}

/** May this object be read at all: what `describe` and hints go by. */
export function mayRead(policies: readonly Policy[], object: ObjectName): boolean {
  const found = ruleFor(policies, 'describe', object, {
    hasPurpose: true,
    hasWhere: true,
    functions: new Set(),
    estimate: undefined,
  });
  return found !== undefined && found.rule.effect !== 'deny';
}

/** Whether there may be anything in a database or schema that `mayRead` lets be seen. What the catalog is asked to list goes by it. */
export function mayHold(policies: readonly Policy[], database: string, schema: string | undefined): boolean {
  const within = schema === undefined ? [database] : [database, schema];
  const rules = policies.flatMap((policy) => policy.rules).filter(({ kinds }) => kinds.has('describe'));
  return (
    rules.some(({ effect, on }) => effect !== 'deny' && on.some((glob) => glob.reaches(within))) &&
    !rules.some(({ effect, when, on }) => effect === 'deny' && !when && on.some((glob) => glob.covers(within)))
  );
}

/** Whether any rule lets this be read, whatever the circumstances: what only a view's text names is looked up no further than that. */
export function mayBeLookedUp(policies: readonly Policy[], object: ObjectName): boolean {
  if (isKeyTable(object)) return false;
  const found = ruleFor(policies, 'select', object, ANY);
  return found !== undefined && found.rule.effect !== 'deny';
}

interface Question extends InForce {
  readonly subject: Subject;
  readonly analysis: Analysis;
  readonly circumstances: Circumstances;
}

/**
 * Sources of a change are read; its target is changed, in every way that the statement has (`MERGE … DELETE` deletes as well), and read where
 * its columns stand in an expression: the number of rows that it touches would answer any predicate.
 */
const kindsOn = (analysis: Analysis, use: ObjectUse): readonly StatementKind[] => {
  if (analysis.kind === 'describe') return ['describe'];
  if (use.access === 'read') return ['select'];
  return isRead(analysis) ? [...analysis.changes, 'select'] : analysis.changes;
};

function approvalOf(rules: readonly Rule[]): Verdict['approval'] {
  const requirements = rules.map(({ by, place, reason }) => ({
    issuers: by?.issuers ?? [],
    groups: by?.groups ?? [],
    count: by?.count ?? 1,
    rule: place,
    reason,
    tolerance: by?.tolerance ?? { rows: 0, share: 0 },
  }));
  return { requirements, within: Math.min(...rules.map(({ by }) => by?.within ?? 0)) };
}

/** Neither what it is, nor whether it is there: whoever reads a view need not know its text. The record has the object and the rule. */
const beyondView = (view: ObjectName, position: Position | undefined): Denial => ({
  code: 'OBJECT_DENIED',
  message: `${showObject(view)} reads something that you may not read.`,
  position,
  hint: 'Whoever keeps the policies finds in the record what it is.',
});

const appliedOf = ({ policy, rule }: Applicable) => ({
  effect: rule.effect,
  policy: policy.name,
  rule: rule.place,
});

interface ObjectsDecided {
  readonly denial?: Denial;
  readonly rules: readonly AppliedRule[];
  readonly asking: ReadonlySet<Rule>;
}

/** `circumstances` of any kind: nothing has been looked up, and whether an object is there is not asked. */
function decideObjects(
  { analysis, policies }: Omit<Question, 'circumstances'>,
  circumstances: Circumstances | typeof ANY,
): ObjectsDecided {
  const rules: AppliedRule[] = [];
  const asking = new Set<Rule>();
  const key = denyKey(analysis);
  if (key) return { denial: key, rules, asking };
  for (const use of analysis.objects)
    for (const kind of kindsOn(analysis, use)) {
      const found = ruleFor(policies, kind, use.object, circumstances);
      // An allowance of MERGE is one of its UPDATE; what denies an UPDATE or asks for somebody holds for that branch, too.
      if (kind === 'update' && analysis.kind === 'merge' && (!found || found.rule.effect === 'allow')) continue;
      const shown = showObject(use.object);
      const [view] = use.via;
      const verb = kind === 'select' ? 'read' : kind;
      const isDenied = !found || found.rule.effect === 'deny';
      // What the refusal itself names is not said twice.
      if (found && (view || !isDenied)) rules.push({ ...appliedOf(found), kind, object: shown });
      const isMissing = circumstances !== ANY && !use.relation;
      if (view && (isDenied || isMissing || isKeyTable(use.object)))
        return { denial: beyondView(view, use.position), rules, asking };
      if (isDenied) {
        const denial: Denial = {
          code: 'OBJECT_DENIED',
          // One wording whether it exists or not: a refusal must not tell what there is.
          message:
            found?.rule.reason ??
            (use.access === 'write' && kind === 'select'
              ? `${shown} is not something you may read, and this ${analysis.kind.toUpperCase()} goes by what is in it.`
              : `${shown} is not something you may ${verb}.`),
          policy: found?.policy.name,
          rule: found?.rule.place,
          position: use.position,
          hint: 'The describe tool lists what you may see.',
        };
        return { denial, rules, asking };
      }
      if (isMissing) {
        const denial: Denial = {
          code: 'OBJECT_DENIED',
          message: `There is no ${shown} that you may ${verb}.`,
          policy: found.policy.name,
          rule: found.rule.place,
          position: use.position,
          hint: 'The describe tool lists what you may see.',
        };
        return { denial, rules, asking };
      }
      if (found.rule.effect === 'approve' && circumstances !== ANY)
        for (const rule of approveRules(policies, kind, use.object, circumstances)) asking.add(rule);
    }
  if (analysis.objects.length === 0) {
    for (const policy of policies) {
      const rule = policy.kinds.has(analysis.kind)
        ? policy.rules.find((entry) => entry.effect === 'allow' && entry.kinds.has(analysis.kind))
        : undefined;
      if (!rule) continue;
      rules.push({
        effect: 'allow',
        kind: analysis.kind,
        object: '(no object)',
        policy: policy.name,
        rule: rule.place,
      });
      break;
    }
  }
  return { rules, asking };
}

/**
 * What the rules say of the names alone, before anything is looked up: a verdict where they let this principal see one of them in no
 * circumstances. What is refused here is refused whether it is there or not, and asks the catalog for nothing.
 */
export function decideNamed(question: Omit<Question, 'circumstances'>): Verdict | undefined {
  const { denial, rules } = decideObjects(question, ANY);
  if (!denial) return undefined;
  return {
    ...standing(question.policies),
    version: question.set.version,
    decision: 'deny',
    denial,
    approval: undefined,
    needs: { bytes: false, rows: false },
    estimate: undefined,
    rules,
    masks: [],
    rows: [],
  };
}

function decideFunctions({
  analysis,
  policies,
}: Pick<Question, 'policies'> & { readonly analysis: FullAnalysis }): Denial | undefined {
  const hash = denyHashBelow(analysis);
  if (hash) return hash;
  /** Functions that may be called, by class and name: thousands of calls are of a few. */
  const given = new Set<string>();
  for (const use of analysis.functions) {
    if (use.class === 'pure' || use.class === 'table') continue;
    const key = `${use.class} ${use.name}`;
    if (given.has(key)) continue;
    const { isGiven, withheldBy } = allowanceOf(policies, use);
    if (isGiven) {
      given.add(key);
      continue;
    }
    const denial = {
      code: 'FUNCTION_DENIED' as const,
      policy: withheldBy?.name ?? policies[0]?.name,
      position: use.position,
    };
    if (use.isOfView)
      return {
        ...denial,
        message: 'A view that this reads calls a function that you may not call.',
        hint: 'Read its base tables instead, or have a policy list the function.',
      };
    if (withheldBy)
      return {
        ...denial,
        message: `${use.name} is not a function that you may call: ${withheldBy.name} hides something, and does not list it.`,
        hint: 'Leave it out, or have each policy that hides anything list it under functions.',
      };
    return {
      ...denial,
      message: use.reason
        ? `${use.name} is not available: ${use.reason}.`
        : `${use.name} is not a function that you may call.`,
      hint: use.class === 'session' ? 'Leave it out.' : 'Leave it out, or have a policy list it under functions.',
    };
  }
  return undefined;
}

/**
 * A name that nobody owns refuses the statement. Only once its tables may be read: which columns a table has is not told to others.
 */
function decideNames({ analysis }: Question): Denial | undefined {
  const [first] = analysis.unowned;
  if (!first) return undefined;
  return { code: 'NOT_UNDERSTOOD', message: first.what, position: first.position, hint: first.hint };
}

/** Neither which it is nor of which table: the record has the columns that it reads. */
const columnBeyondView = (view: ObjectName, position: Position | undefined): Denial => ({
  code: 'COLUMN_DENIED',
  message: `${showObject(view)} reads a column that is hidden from you.`,
  position,
  hint: 'Read its base tables instead, as far as you may.',
});

function decideColumns(question: Question, masks: readonly AppliedMask[]): Denial | undefined {
  const denied = masks.filter((mask) => mask.method.kind === 'deny');
  if (denied.length === 0) return undefined;
  const uses = new ByColumn(question.analysis.columns);
  for (const mask of denied) {
    const use = uses.of(mask);
    if (!use) continue;
    const hidden = new ByColumn(denied);
    const relation = question.analysis.objects.find(
      (entry) => objectKey(entry.object) === objectKey(mask.object),
    )?.relation;
    const others = (relation?.columns ?? [])
      .filter((column) => hidden.of({ object: mask.object, column: column.name }) === undefined)
      .map((column) => showIdentifier(column.name));
    const [view] = use.via;
    if (view) return columnBeyondView(view, use.position);
    const isStar = use.usage === 'star';
    const starred = isStar ? ' and * includes it' : '';
    const names = (relation?.columns ?? []).flatMap(({ name }) =>
      hidden.of({ object: mask.object, column: name }) ? showIdentifier(name) : [],
    );
    const without = isStar ? ` Or leave out what is hidden: * EXCLUDE (${names.join(', ')}).` : '';
    return {
      code: 'COLUMN_DENIED',
      message: `${mask.column} of ${showObject(mask.object)} is hidden from you${starred}. ${mask.reason ?? ''}`.trim(),
      policy: mask.policy,
      rule: mask.rule,
      position: use.position,
      hint: others.length > 0 ? `Name the columns you need: ${others.join(', ')}.${without}` : undefined,
    };
  }
  return undefined;
}

/** Two secure views can't both stand for one table, and none opens what another policy hides. */
function decideRows({ policies, circumstances }: Question, rows: readonly AppliedRows[]): Denial | undefined {
  for (const one of rows) {
    const { secureView } = one;
    if (secureView) {
      const { withheldBy } = trustInSource(policies, one.object, secureView);
      const rule = ruleFor(policies, 'select', secureView, circumstances);
      const closing = rule && rule.rule.effect !== 'allow' ? rule.policy : withheldBy;
      if (closing)
        return {
          code: 'OBJECT_DENIED',
          message: `${one.policy} has ${showObject(one.object)} read through ${showObject(secureView)}, which ${closing.name} does not let through.`,
          policy: closing.name,
          rule: one.rule,
          hint: 'Whoever keeps the policies has to decide: each that hides anything has to trust this view.',
        };
    }
    const other = rows.find(
      (entry) =>
        secureView &&
        entry.secureView &&
        objectKey(entry.object) === objectKey(one.object) &&
        objectKey(entry.secureView) !== objectKey(secureView),
    );
    if (other)
      return {
        code: 'OBJECT_DENIED',
        message: `${one.policy} and ${other.policy} name different secure views for ${showObject(one.object)}.`,
        policy: other.policy,
        rule: other.rule,
        hint: 'Whoever keeps the policies has to decide which one is yours.',
      };
  }
  return undefined;
}

/** A table that may be read without asking anybody, nothing of which is hidden as far as its name and these columns tell. */
const isOpenTo =
  ({ policies, subject, circumstances }: Question) =>
  (object: ObjectName, columns: readonly string[]): boolean =>
    ruleFor(policies, 'select', object, circumstances)?.rule.effect === 'allow' &&
    rowsFor(policies, object, subject).length === 0 &&
    !policies.some((policy) =>
      policy.index.columns
        .find(partsOf(object))
        .some(
          ({ glob }) => columns.length === 0 || columns.some((column) => glob.matches([...partsOf(object), column])),
        ),
    );

/** Whether some rule lets values be written to a table, in some circumstances. */
const mayChange =
  ({ policies }: Question) =>
  (object: ObjectName): boolean =>
    (['insert', 'update', 'merge'] as const).some((kind) => {
      const found = ruleFor(policies, kind, object, ANY);
      return found !== undefined && found.rule.effect !== 'deny';
    });

/** What is hidden from whoever asks, of all that the statement names. */
function hiddenOf(
  question: Question & { readonly analysis: FullAnalysis },
  spend: Count,
): Pick<Verdict, 'masks' | 'rows'> {
  const { policies, subject, analysis } = question;
  const masks: AppliedMask[] = [];
  const rows: AppliedRows[] = [];
  for (const use of analysis.objects) {
    const own = rowsFor(policies, use.object, subject);
    const source = own.find(({ secureView }) => secureView !== undefined)?.secureView;
    // What hides rows of a view hides them as well where the view stands for a table.
    const below = source ? rowsFor(policies, source, subject).map((row) => ({ ...row, object: use.object })) : [];
    rows.push(...own, ...below);
    const { relation } = use;
    if (!relation) continue;
    const { columns, isExternal } = relation;
    for (const mask of appliedMasks(policies, { object: use.object, columns, isExternal }, source, spend))
      masks.push(mask);
  }
  return { masks: mayWrite(policies) ? masks : withoutDictionaries(analysis, masks, mayChange(question)), rows };
}

/**
 * The verdict on an analysed statement. `spend` takes the steps of what is worked out for each column of each table; it throws where they are too
 * many.
 */
export function decide(
  question: Question & { readonly analysis: FullAnalysis },
  spend: Count = () => undefined,
): Verdict {
  return verdictOn(
    question,
    hiddenOf(question, spend),
    (masks) => decideFunctions(question) ?? decideNames(question) ?? decideColumns(question, masks),
  );
}

/**
 * The same once more, where more is known of the circumstances, or of the target's constraints: `known` is the verdict without. What is masked,
 * which columns and functions there are, does not go by these: it is not worked out again.
 */
export function decideAgain(question: Question, known: Verdict): Verdict {
  if (known.denial) return known;
  return verdictOn(question, known, () => undefined);
}

function verdictOn(
  question: Question,
  { masks, rows }: Pick<Verdict, 'masks' | 'rows'>,
  decideParts: (masks: readonly AppliedMask[]) => Denial | undefined,
): Verdict {
  const { set, policies } = question;
  const base = { ...standing(policies), version: set.version };
  const objects = decideObjects(question, question.circumstances);
  const denial =
    objects.denial ??
    decideParts(masks) ??
    decideRows(question, rows) ??
    decideChange(question, masks, rows, isOpenTo(question)) ??
    decidePurpose(question, base) ??
    decideBytes(question, base, hides({ masks, rows }));
  const approval = objects.asking.size > 0 ? approvalOf([...objects.asking]) : undefined;
  const decision = denial ? 'deny' : approval ? 'approve' : 'allow';
  return {
    ...base,
    decision,
    denial,
    needs: needsOf(question, base),
    estimate: question.circumstances.estimate,
    approval: denial ? undefined : approval,
    rules: objects.rules,
    masks,
    rows,
  };
}

function decidePurpose({ circumstances }: Question, base: Standing): Denial | undefined {
  if (base.record.purpose !== 'required' || circumstances.hasPurpose) return undefined;
  return {
    code: 'PURPOSE_REQUIRED',
    message: 'Say in a sentence what this statement is for.',
    policy: base.policies[0],
    hint: 'Send it as "purpose": what the user asked.',
  };
}

function decideBytes(
  { circumstances: { estimate }, analysis }: Question,
  base: Standing,
  isHidden: boolean,
): Denial | undefined {
  const limit = base.limits.bytesPerStatement;
  if (limit === undefined || estimate === undefined || analysis.objects.length === 0) return undefined;
  if (estimate.bytes !== undefined && estimate.bytes <= limit) return undefined;
  const hint = isHidden
    ? 'Name fewer tables.'
    : 'Narrow it, for example by a predicate on a clustering column or by naming fewer columns.';
  const denial = bytesDenial(estimate.bytes, isHidden, `the ${limit} bytes that you may scan with one`, hint);
  return { ...denial, policy: base.policies[0] };
}

/** Whether any rule or limit that bears on the statement goes by an estimate. */
function needsOf({ policies, analysis }: Question, base: Standing): Verdict['needs'] {
  const rules = analysis.objects.flatMap((use) =>
    policies.flatMap((policy) =>
      policy.index.rules
        .find(partsOf(use.object))
        .filter(
          ({ entry, glob }) =>
            kindsOn(analysis, use).some((kind) => entry.kinds.has(kind)) && glob.matches(partsOf(use.object)),
        )
        .map(({ entry }) => entry),
    ),
  );
  const { bytesPerStatement, bytesPerDay } = base.limits;
  return {
    bytes:
      bytesPerStatement !== undefined ||
      bytesPerDay !== undefined ||
      rules.some(({ when }) => when?.bytesOver !== undefined),
    rows: rules.some(({ when }) => when?.rowsOver !== undefined),
  };
}
