/**
 * Issuers that serve everybody: whoever has an account there, or a free repository, gets a token signed by them, often for whatever
 * audience they ask. Such a signature says nothing about whose the token is, so only a claim makes it one of ours: one that names an
 * owner, and that nobody else can have with the same value. What a tenant writes itself is none: a workflow that others may call
 * (`job_workflow_ref`), a name that is not unique, a mail address that nobody verified. Which claims those are is a table here, with the
 * providers' own pages; anything else is refused.
 *
 * Not here are issuers with an owner in their address (CircleCI's https://oidc.circleci.com/org/ORGANIZATION, Bitbucket's
 * https://api.bitbucket.org/2.0/workspaces/WORKSPACE/…, Azure DevOps' https://vstoken.dev.azure.com/ORGANIZATION, Fly.io's
 * https://oidc.fly.io/ORGANIZATION, a Microsoft Entra tenant): their address without that owner discovers nothing.
 */
import { ENTRA_HOSTS, OPEN_ISSUERS, type Way } from './open-issuers-list.js';

export type ClaimValue = string | number | boolean;

/** As issuers are recognized: whatever the spelling, its host and path. */
function addressOf(issuer: string): string {
  const { hostname, pathname } = new URL(issuer);
  let path = pathname;
  try {
    path = decodeURIComponent(pathname);
  } catch {
    // Signs in disguise that are none: as they are.
  }
  return `${hostname.replace(/\.+$/, '')}/${path}`
    .replaceAll(/[/\\]+/g, '/')
    .replace(/\/$/, '')
    .toLowerCase();
}

/** Whether each value that would do is one of an owner's. Of true and false only a way that asks for just that takes one. */
const suits = (claim: string, values: readonly ClaimValue[] | undefined, form: RegExp): boolean =>
  values !== undefined &&
  values.length > 0 &&
  values.every((value) =>
    typeof value === 'boolean' && claim !== 'email_verified' ? false : form.test(String(value)),
  );

const wayInWords = (way: Way): string => Object.keys(way).join(' with ');

/** What has to be said of such an issuer before its tokens are taken; undefined where that is done, or where it serves one owner. */
export function openIssuerProblem(
  issuer: string,
  required: Readonly<Record<string, ClaimValue | readonly ClaimValue[]>>,
): string | undefined {
  if (!URL.canParse(issuer)) return undefined;
  const address = addressOf(issuer);
  const open = OPEN_ISSUERS.find((entry) => entry.address.test(address));
  if (!open) return undefined;
  const valuesOf = (claim: string): readonly ClaimValue[] | undefined => {
    if (!Object.hasOwn(required, claim)) return undefined;
    const value = required[claim];
    if (typeof value === 'object') return value;
    return value === undefined ? undefined : [value];
  };
  if (open.ways.some((way) => Object.entries(way).every(([claim, form]) => suits(claim, valuesOf(claim), form))))
    return undefined;
  if (open.ways.length === 0)
    return `${issuer} stands for ${open.name}, and no token names it. Write your own tenant's issuer: https://${ENTRA_HOSTS[0]}/TENANT/v2.0.`;
  const named = Object.keys(required).filter((claim) => open.ways.some((way) => Object.hasOwn(way, claim)));
  const why =
    named.length > 0
      ? ` ${named.join(' and ')} as it stands names nobody: a value is a text that only one owner's tokens have, without globs.`
      : Object.keys(required).length > 0
        ? ` ${Object.keys(required).join(' and ')} does not: others can have the same.`
        : '';
  return `${open.name} (${issuer}) gives tokens to everybody, so it has to be said whose are taken: add "required_claims: { ${open.example} }".${why} One of ${open.ways.map(wayInWords).join(', ')} is needed.`;
}
