import type { SessionSettings } from './session-state.js';

/** Throws where no token can be had: the message says why, without it. */
export type ReadToken = () => Promise<string>;

/** A proxy between the gateway and Snowflake. */
export interface ProxyServer {
  readonly host: string;
  readonly port: number;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Hosts that are asked without it, with `|` between them, as the driver takes them. */
  readonly noProxy?: string | undefined;
}

/** How the gateway reaches Snowflake. Secrets come from the environment or files; see the configuration room of the CLI. */
export interface WarehouseOptions {
  readonly account: string;
  /** Overrides the address that the account would give, such as `http://127.0.0.1:8085`. */
  readonly accessUrl: string | undefined;
  readonly username: string;
  readonly auth:
    | { readonly kind: 'password'; readonly password: string }
    | { readonly kind: 'key_pair'; readonly privateKey: string; readonly passphrase: string | undefined }
    /** `again` reads the token at each log-in, since it ends sooner than the gateway does; without it the one that was read first is sent. */
    | { readonly kind: 'oauth'; readonly token: string; readonly again?: ReadToken | undefined }
    | { readonly kind: 'token'; readonly token: string; readonly again?: ReadToken | undefined };
  /** What unqualified names are completed with; without them every name has to be written in full. */
  readonly database: string | undefined;
  readonly schema: string | undefined;
  /** Connections for each role and warehouse. */
  readonly poolSize: number;
  /** In milliseconds: a connection has to be there by then. */
  readonly connectTimeoutMs: number;
  /** EXPLAIN before each statement that was not confirmed before. */
  readonly confirm: 'off' | 'cached' | 'always';
  /**
   * Whether the server's certificate is asked about (user-guide/ocsp): an answer that does not come is let pass, or is not, or nobody is asked.
   * For the whole process.
   */
  readonly ocsp?: 'fail_open' | 'fail_closed' | 'off' | undefined;
  readonly proxy?: ProxyServer | undefined;
  /** A role of the gateway's own that sees what views are made of, and no data; without it each agent's role has to see that itself. */
  readonly metadataRole?: string | undefined;
  /** Hears of each statement that the gateway sends for itself, by what it is, such as `SHOW OBJECTS`: Snowflake bills those, too. */
  readonly onOwnStatement?: ((what: string) => void) | undefined;
  /** What sessions have that the account may have otherwise. */
  readonly session?: SessionSettings | undefined;
}
