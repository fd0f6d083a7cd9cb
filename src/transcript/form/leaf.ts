/** A leaf of the tree: the head of a session at some moment. */
import { canonical } from './canonical.js';

export interface Leaf {
  readonly session: string;
  readonly length: number;
  /** Hexadecimal. */
  readonly hash: string;
  readonly at: string;
}

/** A leaf's bytes: canonical JSON. */
export const leafText = ({ session, length, hash, at }: Leaf): string => canonical({ at, hash, length, session });
