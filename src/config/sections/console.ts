/** Of the configuration: where people sign in, and whose groups give a role there. */
import { z } from 'zod';
import type { IssuerOptions } from '../../identity/index.js';
import { issuerKey } from '../../policy/index.js';
import { SnowfenceError } from '../problem.js';
import { identifier } from '../values/address.js';
import { period } from '../values/amounts.js';
import { environment, file, secret } from '../values/secrets.js';
import { type Parts, type Role, roleGroups, rolesOf } from './identity.js';

export const consoleShape = z
  .strictObject({
    client_id: z.string().min(1),
    client_secret_env: environment.optional(),
    client_secret_file: file.optional(),
    issuer: identifier.optional(),
    scopes: z.array(z.string().min(1)).min(1).default(['openid', 'profile', 'email']),
    reviewers: roleGroups,
    administrators: roleGroups,
    session: period.default(8 * 3_600_000),
    idle: period.default(3_600_000),
  })
  .optional();

export interface ConsoleConfig {
  readonly issuer: IssuerOptions;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly scopes: readonly string[];
  /** Groups that give a role; auditors stand under transcript. */
  readonly reviewers: readonly Role[];
  readonly administrators: readonly Role[];
  readonly sessionMs: number;
  readonly idleMs: number;
}

/** undefined where nobody signs in. Throws SnowfenceError. */
export async function readConsole(
  given: z.infer<typeof consoleShape>,
  parts: Parts,
  issuers: readonly IssuerOptions[],
  base: string,
): Promise<ConsoleConfig | undefined> {
  if (!given) return undefined;
  const issuer = issuers.find(
    (entry) => given.issuer === undefined || issuerKey(entry.issuer) === issuerKey(given.issuer),
  );
  if (!issuer)
    throw new SnowfenceError(
      'CONFIG_INVALID',
      `console.issuer: ${given.issuer} is none of identity.issuers.`,
      'People sign in at an identity provider that agents have tokens from.',
    );
  const named = given.client_secret_env !== undefined || given.client_secret_file !== undefined;
  return {
    issuer,
    clientId: given.client_id,
    clientSecret: named
      ? await secret(given.client_secret_env, given.client_secret_file, base, "console: the client's secret", '')
      : undefined,
    scopes: given.scopes,
    reviewers: rolesOf(given.reviewers, parts),
    administrators: rolesOf(given.administrators, parts),
    sessionMs: given.session,
    idleMs: given.idle,
  };
}
