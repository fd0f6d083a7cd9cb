/** A leaf of the tree: the head of a session at some moment. */

import { timeText } from '../read/reader.js';
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

/** Of `leaf l`; as with events, whoever orders names the column by its table. */
export const LEAF_COLUMNS = `l.position::float8 AS position, l.session_id AS session, l.length::float8 AS length, encode(l.hash, 'hex') AS hash, ${timeText('l.at')} AS at`;
