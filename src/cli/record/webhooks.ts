/** `snowfence webhooks`: how delivery goes. */
import { randomUUID } from 'node:crypto';
import { Approvals } from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { payloadFor, previewFor, testPayload } from '../../server/index.js';
import { table } from '../../terminal/index.js';
import { moment } from '../../times/index.js';
import {
  deadLetters,
  deliveryStates,
  post,
  retryDead,
  type TranscriptStore,
  type Webhook,
} from '../../transcript/index.js';
import { policiesInForce } from '../access/in-force.js';

/** A chat's address is its secret. */
const shownUrl = ({ url, format }: Webhook): string => (format === 'standard' ? url : new URL(url).origin);

export async function listWebhooks(config: Config, store: TranscriptStore, json: boolean): Promise<string> {
  const states = await deliveryStates(store.pool);
  const all = config.webhooks.map((webhook) => ({
    name: webhook.name,
    url: shownUrl(webhook),
    ...(states.find((state) => state.webhook === webhook.name) ?? {
      sessions: 0,
      failing: 0,
      failing_since: null,
      problem: null,
      delivered_at: null,
      dead: 0,
    }),
  }));
  if (json) return JSON.stringify(all, null, 2);
  if (all.length === 0) return 'The configuration names no webhook.';
  return table(
    ['WEBHOOK', 'LAST DELIVERED', 'SESSIONS', 'FAILING', 'SINCE', 'DEAD', 'PROBLEM'],
    all.map((state) => [
      state.name,
      state.delivered_at ? moment(state.delivered_at) : 'never',
      String(state.sessions),
      String(state.failing),
      state.failing_since ? moment(state.failing_since) : '',
      String(state.dead),
      state.problem ?? '',
    ]),
  );
}

export async function listDead(store: TranscriptStore, name: string | undefined, json: boolean): Promise<string> {
  const dead = await deadLetters(store.pool, name);
  if (json) return JSON.stringify(dead, null, 2);
  if (dead.length === 0) return 'Nothing was given up.';
  return table(
    ['WEBHOOK', 'SESSION', 'EVENT', 'GIVEN UP', 'PROBLEM'],
    dead.map((letter) => [
      letter.webhook,
      letter.session_id,
      String(letter.position),
      moment(letter.given_up_at),
      letter.problem,
    ]),
  );
}

function webhookOf(config: Config, name: string): Webhook {
  const webhook = config.webhooks.find((entry) => entry.name === name);
  if (webhook) return webhook;
  const names = config.webhooks.map((entry) => entry.name).join(', ');
  throw new SnowfenceError(
    'UNKNOWN_WEBHOOK',
    `The configuration names no webhook ${name}.`,
    names === '' ? 'It names none.' : `It names ${names}.`,
  );
}

export async function retryWebhook(config: Config, store: TranscriptStore, name: string): Promise<string> {
  const inForce = await policiesInForce(store);
  const { sent, problem } = await retryDead(
    store,
    webhookOf(config, name),
    payloadFor(config, new Approvals(store), await previewFor(config), () => inForce),
  );
  if (problem !== undefined)
    throw new SnowfenceError(
      'NOT_DELIVERED',
      `${sent} were sent, then: ${problem}.`,
      'What is left stays among the dead letters.',
      1,
    );
  return `${sent} were sent.`;
}

export async function testWebhook(config: Config, name: string): Promise<string> {
  const webhook = webhookOf(config, name);
  try {
    await post(webhook, `test-${randomUUID()}`, testPayload(webhook));
    return `${shownUrl(webhook)} took a signed test message.`;
  } catch (error) {
    throw new SnowfenceError(
      'NOT_DELIVERED',
      `${shownUrl(webhook)}: ${error instanceof Error ? error.message : ''}.`,
      'It has to answer with a status of 200 to 299 within 10 seconds.',
      1,
    );
  }
}
