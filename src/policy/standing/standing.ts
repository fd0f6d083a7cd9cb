/** What the policies in force say together, whatever the statement: role, limits, what is recorded, what is looked for in texts. */
import type { DetectRule } from '../../masking/index.js';
import { isUnknown, type Origin } from '../../sql/index.js';
import { partsOf } from '../rules/globs.js';
import { DEFAULT_LIMITS, type Detection, type Policy } from '../rules/policy.js';

export interface Limits {
  readonly rows: number;
  readonly resultBytes: number;
  readonly timeoutMs: number;
  readonly statementsPerHour: number | undefined;
  readonly concurrent: number | undefined;
  readonly bytesPerStatement: number | undefined;
  readonly bytesPerDay: number | undefined;
}

/** `reported`: what the person typed, as their client says it; `required`: in the agent's words. */
const PURPOSE_RULES = ['reported', 'required', 'optional'] as const;
type PurposeRule = (typeof PURPOSE_RULES)[number];

export interface Standing {
  readonly policies: readonly string[];
  readonly role: string;
  readonly warehouse: string;
  readonly limits: Limits;
  readonly record: { readonly purpose: PurposeRule; readonly results: 'masked' | 'digest' | 'none' };
  readonly detect: readonly Detection[];
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
      resultBytes: least(policies.map((policy) => policy.limits.result_bytes)) ?? DEFAULT_LIMITS.result_bytes,
      timeoutMs: least(policies.map((policy) => policy.limits.timeout)) ?? DEFAULT_LIMITS.timeout,
      statementsPerHour: least(policies.map((policy) => policy.limits.statements_per_hour)),
      concurrent: least(policies.map((policy) => policy.limits.concurrent)),
      bytesPerStatement: least(policies.map((policy) => policy.limits.bytes_scanned_per_statement)),
      bytesPerDay: least(policies.map((policy) => policy.limits.bytes_scanned_per_day)),
    },
    record: {
      purpose: PURPOSE_RULES.find((rule) => policies.some((policy) => policy.record.purpose === rule)) ?? 'optional',
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
