/** Of the configuration: from whom tokens are taken, and whose groups give a role. */
import { z } from 'zod';
import { DEFAULT_ALGORITHMS, type IssuerOptions, openIssuerProblem } from '../../identity/index.js';
import { issuerKey } from '../../policy/index.js';
import { identifier } from '../values/address.js';
import { duration } from '../values/amounts.js';

/** Values are compared whole; what looks like a glob would match nothing, and a reader would believe that it does. */
const claimText = z
  .string()
  .refine((text) => text.trim() !== '' && text.trim() === text, 'a value without white space around it')
  .refine(
    (text) => !text.includes('*'),
    'Values are compared whole, and "*" stands for nothing here. List the values that count.',
  );
const claimValue = z.union([claimText, z.number(), z.boolean()]);

const MAX_SKEW_MS = 300_000;

const issuer = z
  .strictObject({
    issuer: identifier,
    audience: z.string().min(1),
    algorithms: z
      .array(z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']))
      .min(1)
      .default([...DEFAULT_ALGORITHMS]),
    groups_claim: z.string().min(1).default('groups'),
    groups_from: z.array(z.strictObject({ claim: z.string(), equals: z.string(), group: z.string() })).default([]),
    required_claims: z.record(z.string().min(1), z.union([claimValue, z.array(claimValue).min(1)])).default({}),
    required_scopes: z.array(z.string()).default([]),
    people: z.boolean().default(true),
    token_type: z.string().optional(),
    clock_skew: duration(0, MAX_SKEW_MS).default(30_000),
  })
  .superRefine(({ issuer: url, required_claims: claims }, context) => {
    const message = openIssuerProblem(url, claims);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['issuer'], message });
  });

export const identityShape = z.strictObject({
  issuers: z
    .array(issuer)
    .min(1)
    .superRefine((list, context) => {
      for (const [index, { issuer: url }] of list.entries())
        if (list.findIndex((entry) => issuerKey(entry.issuer) === issuerKey(url)) !== index)
          context.addIssue({
            code: 'custom',
            path: [index, 'issuer'],
            message: `${url} stands here twice. Make one entry of them: of two, one would not count.`,
          });
    }),
});

/** Groups that give a role: a name, or names with the issuer whose groups they are. */
export const roleGroups = z
  .array(
    z.union([z.string().min(1), z.strictObject({ issuer: identifier, groups: z.array(z.string().min(1)).min(1) })]),
  )
  .default([]);
type RoleGroups = z.infer<typeof roleGroups>;

/** Whose groups give a role. */
export interface Role {
  /** As they are compared. */
  readonly issuers: readonly string[];
  readonly groups: readonly string[];
}

/** What says whose groups are meant, wherever some are named. */
export interface Parts {
  readonly identity: z.infer<typeof identityShape>;
  readonly console?:
    | {
        readonly issuer?: string | undefined;
        readonly reviewers: RoleGroups;
        readonly administrators: RoleGroups;
      }
    | undefined;
  readonly transcript: { readonly auditors: RoleGroups };
}

/** Where people sign in: where the console says, else at the only issuer; undefined where that is open. */
function peopleIssuer({ identity: { issuers }, console: given }: Parts): string | undefined {
  if (given?.issuer !== undefined) return issuerKey(given.issuer);
  return issuers.length === 1 && issuers[0] ? issuerKey(issuers[0].issuer) : undefined;
}

/** One issuer's groups never count for another: where there are several, each place says whose it means. */
export function checkRoles(parts: Parts, context: z.RefinementCtx<Parts>): void {
  const all = parts.identity.issuers.map((entry) => issuerKey(entry.issuer));
  const people = peopleIssuer(parts);
  const report = (path: PropertyKey[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  if (parts.console && people === undefined)
    report(['console'], `add "issuer:", one of ${all.join(', ')}: people sign in at one of them.`);
  const places = [
    [['transcript', 'auditors'], parts.transcript.auditors],
    [['console', 'reviewers'], parts.console?.reviewers ?? []],
    [['console', 'administrators'], parts.console?.administrators ?? []],
  ] as const;
  for (const [path, entries] of places)
    for (const [index, entry] of entries.entries()) {
      if (typeof entry !== 'string' && !all.includes(issuerKey(entry.issuer)))
        report([...path, index, 'issuer'], `it is none of identity.issuers. There are: ${all.join(', ')}.`);
      if (typeof entry === 'string' && people === undefined && !parts.console)
        report(
          [...path, index],
          `whose group "${entry}" is meant is open. Write { issuer: ${all[0] ?? ''}, groups: [${entry}] }: what one issuer says never counts for another.`,
        );
    }
}

/** A name alone is a group of the issuer where people sign in. */
export const rolesOf = (entries: RoleGroups, parts: Parts): readonly Role[] =>
  entries.map((entry) => {
    const whose = typeof entry === 'string' ? peopleIssuer(parts) : issuerKey(entry.issuer);
    return {
      issuers: whose === undefined ? [] : [whose],
      groups: typeof entry === 'string' ? [entry] : entry.groups,
    };
  });

export const issuersOf = ({ issuers }: z.infer<typeof identityShape>): readonly IssuerOptions[] =>
  issuers.map((entry) => ({
    issuer: entry.issuer,
    audience: entry.audience,
    algorithms: entry.algorithms,
    groupsClaim: entry.groups_claim,
    groupsFrom: entry.groups_from,
    requiredClaims: Object.entries(entry.required_claims).map(([claim, value]) => ({
      claim,
      oneOf: Array.isArray(value) ? value : [value],
    })),
    requiredScopes: entry.required_scopes,
    people: entry.people,
    type: entry.token_type,
    clockSkew: entry.clock_skew / 1000,
  }));
