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

/** The same as a file tells it. */
export interface ToldOfTaken {
  readonly session: string;
  readonly from: number;
  readonly length: number;
  readonly hash: string;
  /** ISO 8601. */
  readonly opened_at: string | null;
  /** SHA-256 of how it opened: who it was is nobody's business that has the file for other sessions. */
  readonly opening: string | null;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const toldOf = ({ session, from_position: from, length, hash, opened_at: at, opening }: Taken): ToldOfTaken => ({
  session,
  from,
  length,
  hash,
  opened_at: at?.toISOString() ?? null,
  opening: opening === null ? null : sha256(opening),
});

/** Takes rows in the order of their sessions. */
export class Manifest {
  readonly #hash = createHash('sha256');

  add(row: Taken): void {
    this.addTold(toldOf(row));
  }

  addTold({ session, from, length, hash, opened_at: at, opening }: ToldOfTaken): void {
    this.#hash.update(`${canonical([session, from, length, hash, at, opening])}\n`);
  }

  /** Hexadecimal SHA-256 of what was taken so far. */
  get digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

export function manifestOf(rows: readonly Taken[]): string {
  const manifest = new Manifest();
  for (const row of rows) manifest.add(row);
  return manifest.digest;
}
