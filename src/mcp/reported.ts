/** What comes with a call beside its arguments: what the client says of it, and no agent writes. */
import { z } from 'zod';
import type { Reported } from '../gateway/index.js';
import { type ConnectionReport, jobIn } from '../reported/index.js';
import { saidIn } from '../visible-text/index.js';

/** Keys of `_meta` (MCP, "General fields": a prefix of ours before the slash). */
const META_PROMPT = 'snowfence/prompt';
const META_JOB = 'snowfence/job';

const MAX_PROMPT = 65_536;

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
  if (text === undefined && job === undefined && place === undefined) return undefined;
  const source = own === undefined ? 'connection' : 'call';
  return {
    ...(text === undefined ? {} : { prompt: { source, text: text.slice(0, MAX_PROMPT), length: text.length } }),
    job: job && { source: ownJob ? 'call' : 'connection', parts: job },
    place,
  };
}
