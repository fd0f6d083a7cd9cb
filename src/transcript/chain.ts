/**
 * How events hang together: each session's events form a chain of SHA-256 hashes, and what a process writes at once carries one
 * Ed25519 signature. `migrations/006_chain.sql` computes the same in PostgreSQL; docs/recording.md tells how to check it by hand.
 */
import { createHash } from 'node:crypto';

export interface Link {
  readonly session: string;
  readonly at: string;
  readonly writer: string;
  readonly n: number;
  readonly statement: string | null;
  readonly kind: string;
  /** Canonical JSON. */
  readonly body: string;
}

const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** What is hashed of an event: its canonical JSON. */
export const contentOf = ({ session, at, writer, n, statement, kind, body }: Link): string =>
  `{"at":"${at}","body":${body},"kind":"${kind}","n":${n},"session":"${session}"${statement === null ? '' : `,"statement":"${statement}"`},"v":1,"writer":"${writer}"}`;

/** What the first event of a session is hung on. */
export const firstHash = (session: string): Buffer => sha256(`snowfence session ${session}`);

/** `sequence`: where it stands in the order of writing; `signature`: base64, at the last event of what was written at once. */
export function nextHash(before: Uint8Array, content: string, sequence: bigint, signature: string | null): Buffer {
  const place = Buffer.alloc(8);
  place.writeBigInt64BE(sequence);
  return signature === null
    ? sha256(before, content, place)
    : sha256(before, content, place, Buffer.from(signature, 'base64'));
}

/** What is signed of events that one process wrote at once. */
export const batchMessage = (writer: string, firstN: number, contents: readonly string[]): Buffer =>
  Buffer.concat([
    Buffer.from(`snowfence batch v1\n${writer}\n${firstN}\n`),
    ...contents.map((content) => sha256(content)),
  ]);
