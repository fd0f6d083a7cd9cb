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

function actorsOf(claims: Readonly<Record<string, unknown>>): string[] {
  const actors: string[] = [];
  let act: unknown = claims['act'];
  while (typeof act === 'object' && act !== null && actors.length < MAX_ACTORS) {
    const { sub, act: next } = act as Record<string, unknown>;
    const name = textOf(sub);
    if (name !== undefined) actors.push(name);
    act = next;
  }
  return actors;
}

/**
 * Every name that a token's holder, its client, and those who act for one another in it (`sub`, `azp`, `act`) go by: with the issuer,
 * and by mail address, which the same person has at several issuers.
 */
export function personsOf({ issuer, subject, clientId, claims }: Identity): string[] {
  const names = [subject, clientId, ...actorsOf(claims), textOf(claims['azp'])];
  const mail = textOf(claims['email'])?.toLowerCase();
  return [
    ...new Set([
      ...names.flatMap((name) => (name === undefined || name === '' ? [] : [`${issuer} ${name}`])),
      ...(mail === undefined ? [] : [`mailto:${mail}`]),
    ]),
  ];
}

/** What a reviewer goes by. Their client (a console, a command line) is no person: many use the same. */
export function reviewerNames({ issuer, subject, claims }: Omit<Identity, 'clientId'>): string[] {
  const mail = textOf(claims['email'])?.toLowerCase();
  return [`${issuer} ${subject}`, ...(mail === undefined ? [] : [`mailto:${mail}`])];
}
