/** An answer as tools give it: in words, and with the names of the outside. */
import { z } from 'zod';
import type { Answer } from '../../gateway/index.js';
import { answerText } from '../text.js';
import type { CallContext, ToolResult } from './tool.js';

const position = z.object({ line: z.number(), column: z.number() });

export const denialShape = z.object({
  code: z.string(),
  message: z.string(),
  policy: z.string().optional(),
  rule: z.string().optional(),
  position: position.optional(),
  hint: z.string().optional(),
});

export const queryOutput = z.object({
  status: z.enum(['ok', 'denied', 'approval_required', 'error']),
  statement_id: z.string(),
  session: z.string().nullable(),
  columns: z.array(z.object({ name: z.string(), type: z.string(), mask: z.string().nullable() })),
  rows: z.array(z.array(z.unknown())),
  row_count: z.number(),
  truncated: z.boolean(),
  cursor: z.string().nullable(),
  notices: z.array(z.string()),
  query_id: z.string().nullable(),
  duration_ms: z.number(),
  denial: denialShape.optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  approval: z.object({ id: z.string(), url: z.string(), expires_at: z.string() }).optional(),
});

/** The answer with the names of the outside. */
function structured(answer: Answer, consoleUrl: string): Record<string, unknown> {
  return {
    status: answer.status,
    statement_id: answer.statementId,
    session: answer.session,
    columns: answer.columns.map(({ name, type, mask }) => ({ name, type, mask })),
    rows: answer.rows,
    row_count: answer.rows.length,
    truncated: answer.isTruncated,
    cursor: answer.cursor,
    notices: answer.notices,
    query_id: answer.queryId,
    duration_ms: answer.durationMs,
    ...(answer.denial ? { denial: withoutGaps(answer.denial) } : {}),
    ...(answer.error ? { error: answer.error } : {}),
    ...(answer.approval
      ? {
          approval: {
            id: answer.approval.id,
            url: `${consoleUrl}/approvals/${answer.approval.id}`,
            expires_at: answer.approval.expiresAt,
          },
        }
      : {}),
  };
}

export const withoutGaps = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));

export const resultOf = (answer: Answer, { consoleUrl }: CallContext): ToolResult => ({
  text: answerText(answer, consoleUrl),
  structured: structured(answer, consoleUrl),
  isError: answer.status === 'error',
});
