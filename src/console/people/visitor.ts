/** Who is asking, from where, and whether from a page of ours: cookies, addresses, Fetch Metadata. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { senderOf } from '../../network/index.js';
import type { People, SignedIn } from './people.js';

export interface Env {
  readonly Bindings: HttpBindings;
  readonly Variables: { who: SignedIn };
}

export interface Cookies {
  /** Of whoever is signed in. */
  readonly session: string;
  /** Of a sign-in that was begun. */
  readonly flow: string;
  readonly isSecure: boolean;
}

export const cookiesOf = ({ protocol }: URL): Cookies =>
  protocol === 'https:'
    ? { session: '__Host-snowfence', flow: '__Host-snowfence-sign-in', isSecure: true }
    : { session: 'snowfence', flow: 'snowfence-sign-in', isSecure: false };

export function keepCookie(
  context: Context<Env>,
  { isSecure }: Cookies,
  name: string,
  value: string,
  seconds: number,
): void {
  // Lax, not Strict: whoever follows a link in a message to an approval is signed in there.
  setCookie(context, name, value, { httpOnly: true, sameSite: 'Lax', secure: isSecure, path: '/', maxAge: seconds });
}

export function dropCookie(context: Context<Env>, { isSecure }: Cookies, name: string): void {
  deleteCookie(context, name, { path: '/', secure: isSecure });
}

/** What is needed to know somebody again. */
export interface Door {
  readonly people: People;
  readonly cookies: Cookies;
  readonly lifetimeMs: number;
  readonly publicUrl: URL;
  /** Where a request comes from is then what the proxy says. */
  readonly isBehindProxy: boolean;
}

export function keepSession(context: Context<Env>, { cookies, lifetimeMs }: Door, token: string): void {
  keepCookie(context, cookies, cookies.session, token, Math.floor(lifetimeMs / 1000));
}

/** Who is asking; renews their cookie where it is time. */
export async function whoAsks(context: Context<Env>, door: Door): Promise<SignedIn | undefined> {
  const token = getCookie(context, door.cookies.session);
  if (token === undefined) return undefined;
  const found = await door.people.find(token);
  if (found?.next !== undefined) keepSession(context, door, found.next);
  return found?.who;
}

export const personKey = ({ person }: SignedIn): string => `${person.issuer} ${person.subject}`;

export const addressOf = (context: Context<Env>, { isBehindProxy }: Door): string =>
  senderOf(context.env.incoming, isBehindProxy) ?? '';

/** Sent by a page of ours (Fetch Metadata, and Origin where a browser has none of that). */
export function isOurs(context: Context<Env>, { publicUrl }: Door): boolean {
  const site = context.req.header('sec-fetch-site');
  const origin = context.req.header('origin');
  if (site !== undefined && site !== 'same-origin') return false;
  return origin === undefined || origin === publicUrl.origin;
}

/** Somewhere within the console, and nowhere else. */
export function safeReturn(to: string | undefined): string {
  if (to === undefined || to.length > 500 || !/^\/console(?:[/?][\w\-./?=&%:+,~*"@]*)?$/.test(to)) return '/console';
  return to.includes('//') || to.includes('..') || to.startsWith('/console/sign-') ? '/console' : to;
}
