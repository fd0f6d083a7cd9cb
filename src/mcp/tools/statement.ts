/** A statement as tools take it. */
import { z } from 'zod';
import { FORMATS } from '../../formats/index.js';
import type { QueryRequest } from '../../gateway/index.js';
import type { CallContext } from './tool.js';

const bind = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const sql = z
  .string()
  .max(1_048_576)
  .describe('One Snowflake SQL statement. Write names in full: DATABASE.SCHEMA.TABLE.');
const purpose = z
  .string()
  .max(4000)
  .describe('In one sentence: what the user asked for. It is recorded and shown to reviewers.');
const session = z.string().max(64).describe('The session of an earlier answer, to keep one transcript.');
const binds = z
  .array(bind)
  .max(1000)
  .describe('Values for ? or :1, :2 in the statement. Numbers of more than 15 digits as texts.');

export const queryInput = z.object({
  sql,
  purpose: purpose.optional(),
  max_rows: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      'How many rows to answer at once, at most: 100 rows or 20 KB unless you ask for more. Your policy limits the whole result.',
    ),
  binds: binds.optional(),
  session: session.optional(),
  format: z
    .enum(FORMATS)
    .optional()
    .describe(
      'For a result that is not for you to read: the answer has no rows, but a link to the whole result as a file of this format.',
    ),
});

export const requestOf = (input: z.infer<typeof queryInput>, context: CallContext): QueryRequest => ({
  sql: input.sql,
  purpose: input.purpose,
  maxRows: input.max_rows,
  binds: input.binds,
  session: input.session,
  reported: context.reported,
  format: input.format,
  hasDownloads: context.downloadsUrl !== undefined,
  signal: context.signal,
  onProgress: context.onProgress,
  onWaiting: context.onWaiting,
});
