/** Shapes that several addresses answer. */
import { z } from 'zod';

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

export const limitOf = (standard: number, most: number) => z.coerce.number().int().min(1).max(most).default(standard);
