/** What webhooks are sent of an event: the record itself, or a message for the chat where reviewers are. */
import {
  type Approval,
  type Approvals,
  approvalMessage,
  MESSAGE_KINDS,
  type MessageKind,
} from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { type Payload, payloadOf, type Webhook } from '../../transcript/index.js';

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

/**
 * For chats: a message for each approval that was asked for, decided on, or is over. Nothing for what an agent only repeats. `masked`
 * takes personal data and secrets out.
 */
export function payloadFor(
  config: Pick<Config, 'publicUrl'>,
  approvals: Approvals,
  masked: <T extends object>(record: T) => T,
): Payload {
  const consoleUrl = new URL('/console', config.publicUrl).href;
  return async (event, { format }) => {
    if (format === 'standard') return payloadOf(event);
    const { kind, body } = event;
    if (!isMessageKind(kind) || body['waiting'] !== undefined) return undefined;
    const approval = await found(
      approvals,
      String(body['approval']),
      kind === 'approval_asked' ? AFTER_EVENT_TRIES : 0,
    );
    return approval && JSON.stringify(approvalMessage(format, kind, masked(approval), consoleUrl));
  };
}

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
