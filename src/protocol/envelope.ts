/**
 * What every answer comes in: `{success, code, message, data, headers}`, with HTTP status 200 whatever it says. Anything else counts as a
 * server that is broken for now, and is asked again (the driver's `lib/services/sf.js` and `lib/http/base.js`).
 */
import { SESSION_CODES } from './codes.js';
import type { SnowflakeError } from './errors.js';

export interface Envelope {
  readonly success: boolean;
  readonly code: string | null;
  readonly message: string | null;
  readonly data: unknown;
}

export const success = (data: unknown): Envelope => ({ success: true, code: null, message: null, data });

/** An error of a statement, or of a log-in; `data`: what else is to be told with it, such as its query id. */
export const failure = (error: SnowflakeError, data: Readonly<Record<string, unknown>> = {}): Envelope => ({
  success: false,
  code: error.code,
  message: error.message,
  data: {
    internalError: false,
    errorCode: error.code,
    sqlState: error.sqlState,
    line: -1,
    pos: -1,
    type: 'COMPILATION',
    ...data,
  },
});

/** An error of a session: only its code counts, by which the driver renews its token or logs in again. */
export const sessionFailure = ({ code, message }: SnowflakeError): Envelope => ({
  success: false,
  code,
  message,
  data: null,
});

/** The code of an answer that is none yet: `detached`, where the client asked for no more than to begin (the driver's `lib/connection/statement.js`). */
const IN_PROGRESS = { waiting: '333333', detached: '333334' } as const;

/** The statement runs; its result is to be asked for again. */
export const inProgress = (queryId: string, how: keyof typeof IN_PROGRESS): Envelope => ({
  success: true,
  code: IN_PROGRESS[how],
  message: 'Query execution in progress. Please wait.',
  data: { queryId, getResultUrl: `/queries/${queryId}/result`, queryAbortsAfterSecs: 300 },
});

/** An unknown session token is the one failure with a status of its own. */
export const statusOf = ({ code }: Envelope): number => (code === SESSION_CODES.unknownSession.code ? 401 : 200);

export const bodyOf = (envelope: Envelope): Buffer => Buffer.from(JSON.stringify({ ...envelope, headers: null }));
