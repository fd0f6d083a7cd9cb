/** Of the configuration: who is sent events of the record, and with which secret. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { MESSAGE_KINDS } from '../../approval/index.js';
import { addressProblem } from '../../network/index.js';
import { EVENT_KINDS, readWebhookSecret, type Webhook } from '../../transcript/index.js';
import { SnowfenceError } from '../problem.js';
import { address } from '../values/address.js';
import { environment, file, secret } from '../values/secrets.js';

export const webhooksShape = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,40}$/, 'a short name such as siem'),
      url: address.optional(),
      url_env: environment.optional(),
      url_file: file.optional(),
      format: z.enum(['standard', 'slack', 'teams']).default('standard'),
      secret_env: environment.optional(),
      secret_file: file.optional(),
      events: z.array(z.enum(EVENT_KINDS)).min(1).optional(),
      checkpoints: z.boolean().default(false),
    }),
  )
  .refine(
    (list) => new Set(list.map(({ name }) => name)).size === list.length,
    'Two webhooks have one name. Each needs a name of its own.',
  )
  .default([]);

/** A chat's address is its secret, and its messages are not signed for anybody who checks that. */
export async function readWebhook(webhook: z.infer<typeof webhooksShape>[number], base: string): Promise<Webhook> {
  const { name, events, checkpoints, format } = webhook;
  const url =
    webhook.url ??
    (await secret(
      webhook.url_env,
      webhook.url_file,
      base,
      `webhooks: the address of ${name}`,
      'url, url_env nor url_file',
    ));
  // An address that is a secret is named by its webhook alone.
  const problem = addressProblem(url);
  if (problem !== undefined)
    throw new SnowfenceError(
      URL.canParse(url) && new URL(url).protocol === 'http:' ? 'TLS_MISSING' : 'SECRET_INVALID',
      `webhooks: the address of ${name}: ${problem}`,
      'The record must not travel in clear: use https.',
    );
  if (format !== 'standard') {
    const odd =
      events?.find((kind) => !(MESSAGE_KINDS as readonly string[]).includes(kind)) ??
      (checkpoints ? 'checkpoints' : undefined);
    if (odd !== undefined)
      throw new SnowfenceError(
        'CONFIG_INVALID',
        `webhooks: ${name} is a chat, and there is no message for ${odd}.`,
        `There are messages for ${MESSAGE_KINDS.join(', ')}.`,
      );
    return { name, url, secret: randomBytes(32), kinds: new Set(events ?? MESSAGE_KINDS), checkpoints: false, format };
  }
  const what = `webhooks: the secret of ${name}`;
  const text = await secret(webhook.secret_env, webhook.secret_file, base, what, 'secret_env nor secret_file');
  try {
    return { name, url, secret: readWebhookSecret(text), kinds: events && new Set(events), checkpoints, format };
  } catch (error) {
    throw new SnowfenceError(
      'SECRET_INVALID',
      `${what}: ${error instanceof Error ? error.message : ''}.`,
      'Make one with: snowfence keys new webhook',
    );
  }
}
