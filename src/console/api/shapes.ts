/** Shapes that several addresses answer. */
import { z } from 'zod';
import { readEnd } from '../../transcript/index.js';

export { shownStatement } from '../../transcript/index.js';

export const date = z.date();

export const storedEvent = z.object({
  sequence: z.string(),
  position: z.number(),
  at: z.string(),
  session: z.string(),
  statement: z.string().nullable(),
  kind: z.string(),
  body: z.record(z.string(), z.unknown()),
});

export const statementEvent = storedEvent.extend({
  /** What it says of how its statement ended, or the file of its result; null for one that ends neither. */
  end: z
    .object({
      rows: z.number().nullable(),
      rows_changed: z.number().nullable(),
      approval: z.string().nullable(),
      reviewers: z.array(z.string()).readonly(),
      /** Why the gateway itself ended it; null where it did not. */
      gateway_said: z.string().nullable(),
    })
    .nullable(),
});

export function shownEnd(event: Parameters<typeof readEnd>[0]): z.output<typeof statementEvent>['end'] {
  const end = readEnd(event);
  if (!end) return null;
  const { rows, rowsChanged, approval, reviewers, withdrawal } = end;
  return {
    rows: rows ?? null,
    rows_changed: rowsChanged ?? null,
    approval: approval ?? null,
    reviewers,
    gateway_said: withdrawal?.by === 'gateway' ? withdrawal.words : null,
  };
}

export const limitOf = (standard: number, most: number) => z.coerce.number().int().min(1).max(most).default(standard);
