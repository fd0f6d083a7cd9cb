/**
 * Signed checkpoints: a text of origin, size and root of the tree, signed with Ed25519.
 * https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint
 */
import { createHash, type KeyObject, verify } from 'node:crypto';
import { publicKeyFromRaw, publicPart, type RecordKeys, rawPublicKey, signWith, type VerifierKey } from './keys.js';

/** C2SP's number for plain Ed25519. */
const ED25519 = 1;

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

const keyId = (name: string, raw: Uint8Array): Buffer =>
  createHash('sha256').update(`${name}\n`).update(Uint8Array.of(ED25519)).update(raw).digest().subarray(0, 4);

/** Origins are key names: neither white space nor a plus. */
export const isOrigin = (text: string): boolean => /^[^\s+\p{C}]{1,200}$/u.test(text);

export function signCheckpoint({ origin, size, root }: Checkpoint, key: KeyObject): string {
  const text = `${origin}\n${size}\n${root.toString('base64')}\n`;
  const signature = signWith(key, Buffer.from(text));
  return `${text}\n— ${origin} ${Buffer.concat([keyId(origin, rawPublicKey(key)), signature]).toString('base64')}\n`;
}

const MAX_NOTE = 100_000;

/** What a note says, if one of the keys has signed it. Throws what is wrong with it. */
export function openCheckpoint(note: string, keys: readonly VerifierKey[]): Checkpoint {
  if (note.length > MAX_NOTE) throw new Error('it is too long for a checkpoint');
  const end = note.lastIndexOf('\n\n');
  if (end < 0) throw new Error('it is no signed note');
  const text = note.slice(0, end + 1);
  const lines = note
    .slice(end + 2)
    .split('\n')
    .filter((line) => line !== '');
  const isSigned = lines.some((line) => {
    const [, name, encoded] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    if (name === undefined || encoded === undefined) return false;
    const bytes = Buffer.from(encoded, 'base64');
    return keys.some(
      (known) =>
        known.name === name &&
        keyId(name, rawPublicKey(known.key)).equals(bytes.subarray(0, 4)) &&
        verify(null, Buffer.from(text), publicPart(known.key), bytes.subarray(4)),
    );
  });
  if (!isSigned) throw new Error('none of the known keys has signed it');
  const [origin = '', size = '', root = '', ...more] = text.split('\n');
  if (!isOrigin(origin) || !/^(?:0|[1-9]\d{0,14})$/.test(size) || more.some((line) => line !== ''))
    throw new Error('it is no checkpoint');
  const bytes = Buffer.from(root, 'base64');
  if (bytes.length !== 32) throw new Error('its root is no SHA-256');
  return { origin, size: Number(size), root: bytes };
}

/** name+id+key, as C2SP's tools take it. */
export function encodeVerifierKey(name: string, key: KeyObject): string {
  const raw = rawPublicKey(key);
  return `${name}+${keyId(name, raw).toString('hex')}+${Buffer.concat([Uint8Array.of(ED25519), raw]).toString('base64')}`;
}

/** The public key that verifies what these keys sign. */
export const verifierKeyOf = (keys: RecordKeys): string => encodeVerifierKey(keys.origin, keys.signing);

/** Throws where it is none. */
export function decodeVerifierKey(text: string): VerifierKey {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text.trim()) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || bytes.length !== 33 || bytes[0] !== ED25519)
    throw new Error('it is no verifier key of Ed25519');
  const raw = bytes.subarray(1);
  if (keyId(name, raw).toString('hex') !== id) throw new Error('its id does not fit its name and key');
  return { name, key: publicKeyFromRaw(raw) };
}

/** Whether a note is to the letter what `signCheckpoint` writes, with nothing beside its one signature. */
export function isPlainCheckpoint(note: string): boolean {
  const [, encoded = ''] = /^[^\n]+\n\d+\n[^\n]{44}\n\n— \S+ (\S+)\n$/.exec(note) ?? [];
  return encoded !== '' && Buffer.from(encoded, 'base64').toString('base64') === encoded;
}
