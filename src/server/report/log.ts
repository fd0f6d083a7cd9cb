/** The gateway's own log: JSON lines. Statement texts, rows and secrets have no place in it. */
import { destination, type Logger as Pino, pino } from 'pino';

export type Logger = Pino;

const MAX_CAUSES = 3;

/** What an error says, and nothing of what hangs on it: drivers put connections there, and requests. */
function errorOf(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : undefined;
  const { name, message, stack, cause } = error;
  const code = 'code' in error && ['string', 'number'].includes(typeof error.code) ? error.code : undefined;
  const causes = cause === undefined || depth >= MAX_CAUSES ? {} : { cause: errorOf(cause, depth + 1) };
  return { name, message, ...(code === undefined ? {} : { code }), stack, ...causes };
}

/** Standard output in HTTP service; standard error where standard output is the protocol. */
export const makeLog = (level: string, stream: 'stdout' | 'stderr'): Logger =>
  pino(
    {
      level,
      redact: ['authorization', '*.authorization', '*.password', '*.token'],
      serializers: { err: (error: unknown) => errorOf(error) },
    },
    destination({ dest: stream === 'stdout' ? 1 : 2, sync: true }),
  );
