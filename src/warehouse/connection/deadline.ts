/** Some work, for as long as somebody waits for it. */
import { StatementCancelled } from '../errors/failures.js';

export interface Wait {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The work's outcome; StatementCancelled where the time is over or the caller gone before. The work itself goes on. */
export async function waitFor<T>({ timeoutMs, signal }: Wait, work: () => Promise<T>): Promise<T> {
  if (signal?.aborted) throw new StatementCancelled('caller');
  let stop: (error: Error) => void = () => undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = reject;
  });
  const onAbort = (): void => stop(new StatementCancelled('caller'));
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => stop(new StatementCancelled('timeout')), timeoutMs);
  try {
    return await Promise.race([work(), stopped]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
