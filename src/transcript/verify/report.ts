/**
 * Proves that a transcript is whole. Everything is computed anew: each chain from its first event, the tree from its leaves, its roots
 * against the signed checkpoints, those kept elsewhere included, signatures of what no checkpoint covers yet, and the rows that search
 * goes by. Nothing that the store says of itself is believed.
 *
 * What a thief of the database's password can do within the time since the last checkpoint, and only in it, is cut off the end of what
 * a gateway wrote last; a gateway that still runs finds that at its next checkpoint.
 */
import type { Break } from '../checks/breaks.js';

export interface VerifyReport {
  readonly isWhole: boolean;
  /** The first is where to look first: in the order of the sessions, then of their events. */
  readonly breaks: readonly Break[];
  /** There were more than are listed. */
  readonly isCut: boolean;
  readonly sessions: number;
  readonly events: number;
  readonly checkpoints: number;
  /** Checkpoints that were kept outside the database: without one a roll-back of the whole of it would not show. */
  readonly kept: number;
  /** Of the newest checkpoint. */
  readonly size: number;
  /** Events that came after it: their signatures were checked instead, unless `isSigned` is false. */
  readonly uncovered: number;
  readonly isTailSigned: boolean;
  /** Sessions that a proof of their own covers. */
  readonly proved: number;
  /** Everything there is was looked at, not some sessions of it. */
  readonly isComplete: boolean;
}

export interface KeptCheckpoint {
  readonly note: string;
  /** Where it was kept, in words. */
  readonly where: string;
}
