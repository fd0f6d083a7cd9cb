/** Secrets made anew, as the configuration reads them. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';

/** Ed25519 as PKCS#8 PEM. */
export const newSigningKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** 32 bytes in base64. */
export const newEncryptionKey = (): string => `${randomBytes(32).toString('base64')}\n`;

/** Of a webhook, as the Standard Webhooks specification writes it. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}\n`;
