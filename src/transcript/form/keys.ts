/**
 * The two secrets of the record: an Ed25519 key that signs it, and the keys that what agents wrote of people is encrypted with.
 * PostgreSQL never sees either.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface SealingKey {
  /** The beginning of the key's hash: names it without telling it. */
  readonly id: string;
  readonly key: Buffer;
}

export interface RecordKeys {
  readonly signing: KeyObject;
  /** The first encrypts; the others still decrypt. */
  readonly sealing: readonly SealingKey[];
  /** The name that the signatures go under: C2SP's "origin". */
  readonly origin: string;
  /** Keys that signed before this one. */
  readonly formerly: readonly VerifierKey[];
}

/** A public key with the name that it signs under. */
export interface VerifierKey {
  readonly name: string;
  readonly key: KeyObject;
}

/** Throws where it is no Ed25519 key in PEM form. */
export function readSigningKey(pem: string): KeyObject {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`a key of type ${key.asymmetricKeyType ?? 'unknown'}`);
  return key;
}

/** Throws where it is not 32 bytes in base64. */
export function readSealingKey(text: string): SealingKey {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32 || key.toString('base64').replace(/=+$/, '') !== text.trim().replace(/=+$/, ''))
    throw new Error('not 32 bytes in base64');
  return { id: createHash('sha256').update('snowfence key ').update(key).digest('hex').slice(0, 12), key };
}

export const newSealingKey = (): SealingKey => readSealingKey(randomBytes(32).toString('base64'));

export const publicPart = (key: KeyObject): KeyObject => (key.type === 'private' ? createPublicKey(key) : key);

export const signWith = (key: KeyObject, message: Uint8Array): Buffer => sign(null, message, key);

/** The raw 32 bytes of a public key. RFC 8410: they end its DER form. */
export const rawPublicKey = (key: KeyObject): Buffer =>
  publicPart(key).export({ type: 'spki', format: 'der' }).subarray(-32);

export function publicKeyFromRaw(raw: Uint8Array): KeyObject {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
  return createPublicKey({ key: der, type: 'spki', format: 'der' });
}

/** A name for who gives none: it stays while the key stays. */
export const originOf = (key: KeyObject): string =>
  `snowfence/${createHash('sha256').update(rawPublicKey(key)).digest('hex').slice(0, 8)}`;

/** Our own key, and those before it. */
export const trustedKeys = (keys: RecordKeys): readonly VerifierKey[] => [
  { name: keys.origin, key: keys.signing },
  ...keys.formerly,
];
