/** Serving over standard input and output until the client or a signal ends it. */
import { serveStdio } from '@modelcontextprotocol/server/stdio';

/**
 * `make`: a server for the client; `onEnd`: hears at once that nobody is served any more. Answers who ended it, once the client is gone, or a
 * signal has come, and the connection is closed.
 */
export async function serveUntilEnd(
  make: Parameters<typeof serveStdio>[0],
  onEnd: () => void = () => undefined,
): Promise<'client' | 'signal'> {
  const handle = serveStdio(make);
  const by = await new Promise<'client' | 'signal'>((resolve) => {
    process.once('SIGTERM', () => resolve('signal'));
    process.once('SIGINT', () => resolve('signal'));
    process.stdin.once('end', () => resolve('client'));
    process.stdin.once('close', () => resolve('client'));
  });
  onEnd();
  await handle.close();
  return by;
}
