/** Serving over standard input and output until the client or a signal ends it. */
import { serveStdio } from '@modelcontextprotocol/server/stdio';

/** `make`: a server for the client. Answers once the client is gone, or a signal has come, and the connection is closed. */
export async function serveUntilEnd(make: Parameters<typeof serveStdio>[0]): Promise<void> {
  const handle = serveStdio(make);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
    process.stdin.once('end', resolve);
    process.stdin.once('close', resolve);
  });
  await handle.close();
}
