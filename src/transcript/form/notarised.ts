/** The notary's signed word of how far it has read what a process wrote: up to which of its numbers. */
import { verify as verifySignature } from 'node:crypto';
import { publicPart, type VerifierKey } from './keys.js';

/** What is signed. */
export const notarisedMessage = (writer: string, n: number): Buffer =>
  Buffer.from(`snowfence notarised v1\n${writer}\n${n}\n`);

/** Whether the notary has said so of this writer. */
export const isNotarised = (writer: string, n: number, signature: Uint8Array, keys: readonly VerifierKey[]): boolean =>
  keys.some(({ key }) => verifySignature(null, notarisedMessage(writer, n), publicPart(key), signature));
