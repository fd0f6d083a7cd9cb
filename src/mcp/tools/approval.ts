/** The tool that waits for a reviewer, and runs what was approved. */
import { z } from 'zod';
import { saidIn } from '../../visible-text/index.js';
import { queryOutput, resultOf } from './answered.js';
import type { CallContext, Tool, ToolResult } from './tool.js';

const MAX_WAIT_SECONDS = 50;

const approvalInput = z.object({
  id: z.string().max(64),
  wait_seconds: z
    .number()
    .min(0)
    .max(MAX_WAIT_SECONDS)
    .optional()
    .describe('How long to wait for the reviewer. Ask again when the answer is approval_required.'),
  withdraw: z.boolean().optional().describe('true: the statement is no longer wanted. Nothing runs.'),
  reason: z.string().max(1000).optional().describe('With withdraw: why.'),
});

/** What has become of an approval, after so many milliseconds at most. */
export const resumed = async (id: string, waitMs: number, context: CallContext): Promise<ToolResult> => {
  const { gateway, caller, downloadsUrl, signal, onProgress, onWaiting } = context;
  const hasDownloads = downloadsUrl !== undefined;
  return resultOf(await gateway.resume(caller, id, { waitMs, hasDownloads, signal, onProgress, onWaiting }), context);
};

export const approval: Tool = {
  name: 'approval',
  title: 'Wait for an approval',
  description:
    'The state of a statement that waits for a reviewer. Once it is approved, this runs it, exactly once, and answers as the query tool does. You can not approve anything yourself; you can withdraw what you asked for. One that is over answers denied, and approval_ended says how it ended: that of a used one has run already.',
  input: approvalInput,
  output: queryOutput,
  isReadOnly: false,
  call: async (input, context) => {
    const { id, wait_seconds: wait = 0, withdraw, reason } = approvalInput.parse(input);
    if (!withdraw) return resumed(id, wait * 1000, context);
    return resultOf(await context.gateway.withdraw(context.caller, id, saidIn(reason)), context);
  },
};
