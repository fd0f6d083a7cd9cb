/** What statements that differ only in their literals have in common. */
import { createHash } from 'node:crypto';
import type { Statement } from '../../sql/index.js';

/** The same for statements that differ only in their literals. */
export function fingerprintOf({ tokens }: Pick<Statement, 'tokens'>): string {
  const shape = tokens.map(({ kind, text }) =>
    kind === 'string' || kind === 'number' ? '?' : kind === 'word' ? text.toUpperCase() : text,
  );
  return createHash('sha256').update(shape.join(' ')).digest('hex').slice(0, 16);
}

/** Of a text that is no statement. */
export const NO_FINGERPRINT = fingerprintOf({ tokens: [] });
