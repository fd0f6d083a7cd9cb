/** The list of what an archive took, as the signed record has it. */
import { createHash } from 'node:crypto';
import { canonical } from './canonical.js';

/** Of one session: from which event on, up to before which length, and the hash there; and how it opened, if later events stay. */
export interface Taken {
  readonly session: string;
  readonly from_position: number;
  readonly length: number;
  readonly hash: string;
  readonly opened_at: Date | null;
  /** Canonical JSON. */
  readonly opening: string | null;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Hexadecimal SHA-256; `rows` in the order of their sessions. */
export function manifestOf(rows: readonly Taken[]): string {
  const lines = rows.map(({ session, from_position: from, length, hash, opened_at: at, opening }) =>
    canonical([session, from, length, hash, at, opening === null ? null : sha256(opening)]),
  );
  return sha256(lines.map((line) => `${line}\n`).join(''));
}
