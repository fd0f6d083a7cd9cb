/** The gateway's own log: JSON lines. Statement texts, rows and secrets have no place in it. */
import { destination, type Logger as Pino, pino } from 'pino';

export type Logger = Pino;

/** Standard output in HTTP service; standard error where standard output is the protocol. */
export const makeLog = (level: string, stream: 'stdout' | 'stderr'): Logger =>
  pino(
    { level, redact: ['authorization', '*.authorization', '*.password', '*.token', 'err.config', 'err.response'] },
    destination({ dest: stream === 'stdout' ? 1 : 2, sync: true }),
  );
