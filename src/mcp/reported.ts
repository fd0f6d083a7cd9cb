/** What comes with a call beside its arguments: what the client says of it, and no agent writes. */
import { z } from 'zod';
import type { Reported } from '../gateway/index.js';
import { type ConnectionReport, conversationIn, jobIn, META_CONVERSATION } from '../reported/index.js';
import { PROMPT_KEPT, saidIn } from '../visible-text/index.js';

/** Keys of `_meta` (MCP, "General fields": a prefix of ours before the slash). */
const META_PROMPT = 'snowfence/prompt';
const META_JOB = 'snowfence/job';

const textOf = (value: unknown): string | undefined => saidIn(z.string().safeParse(value).data);

/** Of one call: its own words come before its connection's. */
export function reportedOf(
  meta: Readonly<Record<string, unknown>> | undefined,
  connection: ConnectionReport | undefined,
): Reported | undefined {
  const own = textOf(meta?.[META_PROMPT]);
  const text = own ?? connection?.prompt;
  const ownJob = jobIn(meta?.[META_JOB]);
  const job = ownJob ?? connection?.job;
  const { place } = connection ?? {};
  const conversation = conversationIn(meta?.[META_CONVERSATION]) ?? connection?.conversation;
  if ([text, job, place, conversation].every((one) => one === undefined)) return undefined;
  const source = own === undefined ? 'connection' : 'call';
  return {
    ...(text === undefined ? {} : { prompt: { source, text: text.slice(0, PROMPT_KEPT), length: text.length } }),
    job: job && { source: ownJob ? 'call' : 'connection', parts: job },
    place,
    conversation,
  };
}
