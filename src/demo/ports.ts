/** Ports that the demo is asked to use. */
import { because, SnowfenceError } from '../config/problem.js';
import { freePort } from './child.js';

export async function gatewayPort(wanted: number): Promise<number> {
  if (wanted === 0) return freePort();
  const { createServer } = await import('node:net');
  await new Promise<void>((done, fail) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        new SnowfenceError(
          'PORT_IN_USE',
          error.code === 'EADDRINUSE'
            ? `Port ${wanted} is taken.`
            : `Nothing can listen on port ${wanted}${because(error)}`,
          'Give another with --port, or --port 0 for any that is free.',
        ),
      ),
    );
    probe.listen(wanted, '127.0.0.1', () => probe.close(() => done()));
  });
  return wanted;
}

/** Beside the gateway's, so that what clients remember of a demo holds for the next one; any that is free where it is taken. */
export const issuerPort = (gateway: number): Promise<number> =>
  gateway === 0 || gateway >= 65_535 ? Promise.resolve(0) : gatewayPort(gateway + 1).catch(() => 0);
