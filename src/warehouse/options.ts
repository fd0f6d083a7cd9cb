/** How the gateway reaches Snowflake. Secrets come from the environment or files; see the configuration room of the CLI. */
export interface WarehouseOptions {
  readonly account: string;
  /** Overrides the address that the account would give, such as `http://127.0.0.1:8085`. */
  readonly accessUrl: string | undefined;
  readonly username: string;
  readonly auth:
    | { readonly kind: 'password'; readonly password: string }
    | { readonly kind: 'key_pair'; readonly privateKey: string; readonly passphrase: string | undefined }
    | { readonly kind: 'oauth'; readonly token: string }
    | { readonly kind: 'token'; readonly token: string };
  /** What unqualified names are completed with; without them every name has to be written in full. */
  readonly database: string | undefined;
  readonly schema: string | undefined;
  /** Connections for each role and warehouse. */
  readonly poolSize: number;
  /** In milliseconds: a connection has to be there by then. */
  readonly connectTimeoutMs: number;
  /** EXPLAIN before each statement that was not confirmed before. */
  readonly confirm: 'off' | 'cached' | 'always';
}

/** Snowflake can't be reached, or does not answer in time. */
export class WarehouseUnavailable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'WarehouseUnavailable';
  }
}

/** Snowflake answered with an error. */
export class StatementFailed extends Error {
  readonly code: string;
  readonly sqlState: string | undefined;
  readonly queryId: string | undefined;

  constructor(message: string, code: string, sqlState: string | undefined, queryId: string | undefined) {
    super(message);
    this.name = 'StatementFailed';
    this.code = code;
    this.sqlState = sqlState;
    this.queryId = queryId;
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
