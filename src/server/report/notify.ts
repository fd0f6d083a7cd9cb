/** What webhooks are sent of an event: the record itself, or a message for the chat where reviewers are. */
import {
  type Approval,
  type Approvals,
  approvalMessage,
  factsOf,
  knownOf,
  MESSAGE_KINDS,
  type MessageKind,
} from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import {
  type Payload,
  payloadOf,
  type Reached,
  reached,
  type StoredEvent,
  type TranscriptStore,
  type Webhook,
} from '../../transcript/index.js';

/** An event is there a moment before what it tells of; and no longer, unless that came to nothing. */
const AFTER_EVENT_TRIES = 5;
const AFTER_EVENT_MS = 500;

async function found(approvals: Approvals, id: string, tries: number): Promise<Approval | undefined> {
  const approval = await approvals.get(id);
  if (approval || tries === 0) return approval;
  await approvals.changed(id, AFTER_EVENT_MS);
  return found(approvals, id, tries - 1);
}

const isMessageKind = (kind: string): kind is MessageKind => (MESSAGE_KINDS as readonly string[]).includes(kind);

/** The approval that an event is about; of a statement's end only the one that let it run. */
async function approvalOf(
  approvals: Approvals,
  kind: MessageKind,
  { body, statement }: StoredEvent,
): Promise<Approval | undefined> {
  if (kind.startsWith('approval_'))
    return found(approvals, String(body['approval']), kind === 'approval_asked' ? AFTER_EVENT_TRIES : 0);
  const approval = statement === null ? undefined : await approvals.ofStatement(statement);
  return approval?.state === 'used' ? approval : undefined;
}

/** What people are shown of it, for programs that tell people: in the order in which they should read it. */
function knownJson(approval: Approval, consoleUrl: string): object {
  const known = knownOf(approval);
  const { headline, warnings, reported, wrote } = known;
  const { id, state, statement, sent } = approval;
  return {
    id,
    state,
    url: `${consoleUrl}/approvals/${id}`,
    headline,
    warnings,
    statement,
    sent,
    facts: factsOf(known),
    reported,
    wrote,
  };
}

/**
 * For chats: a message for each approval that was asked for, decided on, or is over, and for the end of what was approved. Nothing for what
 * an agent only repeats. Whoever gets the event itself has beside it what people are shown. `masked` takes personal data and secrets out;
 * `inForce`: the version of the policies in force.
 */
export function payloadFor(
  config: Pick<Config, 'publicUrl'>,
  approvals: Approvals,
  masked: <T extends object>(record: T) => T,
  inForce: () => string | undefined,
): Payload {
  const consoleUrl = new URL('/console', config.publicUrl).href;
  const shown = (approval: Approval) => ({ ...masked(approval), policies_in_force: inForce() });
  return async (event, { format }) => {
    const { kind, body } = event;
    const isTold = isMessageKind(kind) && body['waiting'] === undefined;
    if (format === 'standard') {
      if (!isTold || !kind.startsWith('approval_')) return payloadOf(event);
      const approval = await approvalOf(approvals, kind, event);
      return payloadOf(event, approval ? { approval: knownJson(shown(approval), consoleUrl) } : {});
    }
    if (!isTold) return undefined;
    const approval = await approvalOf(approvals, kind, event);
    return approval && JSON.stringify(approvalMessage(format, kind, shown(approval), consoleUrl));
  };
}

/** Of a statement that waits: where a message about it went. What can't be looked up may still be on its way. */
export const noticesFor =
  (
    { webhooks }: Pick<Config, 'webhooks'>,
    { pool, rows }: Pick<TranscriptStore, 'pool' | 'rows'>,
    onProblem: (problem: string, error: unknown) => void,
  ) =>
  async ({
    session_id: session,
    statement_id: statement,
  }: Pick<Approval, 'session_id' | 'statement_id'>): Promise<readonly Reached[]> => {
    const telling = webhooks.filter(({ kinds }) => kinds?.has('approval_asked') ?? true);
    if (telling.length === 0) return [];
    try {
      return await reached({ pool, rows, webhooks: telling }, 'approval_asked', { session, statement });
    } catch (error) {
      onProblem('Whether a message about an approval was sent could not be looked up.', error);
      return telling.map(({ name }) => ({ webhook: name, state: 'on its way' }));
    }
  };

/** Says that it works, in the form that it takes. */
export function testPayload({ format }: Pick<Webhook, 'format'>): string {
  const text = 'snowfence: this webhook works.';
  if (format === 'slack') return JSON.stringify({ text });
  if (format === 'teams')
    return JSON.stringify({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: { type: 'AdaptiveCard', version: '1.4', body: [{ type: 'TextBlock', text }] },
        },
      ],
    });
  return JSON.stringify({ type: 'test', timestamp: new Date().toISOString(), data: {} });
}
