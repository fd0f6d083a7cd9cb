/**
 * How events hang together: each session's events form a chain of SHA-256 hashes, and what a process writes at once carries one
 * Ed25519 signature. `store/migrations/006_chain.sql` computes the same in PostgreSQL; docs/recording.md tells how to check it by hand.
 */
import { hash, verify as verifySignature } from 'node:crypto';
import { publicPart, type VerifierKey } from './keys.js';

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

/** What is hashed of an event: its canonical JSON. */
export const contentOf = ({ session, at, writer, n, statement, kind, body }: Link): string =>
  `{"at":"${at}","body":${body},"kind":"${kind}","n":${n},"session":"${session}"${statement === null ? '' : `,"statement":"${statement}"`},"v":1,"writer":"${writer}"}`;

/** What the first event of a session is hung on. */
export const firstHash = (session: string): string => hash('sha256', `snowfence session ${session}`, 'hex');

let scratch = Buffer.alloc(64 * 1024);

/**
 * Hexadecimal, as `before`. `sequence`: where it stands in the order of writing; `signature`: base64, at the last event of what was
 * written at once.
 */
export function nextHash(before: string, content: string, sequence: bigint, signature: string | null): string {
  // One pass over one piece of memory: this is done for every event that is ever verified.
  const most = 32 + content.length * 3 + 8 + (signature?.length ?? 0);
  if (scratch.length < most) scratch = Buffer.alloc(most * 2);
  let end = scratch.write(before, 0, 'hex');
  end += scratch.write(content, end, 'utf8');
  end = scratch.writeBigInt64BE(sequence, end);
  if (signature !== null) end += scratch.write(signature, end, 'base64');
  return hash('sha256', scratch.subarray(0, end), 'hex');
}

/** What is signed of events that one process wrote at once. */
export const batchMessage = (writer: string, firstN: number, contents: readonly string[]): Buffer =>
  batchMessageOf(
    writer,
    firstN,
    contents.map((content) => hash('sha256', content, 'buffer')),
  );

/** The same from SHA-256 of each content. */
const batchMessageOf = (writer: string, firstN: number, digests: readonly Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.from(`snowfence batch v1\n${writer}\n${firstN}\n`), ...digests]);

/** Further than any process writes at once: whoever goes on without a signature is none of ours. */
export const MAX_UNSIGNED = 1000;

/** What one process wrote at once, as far as its signature says. */
export interface Batch {
  readonly writer: string;
  /** The number of its first event. */
  readonly first: number;
  /** SHA-256 of each content. */
  readonly digests: readonly Uint8Array[];
}

export const digestOf = (link: Link): Buffer => hash('sha256', contentOf(link), 'buffer');

/** Whether one of these keys has signed it. `signature`: base64. */
export function isSignedBatch(
  { writer, first, digests }: Batch,
  signature: string,
  keys: readonly VerifierKey[],
): boolean {
  const message = batchMessageOf(writer, first, digests);
  const bytes = Buffer.from(signature, 'base64');
  return keys.some(({ key }) => verifySignature(null, message, publicPart(key), bytes));
}
