/** Texts that browsers and the store keep for us, and that only we can read: JWE (RFC 7516), direct, AES-256-GCM. */
import { hkdfSync } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';

export class Sealer {
  readonly #keys: readonly Uint8Array[];

  /** The first of the keys encrypts, all of them decrypt. */
  constructor(keys: readonly Uint8Array[]) {
    if (keys.length === 0) throw new Error('A sealer without a key.');
    this.#keys = keys.map((key) => new Uint8Array(hkdfSync('sha256', key, '', 'snowfence console', 32)));
  }

  /** `purpose`: nothing sealed for one purpose opens for another. */
  async seal(purpose: string, data: Readonly<Record<string, unknown>>, seconds: number): Promise<string> {
    const [key] = this.#keys;
    if (!key) throw new Error('A sealer without a key.');
    return new EncryptJWT({ data })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setAudience(purpose)
      .setExpirationTime(new Date(Date.now() + seconds * 1000))
      .encrypt(key);
  }

  /** undefined for what is not ours, is over, or was sealed for something else. */
  async open(purpose: string, text: string): Promise<unknown> {
    for (const key of this.#keys) {
      try {
        const { payload } = await jwtDecrypt(text, key, {
          audience: purpose,
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM'],
        });
        return payload['data'];
      } catch {
        // Another key, or none: the next one.
      }
    }
    return undefined;
  }
}
