/** Who may see the record whole: a person who proves with a token to be in one of the auditors' groups, and whose look is recorded. */
import { isAsked, type Requirement } from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { TokenVerifier } from '../../identity/index.js';
import type { StoredEvent, TranscriptStore } from '../../transcript/index.js';

export interface Auditor {
  readonly subject: string;
  readonly issuer: string;
  /** Durable before anything is shown. */
  readonly recordLook: (store: TranscriptStore, session: string, approval?: string) => Promise<void>;
}

/** `others`: whose groups may see this one thing whole besides the auditors, such as its reviewers. Throws SnowfenceError. */
export async function auditorOf(
  config: Config,
  token: string | undefined,
  others: readonly Pick<Requirement, 'issuers' | 'groups'>[] = [],
): Promise<Auditor> {
  const principal = await new TokenVerifier(config.issuers).verify(token).catch((error: unknown) => {
    throw new SnowfenceError(
      'TOKEN_REFUSED',
      `Your access token is not accepted: ${error instanceof Error ? error.message : ''}.`,
      'Put a valid one into SNOWFENCE_TOKEN, or name another variable with --token-env.',
    );
  });
  if (![...config.auditors, ...others].some((asked) => isAsked(asked, principal)))
    throw new SnowfenceError(
      'NOT_AN_AUDITOR',
      `${principal.subject} is in none of the groups that may see the transcript whole.`,
      config.auditors.length === 0
        ? 'transcript.auditors names none yet.'
        : `transcript.auditors names ${config.auditors.map(({ issuers, groups }) => `${groups.join(', ')} of ${issuers.join(', ')}`).join(' and ')}.`,
      1,
    );
  const { subject, issuer } = principal;
  return {
    subject,
    issuer,
    recordLook: async (store, session, approval) => {
      await store.recorder.append({
        kind: 'record_viewed',
        sessionId: undefined,
        statementId: undefined,
        body: { auditor: subject, issuer, session, ...(approval === undefined ? {} : { approval }) },
      });
    },
  };
}

/** With what was masked in them; what no key opens any more stays masked. */
export async function openEvents(
  store: TranscriptStore,
  events: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> {
  await store.sessions.learnKeys(events.map((event) => event.session));
  return events.map((event) => {
    const { body, closed } = store.vault.open(event.session, event.statement, event.body);
    return { ...event, body: closed.length > 0 ? { ...body, erased: closed } : body };
  });
}
