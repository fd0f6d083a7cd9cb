/** Shapes that several addresses answer. */
import { z } from 'zod';

export const date = z.date();

export const shownStatement = z.object({
  id: z.string(),
  at: date,
  session_id: z.string(),
  agent: z.string(),
  kind: z.string().nullable(),
  verdict: z.string(),
  fingerprint: z.string().nullable(),
  text: z.string(),
  purpose: z.string().nullable(),
  state: z.string().nullable(),
  rows: z.number().nullable(),
  bytes: z.number().nullable(),
  duration_ms: z.number().nullable(),
});

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
