/** What a statement ends with that has no result. */
import { errorText, type OwnWords, type Told } from './text.js';

/** Snowflake can't be reached, or does not answer in time. */
export class WarehouseUnavailable extends Error {
  /** `cause`: in words of ours, for the log. What the driver throws hangs on requests and answers. */
  constructor(message: string, cause?: string) {
    super(message, { cause });
    this.name = 'WarehouseUnavailable';
  }
}

/** Snowflake refuses the gateway's own log-in, or is not asked for one: somebody has to mend the configuration. */
export class LogInRefused extends WarehouseUnavailable {
  /** Only what one policy asks for is refused (its role), not the gateway as such. */
  readonly isOfRole: boolean;

  constructor(message: string, isOfRole: boolean, cause?: string) {
    super(message, cause);
    this.name = 'LogInRefused';
    this.isOfRole = isOfRole;
  }
}

/**
 * Snowflake answered with an error. Its text can quote rows, so nothing that is printed, logged or recorded by mistake holds it:
 * `message`, and with it the stack, is the text with every hole empty. What of it somebody's own statement fills is asked for.
 */
export class StatementFailed extends Error {
  readonly code: string;
  readonly sqlState: string | undefined;
  readonly queryId: string | undefined;
  readonly #told: Told;

  /** `ahead`: characters that were put before the statement, such as EXPLAIN's. */
  constructor(message: string, code: string, sqlState?: string, queryId?: string, ahead = 0) {
    const told: Told = {
      message,
      code: /^-?\d{1,6}$/.test(code) ? code : '',
      sqlState: sqlState !== undefined && /^[0-9A-Z]{5}$/.test(sqlState) ? sqlState : undefined,
      ahead,
    };
    super(errorText(told));
    this.name = 'StatementFailed';
    this.code = told.code;
    this.sqlState = told.sqlState;
    this.queryId = queryId !== undefined && /^[\w-]{1,100}$/.test(queryId) ? queryId : undefined;
    this.#told = told;
  }

  /** The text for whoever owns these words. */
  textFor(own: OwnWords): string {
    return errorText(this.#told, own);
  }
}

/** The caller, a limit or a deadline ended the statement. */
export class StatementCancelled extends Error {
  readonly reason: 'caller' | 'timeout';

  constructor(reason: 'caller' | 'timeout') {
    super(reason === 'timeout' ? 'The statement took longer than its limit allows.' : 'The statement was cancelled.');
    this.name = 'StatementCancelled';
    this.reason = reason;
  }
}
