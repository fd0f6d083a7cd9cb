/** The rules in force, and what they would say to a statement. */
import { z } from 'zod';
import type { Judged } from '../../gateway/index.js';
import { describeStanding, type Policy, readMasks } from '../../policy/index.js';
import { shownUses, showObject } from '../../sql/index.js';
import { ApiProblem, route } from './route.js';
import { differences, highlighted, sqlDifference, sqlPart } from './sql-view.js';

const policyShape = z.object({
  name: z.string(),
  description: z.string(),
  file: z.string(),
  role: z.string(),
  warehouse: z.string(),
  applies_to: z.array(z.string()),
  words: z.array(z.string()),
  limits: z.record(z.string(), z.unknown()),
});

const list = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(String).join(', ')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);

const shownPolicy = (policy: Policy): z.input<typeof policyShape> => ({
  name: policy.name,
  description: policy.description,
  file: policy.file,
  role: policy.role,
  warehouse: policy.warehouse,
  applies_to: Object.entries(policy.principals ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}: ${list(value)}`],
  ),
  words: describeStanding([policy], 'They').slice(1),
  limits: { ...policy.limits },
});

export const policies = route({
  method: 'get',
  path: '/policies',
  summary: 'The policies in force, in words',
  answer: z.object({
    version: z.string(),
    problem: z.string().nullable(),
    held_back: z.string().nullable(),
    /** Whose principals there are. */
    issuers: z.array(z.string()),
    policies: z.array(policyShape),
  }),
  handle: async ({ parts }) => {
    const { set, problem, held } = parts.policies();
    return {
      version: set.version,
      problem: problem ?? null,
      held_back: held ?? null,
      issuers: [...set.issuers],
      policies: set.policies.map(shownPolicy),
    };
  },
});

const MAX_SQL = 100_000;

const tried = z.object({
  verdict: z.string(),
  policies: z.array(z.string()),
  kind: z.string().nullable(),
  denial: z
    .object({
      code: z.string(),
      message: z.string(),
      hint: z.string().nullable(),
      rule: z.string().nullable(),
      position: z.object({ line: z.number(), column: z.number() }).nullable(),
    })
    .nullable(),
  rules: z.array(
    z.object({ effect: z.string(), kind: z.string(), object: z.string(), policy: z.string(), rule: z.string() }),
  ),
  objects: z.array(z.object({ object: z.string(), access: z.string(), via: z.array(z.string()) })),
  columns: z.array(z.string()),
  masks: z.array(z.object({ column: z.string(), method: z.string(), rule: z.string() })),
  row_predicates: z.array(z.object({ object: z.string(), where: z.string(), rule: z.string() })),
  requirements: z.array(
    z.object({ issuers: z.array(z.string()), groups: z.array(z.string()), count: z.number(), rule: z.string() }),
  ),
  /** A rule or limit goes by bytes or rows: the warehouse is asked before the statement runs. */
  is_open: z.boolean(),
  statement: z.array(sqlPart),
  sent: z.array(sqlPart),
  differences: z.array(sqlDifference),
});

function triedOf(judged: Judged, names: readonly string[], sql: string, about: PlaygroundWords): z.input<typeof tried> {
  const { analysis, verdict, denial, sent } = judged;
  return {
    verdict: denial ? 'deny' : (verdict?.decision ?? 'deny'),
    policies: [...names],
    kind: judged.statement?.kind ?? null,
    denial: denial
      ? {
          code: denial.code,
          message: denial.message,
          hint: denial.hint ?? null,
          rule: denial.rule ?? null,
          position: denial.position ?? null,
        }
      : null,
    rules: (verdict?.rules ?? []).map(({ effect, kind, object, policy, rule }) => ({
      effect,
      kind,
      object,
      policy,
      rule,
    })),
    ...shownUses(analysis),
    masks: readMasks(verdict?.masks ?? [], analysis).map((mask) => ({
      column: `${showObject(mask.object)}.${mask.column}`,
      method: about.method(mask.method),
      rule: mask.rule,
    })),
    row_predicates: (verdict?.rows ?? []).map((rows) => ({
      object: showObject(rows.object),
      where: about.rows(rows),
      rule: rows.rule,
    })),
    requirements: (verdict?.approval?.requirements ?? []).map(({ issuers, groups, count, rule }) => ({
      issuers: [...issuers],
      groups: [...groups],
      count,
      rule,
    })),
    is_open: Boolean(verdict?.needs.bytes || verdict?.needs.rows),
    statement: highlighted(sql),
    sent: sent === undefined || denial ? [] : highlighted(sent),
    differences: sent === undefined || denial ? [] : differences(sql, sent),
  };
}

type Verdict = NonNullable<Judged['verdict']>;
interface PlaygroundWords {
  readonly method: (method: Verdict['masks'][number]['method']) => string;
  readonly rows: (rows: Verdict['rows'][number]) => string;
}

/** `about`: how masks and row predicates are put into words. */
export const tryOut = (about: PlaygroundWords) =>
  route({
    method: 'post',
    path: '/policies/try',
    summary: 'What the policies would say to a statement of some principal. Nothing runs, nothing is recorded',
    body: z.object({
      issuer: z.string().trim().max(500).optional(),
      subject: z.string().trim().max(500).default(''),
      client_id: z.string().trim().max(500).default(''),
      groups: z.array(z.string().max(500)).max(100).default([]),
      claims: z.record(z.string(), z.unknown()).default({}),
      sql: z.string().min(1).max(MAX_SQL),
      purpose: z.string().max(4000).default(''),
    }),
    answer: tried,
    handle: async ({ body, parts }) => {
      const { subject, client_id: clientId, groups, claims, sql, purpose } = body;
      const { issuers } = parts.policies().set;
      const issuer = body.issuer || (issuers.length === 1 ? issuers[0] : undefined);
      if (issuer === undefined)
        throw new ApiProblem(400, 'Whose principal this is, is not said.', `Name one of ${issuers.join(', ')}.`);
      const { judged, policies: names } = await parts.gateway.tryOut(
        { issuer, subject, clientId: clientId || subject, groups, claims },
        // Whoever writes policies says with one word that there would be a reason, whoever gives it.
        { sql, purpose: purpose || undefined, reported: purpose ? { prompt: { text: purpose } } : undefined },
      );
      return triedOf(judged, names, sql, about);
    },
  });
