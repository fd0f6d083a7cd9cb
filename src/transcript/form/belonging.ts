/** What belongs into a session: the event that opens it first, and its own principal's acts. */
import { canonical } from './canonical.js';
import type { RawEvent } from './event.js';

/** Whose a session is, as its statements' events name them; undefined where it is no agent's. */
export const principalOf = (opening: Readonly<Record<string, unknown>>): string | undefined => {
  const { actor, issuer, subject, client_id } = opening;
  return actor === 'agent' ? canonical({ issuer, subject, client_id }) : undefined;
};

/** What is wrong with an event that opens a session inside of it, or one that stands first and opens none. */
export const misplaced = ({ kind, position }: Pick<RawEvent, 'kind' | 'position'>): string | undefined => {
  if ((kind === 'session_opened') === (position === 0)) return undefined;
  return position === 0
    ? 'This session begins without the event that opens one.'
    : 'An event that opens a session stands inside of one.';
};

/** What is wrong with a statement's event that names another principal than its session's; earlier versions named none. */
export function strangerIn({ body }: Pick<RawEvent, 'body'>, principal: string | undefined): string | undefined {
  // In canonical JSON this stands for such a key and nothing else, on whatever level: most events are not read twice.
  if (principal === undefined || !body.includes('"principal":{')) return undefined;
  const { principal: named } = JSON.parse(body) as { readonly principal?: unknown };
  if (typeof named !== 'object' || named === null || canonical(named) === principal) return undefined;
  return `This event names another principal than the one whose session it is: ${canonical(named)}.`;
}
