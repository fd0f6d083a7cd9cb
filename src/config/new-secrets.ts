/** Secrets made anew, as the configuration reads them. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { because, SnowfenceError } from './problem.js';

/** Ed25519 as PKCS#8 PEM. */
export const newSigningKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** 32 bytes in base64. */
export const newEncryptionKey = (): string => `${randomBytes(32).toString('base64')}\n`;

/** Of a webhook, as the Standard Webhooks specification writes it. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}\n`;

const OWNER_ALONE = 0o600;

/** Into a new file that only its owner reads. Throws a SnowfenceError: what is there already, a key in use perhaps, is never written over. */
export async function writeNewSecret(file: string, secret: string): Promise<void> {
  try {
    await writeFile(file, secret, { mode: OWNER_ALONE, flag: 'wx' });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException | undefined)?.code === 'EEXIST';
    throw new SnowfenceError(
      'FILE_NOT_WRITTEN',
      isThere ? `${file} is there already; it was left as it is.` : `${file} can not be written${because(error)}`,
      isThere
        ? 'Name another file: a key that is lost can not be made again.'
        : 'Check that its folder is there and yours.',
      1,
    );
  }
}
