/**
 * Who stands behind an agent: nobody decides on a statement of their own, nor on one that is sent for them, and nobody counts twice. A
 * person is known by issuer and subject, and by mail address wherever there may be a second account of theirs. Doors differ in what they
 * bring along (a sign-in has a mail address, an access token need not: RFC 9068 names none), so what is needed is asked for at each of
 * them: whoever can't be told apart from others has no say.
 */
import type { Requirement } from './enough.js';

export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Whoever runs the gateway says that this issuer's tokens name no people. */
  readonly isWorkload?: boolean | undefined;
}

/** Delegation of delegation of … (RFC 8693, section 4.1): more than this is nobody's honest token. */
const MAX_ACTORS = 10;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** An issuer as it is compared. */
const issuerOf = (issuer: string): string => issuer.replace(/\/$/, '');

/** A name that an issuer gave, as names are compared: one issuer's `ana` is not another's. */
const named = (issuer: string, name: string): string => `${issuerOf(issuer)} ${name}`;

const MAIL = 'mailto:';

/** Among the names of those behind a statement: somebody of this issuer has no mail address, by which another issuer would know them. */
const UNKNOWN = 'without mail ';

/**
 * The mail address, by which a person is known at two issuers. It counts unless the issuer says that it is not verified (OpenID Connect
 * Core 1.0, section 5.1; some write it as a text): many that verify every address don't say so. Taking two for one only ever asks for
 * one more person; taking one for two would let somebody agree with themselves.
 */
function mailOf(claims: Readonly<Record<string, unknown>>): string[] {
  const mail = textOf(claims['email'])?.trim().toLowerCase();
  const isVerified = !['false', '0'].includes(String(claims['email_verified']).toLowerCase());
  return mail === undefined || mail === '' || !isVerified ? [] : [`${MAIL}${mail}`];
}

/** Somebody whom a token names. */
interface Actor {
  readonly issuer: string;
  readonly name: string | undefined;
  readonly mail: readonly string[];
}

/** Those who act for one another, each at the issuer that the actor's own `iss` names, else at the token's. */
function actorsOf(issuer: string, claims: Readonly<Record<string, unknown>>): Actor[] {
  const actors: Actor[] = [];
  let act: unknown = claims['act'];
  for (let depth = 0; typeof act === 'object' && act !== null && depth < MAX_ACTORS; depth++) {
    const actor = Object.fromEntries(Object.entries(act));
    actors.push({ issuer: textOf(actor['iss']) ?? issuer, name: textOf(actor['sub']), mail: mailOf(actor) });
    act = actor['act'];
  }
  return actors;
}

/**
 * What a token's client is called: `client_id` (RFC 9068, section 2.2), `azp` (OpenID Connect Core 1.0, section 2). A subject that is the
 * client is no person (RFC 9068, section 2.2, of `sub`), nor is one that came by none.
 */
const clientsOf = ({ clientId, claims }: Identity): readonly (string | undefined)[] => [
  clientId,
  textOf(claims['client_id']),
  textOf(claims['azp']),
];

/**
 * Every name that a token's holder, its client, and those who act for one another in it (`sub`, `azp`, `act`) go by: with the issuer,
 * and by mail address, which the same person has at several issuers. Where one of them may be a person and has none, that is said.
 */
export function personsOf(identity: Identity): string[] {
  const { issuer, subject, clientId, claims, isWorkload = false } = identity;
  const clients = clientsOf(identity);
  const actors = [{ issuer, name: subject, mail: mailOf(claims) }, ...actorsOf(issuer, claims)];
  const own = [clientId, textOf(claims['azp'])].flatMap((name) => (name ? [named(issuer, name)] : []));
  const names = actors.flatMap(({ issuer: whose, name, mail }) => [
    ...(name === undefined ? [] : [named(whose, name)]),
    ...mail,
  ]);
  const unknown = actors
    .filter(({ name, mail }) => name !== undefined && mail.length === 0)
    .filter(
      ({ issuer: whose, name }) => issuerOf(whose) !== issuerOf(issuer) || !(isWorkload || clients.includes(name)),
    )
    .map(({ issuer: whose }) => `${UNKNOWN}${issuerOf(whose)}`);
  return [...new Set([...own, ...names, ...unknown])];
}

/** What a reviewer goes by. Their client (a console, a command line) is no person: many use the same. */
export const reviewerNames = ({ issuer, subject, claims }: Omit<Identity, 'clientId'>): string[] => [
  named(issuer, subject),
  ...mailOf(claims),
];

/**
 * What is missing to tell a reviewer from those behind the statement, and from others who have a say; undefined where nothing is. By mail
 * address it is asked where those behind are known by one, and where several people have to agree: one with two accounts would be two.
 * Another issuer's account is known by nothing else.
 */
export function missingOf(
  { persons, requirements }: { readonly persons: readonly string[]; readonly requirements: readonly Requirement[] },
  { issuer, claims }: Omit<Identity, 'clientId'>,
): 'no mail address' | 'agent without mail address' | undefined {
  const isElsewhere = (name: string): boolean => name.startsWith(UNKNOWN) && name !== `${UNKNOWN}${issuerOf(issuer)}`;
  if (persons.some(isElsewhere)) return 'agent without mail address';
  const needed = requirements.reduce((sum, { count }) => sum + count, 0);
  const isNeeded = needed > 1 || persons.some((name) => name.startsWith(MAIL));
  return isNeeded && mailOf(claims).length === 0 ? 'no mail address' : undefined;
}
