/**
 * How many rows a change may touch, held against those that it did touch, before it is committed. A predicate may find other rows the
 * second time than it did when they were counted (RANDOM(), a table that grew), so a count alone bounds nothing.
 */

import type { Denial, Tolerance, Verdict } from '../../policy/index.js';
import type { Judge } from '../judge/judge.js';
import type { Judged } from '../judge/judged.js';
import type { Whose } from '../judge/whose.js';

/** A denial where so many rows are too many; undefined rows: the answer does not say how many. */
export type Bound = (rows: number | undefined) => Denial | undefined;

/** What reviewers said yes to. */
export interface Granted {
  /** Rules whose reviewers did, by their places. */
  readonly rules: ReadonlySet<string>;
  /** Rows that they were told of; undefined where they were told of none. */
  readonly rows: number | undefined;
}

const NOTHING_GRANTED: Granted = { rules: new Set(), rows: undefined };

const CHANGES: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge']);

const ROLLED_BACK = 'so it was rolled back: nothing is changed.';

/** The most rows that reviewers let pass: those that they were told of, and what every rule of theirs tolerates beyond. */
export function mostRows(told: number, { approval }: Verdict): number {
  const beyond = ({ rows, share }: Tolerance): number => Math.max(rows, Math.floor(told * share));
  const tolerated = (approval?.requirements ?? []).map(({ tolerance }) => beyond(tolerance));
  return told + (tolerated.length > 0 ? Math.min(...tolerated) : 0);
}

/** The rule that asks for reviewers whose word is not there; undefined if none does. */
export const unmetRule = ({ approval }: Verdict, { rules }: Granted): string | undefined =>
  approval?.requirements.find(({ rule }) => !rules.has(rule))?.rule;

/** What bounds a change; undefined where nothing does, and for what is none. */
export function boundOf(
  judge: Pick<Judge, 'weigh'>,
  judged: Judged,
  { principal, policies }: Whose,
  question: { readonly sql: string; readonly purpose?: string | undefined },
  granted: Granted = NOTHING_GRANTED,
): Bound | undefined {
  const { verdict, analysis } = judged;
  if (!verdict || !analysis || !CHANGES.has(analysis.kind)) return undefined;
  if (!verdict.needs.rows && granted.rows === undefined) return undefined;
  const most = granted.rows === undefined ? undefined : mostRows(granted.rows, verdict);
  return (rows) => {
    if (rows === undefined)
      return {
        code: 'LIMIT_REACHED',
        message: `How many rows this change touched can not be told, and there is a limit on them, ${ROLLED_BACK}`,
      };
    if (most !== undefined && rows > most)
      return {
        code: 'LIMIT_REACHED',
        message: `This change touched more rows than its reviewers were told of, ${ROLLED_BACK}`,
        hint: 'Send the statement again to ask anew.',
      };
    if (!verdict.needs.rows) return undefined;
    // What it did is judged as what it would do was: it may be neither denied now, nor need a word that nobody gave.
    const after = judge.weigh(judged, principal, policies, question, { bytes: verdict.estimate?.bytes, rows });
    const unmet = after.verdict && unmetRule(after.verdict, granted);
    if (!after.denial && unmet === undefined) return undefined;
    return {
      code: 'LIMIT_REACHED',
      message: `This change touched more rows than you may change ${after.denial ? 'at once' : 'without asking'}, ${ROLLED_BACK}`,
      policy: after.denial?.policy,
      rule: after.denial?.rule ?? unmet,
      hint: 'Narrow its predicate, or make it find the same rows each time.',
    };
  };
}
