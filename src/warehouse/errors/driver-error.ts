/** The driver's errors as ours. What they say is taken apart elsewhere (`text.ts`). */
import { LogInRefused, StatementFailed, WarehouseUnavailable } from './failures.js';
import { loginText } from './text.js';

interface DriverError {
  readonly code?: string | number;
  readonly sqlState?: string;
  readonly message?: string;
  readonly name?: string;
  readonly data?: { readonly queryId?: string } | null;
}

/** Codes of sessions that are gone and of a network that does not answer: the connection is of no more use. */
const CONNECTION_LOST = /^(?:3901(?:0[0-9]|1[0-9])|40[0-9]{4})$/;

/** The role of a log-in is not there, or not granted to its user (snowflakedb/terraform-provider-snowflake, acceptance tests). */
const ROLE_REFUSED = '390189';

const MAX_CAUSES = 4;

/** Names and codes of an error and its causes, for the log: not one word of their texts. */
function traceOf(error: unknown): string {
  const words: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth++) {
    const { name, code }: DriverError = at;
    for (const word of [name, code === undefined ? undefined : String(code)])
      if (word !== undefined && /^[\w$-]{1,60}$/.test(word)) words.push(word);
  }
  return [...new Set(words)].join(' ');
}

/** `ahead`: characters that were put before the statement. */
export function failureOf(error: unknown, ahead = 0): StatementFailed | WarehouseUnavailable {
  const { code, sqlState, message, data, name } = (error ?? {}) as DriverError;
  const text = String(code ?? '');
  if (name === 'NetworkError' || name === 'RequestFailedError' || CONNECTION_LOST.test(text))
    return new WarehouseUnavailable('Snowflake is not reachable at the moment.', traceOf(error));
  return new StatementFailed(message ?? '', text, sqlState, data?.queryId, ahead);
}

/** Of a log-in: where it was refused, why, without the secret. */
export function unavailable(error: unknown): WarehouseUnavailable {
  const { code, message } = (error ?? {}) as DriverError;
  const text = String(code ?? '');
  if (!/^(?:3901|3903|3944)/.test(text))
    return new WarehouseUnavailable('Snowflake is not reachable at the moment.', traceOf(error));
  return new LogInRefused(
    `Snowflake refused the gateway's own log-in (${text}): ${loginText(message ?? '')}`,
    text === ROLE_REFUSED,
    traceOf(error),
  );
}
