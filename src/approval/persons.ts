/** Who stands behind an agent: nobody decides on a statement of their own, nor on one that is sent for them. */

export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Delegation of delegation of … (RFC 8693, section 4.1): more than this is nobody's honest token. */
const MAX_ACTORS = 10;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** A name that an issuer gave, as names are compared: one issuer's `ana` is not another's. */
const named = (issuer: string, name: string): string => `${issuer.replace(/\/$/, '')} ${name}`;

/**
 * The mail address, by which a person is known at two issuers. It counts unless the issuer says that it is not verified (OpenID Connect
 * Core 1.0, section 5.1; some write it as a text): many that verify every address don't say so. Taking two for one only ever asks for
 * one more person; taking one for two would let somebody agree with themselves.
 */
function mailOf(claims: Readonly<Record<string, unknown>>): string[] {
  const mail = textOf(claims['email'])?.trim().toLowerCase();
  const isVerified = !['false', '0'].includes(String(claims['email_verified']).toLowerCase());
  return mail === undefined || mail === '' || !isVerified ? [] : [`mailto:${mail}`];
}

/** Those who act for one another, each at the issuer that the actor's own `iss` names, else at the token's. */
function actorsOf(issuer: string, claims: Readonly<Record<string, unknown>>): string[] {
  const actors: string[] = [];
  let act: unknown = claims['act'];
  for (let depth = 0; typeof act === 'object' && act !== null && depth < MAX_ACTORS; depth++) {
    const actor = Object.fromEntries(Object.entries(act));
    const name = textOf(actor['sub']);
    if (name !== undefined) actors.push(named(textOf(actor['iss']) ?? issuer, name));
    actors.push(...mailOf(actor));
    act = actor['act'];
  }
  return actors;
}

/**
 * Every name that a token's holder, its client, and those who act for one another in it (`sub`, `azp`, `act`) go by: with the issuer,
 * and by mail address, which the same person has at several issuers.
 */
export function personsOf({ issuer, subject, clientId, claims }: Identity): string[] {
  const own = [subject, clientId, textOf(claims['azp'])].flatMap((name) => (name ? [named(issuer, name)] : []));
  return [...new Set([...own, ...actorsOf(issuer, claims), ...mailOf(claims)])];
}

/** What a reviewer goes by. Their client (a console, a command line) is no person: many use the same. */
export const reviewerNames = ({ issuer, subject, claims }: Omit<Identity, 'clientId'>): string[] => [
  named(issuer, subject),
  ...mailOf(claims),
];
