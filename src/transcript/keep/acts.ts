/** What is done to the record on purpose: it is written down before it is done. */
import type { Event } from '../form/event.js';

/** Throws where it can't be written down: then it is not done. */
export type RecordAct = (event: Event) => Promise<unknown>;

export const actOf = (kind: Event['kind'], body: Event['body']): Event => ({
  kind,
  sessionId: undefined,
  statementId: undefined,
  body,
});
