/** One webhook, and how something is sent to it: signed as the Standard Webhooks specification says (https://www.standardwebhooks.com). */
import { createHmac } from 'node:crypto';
import { safeFetch } from '../../network/index.js';
import type { EventKind, StoredEvent } from '../form/event.js';
import { eventLine } from '../read/export.js';

export interface Webhook {
  readonly name: string;
  readonly url: string;
  /** The bytes behind `whsec_`. */
  readonly secret: Buffer;
  /** Those kinds only; undefined for all. */
  readonly kinds: ReadonlySet<EventKind> | undefined;
  /** Signed checkpoints as well. */
  readonly checkpoints: boolean;
  /** A chat's own form of message rather than that of the specification. */
  readonly format: 'standard' | 'slack' | 'teams';
}

/** What is sent of an event; undefined for nothing. */
export type Payload = (event: StoredEvent, webhook: Webhook) => Promise<string | undefined>;

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 300;

/** Throws where it is none: 24 to 64 bytes in base64 after `whsec_`. */
export function readWebhookSecret(text: string): Buffer {
  const [, encoded = ''] = /^(?:whsec_)?([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? [];
  const secret = Buffer.from(encoded, 'base64');
  if (secret.length < 24 || secret.length > 64) throw new Error('it has to be 24 to 64 bytes in base64 after whsec_');
  return secret;
}

/** The headers of a delivery. `payload` is signed to the letter. */
function signedHeaders(secret: Uint8Array, id: string, at: Date, payload: string): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${payload}`).digest('base64');
  return {
    'content-type': 'application/json',
    'user-agent': 'snowfence',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}

/** Throws what went wrong, without what was sent. Whoever answers with another address does not get the record sent there. */
export async function post(webhook: Pick<Webhook, 'url' | 'secret'>, id: string, payload: string): Promise<void> {
  let response: Response;
  try {
    response = await safeFetch(webhook.url, {
      method: 'POST',
      headers: signedHeaders(webhook.secret, id, new Date(), payload),
      body: payload,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const cause =
      error instanceof Error && error.cause instanceof Error
        ? error.cause.message
        : error instanceof Error
          ? error.message
          : '';
    throw new Error(`no answer: ${cause}`.slice(0, MAX_ANSWER));
  }
  await response.body?.cancel();
  if (!response.ok) throw new Error(`it answered ${response.status}`);
}

/** The type of an event as webhooks name it: dots between its parts. */
const typeOf = (kind: string): string => kind.replace('_', '.');

/** `more`: what is said beside the event, for whoever reads it without asking us. */
export const payloadOf = (event: StoredEvent, more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ type: typeOf(event.kind), timestamp: event.at, data: eventLine(event), ...more });
