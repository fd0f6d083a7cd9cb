/** What comes with a request, as much of it as is read. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';

export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** A body without a length is read on for so many times that, and no longer. */
const DRAINED = 4;
const DRAIN_MS = 2000;

/** undefined for one that is too large. */
export async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size <= MAX_BODY_BYTES) parts.push(part as Buffer);
    else parts.length = 0;
    if (size > DRAINED * MAX_BODY_BYTES) return undefined;
  }
  return size > MAX_BODY_BYTES ? undefined : Buffer.concat(parts);
}

/** Takes what is still being sent and keeps none of it, for a moment: its sender hears the answer instead of a broken connection. */
export async function drain(request: IncomingMessage): Promise<void> {
  request.resume();
  const until = AbortSignal.timeout(DRAIN_MS);
  await Promise.race([once(request, 'end', { signal: until }), once(request, 'close', { signal: until })]).catch(
    () => undefined,
  );
}
