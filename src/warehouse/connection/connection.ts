/** One connection: opened under a role and warehouse, brought into a known state, closed. */
import type { Connection, ConnectionOptions, RowStatement, StatementOption } from 'snowflake-sdk';
import { addressProblem } from '../../network/index.js';
import { failureOf, unavailable } from '../errors/driver-error.js';
import { LogInRefused, WarehouseUnavailable } from '../errors/failures.js';
import { loadDriver } from './driver.js';
import type { ReadToken, WarehouseOptions } from './options.js';
import { OWN_FORMS } from './own-questions.js';
import { isSessionQuestion, setUpOf } from './session-state.js';

export interface PoolKey {
  readonly role: string;
  readonly warehouse: string;
  /** Whose statement it is; undefined for the gateway's own questions. Connections are shared between principals, and by turns. */
  readonly whose?: string | undefined;
}

const MAX_AGE_MS = 3 * 3_600_000;

/** Marks our own set-up statements in Snowflake's history, so that nobody takes them for an agent's. */
export const SETUP_TAG = '{"app":"snowfence","setup":true}';

/** Whether the gateway asks this for itself: set-up, metadata, the history. None of it reads a table of anybody's. */
export const isOwnQuestion = (text: string): boolean =>
  isSessionQuestion(text) || OWN_FORMS.some((form) => form.test(text));

/**
 * What asking about certificates may take of a log-in, beside its own time: of each certificate of the chain the cache (5 s) and the responder
 * (10 s) are waited for (the driver's `lib/agent/ocsp_response_cache.js`, `lib/agent/check.js`).
 */
const OCSP_MS = 45_000;

/** Ours is process-wide with the driver: all warehouses of a process have one configuration. */
const ocspOf = ({ ocsp = 'fail_open' }: WarehouseOptions) => ({
  ocspFailOpen: ocsp !== 'fail_closed',
  disableOCSPChecks: ocsp === 'off',
});

const proxyOf = ({ proxy }: WarehouseOptions): Record<string, unknown> =>
  proxy === undefined
    ? {}
    : {
        proxyHost: proxy.host,
        proxyPort: proxy.port,
        ...(proxy.user === undefined ? {} : { proxyUser: proxy.user, proxyPassword: proxy.password }),
        ...(proxy.noProxy === undefined ? {} : { noProxy: proxy.noProxy }),
      };

/** Whether the log-in goes over TLS, whose certificates are asked about. */
const asksAboutCertificates = ({ accessUrl, ocsp }: WarehouseOptions): boolean =>
  ocsp !== 'off' && !accessUrl?.startsWith('http:');

/** What a statement of the gateway's own is, in a word or two; of those that explain an agent's, that. */
const ownKind = (text: string): string =>
  /^(?:SHOW [A-Z]+|DESCRIBE|EXPLAIN|ALTER SESSION|USE|BEGIN|COMMIT|ROLLBACK)\b/.exec(text)?.[0] ?? 'SELECT';

/** A role or warehouse name is a plain identifier: it goes into the log-in and into nothing else. */
const authentication = async (options: WarehouseOptions): Promise<Partial<ConnectionOptions>> => {
  const { auth } = options;
  switch (auth.kind) {
    case 'password':
      return { password: auth.password };
    case 'key_pair':
      return {
        authenticator: 'SNOWFLAKE_JWT',
        privateKey: auth.privateKey,
        ...(auth.passphrase === undefined ? {} : { privateKeyPass: auth.passphrase }),
      };
    case 'oauth':
      return { authenticator: 'OAUTH', token: await tokenOf(auth) };
    case 'token':
      return { authenticator: 'PROGRAMMATIC_ACCESS_TOKEN', token: await tokenOf(auth) };
  }
};

/** Throws LogInRefused where it can't be read again: Snowflake is not asked with one that may have ended. */
async function tokenOf({
  token,
  again,
}: {
  readonly token: string;
  readonly again?: ReadToken | undefined;
}): Promise<string> {
  try {
    return again === undefined ? token : await again();
  } catch (error) {
    throw new LogInRefused(
      `Snowflake is not asked: ${error instanceof Error ? error.message : 'no token can be read.'}`,
      false,
    );
  }
}

export class WarehouseConnection {
  readonly #connection: Connection;
  readonly #opened = Date.now();
  readonly #answerTimeoutMs: number;
  readonly #onOwn: (what: string) => void;
  #isBroken = false;

  private constructor(connection: Connection, { connectTimeoutMs, onOwnStatement }: WarehouseOptions) {
    this.#answerTimeoutMs = connectTimeoutMs;
    this.#onOwn = onOwnStatement ?? (() => undefined);
    this.#connection = connection;
  }

  /** Throws WarehouseUnavailable, and LogInRefused where the log-in is refused: the message says so without the secret. */
  static async open(options: WarehouseOptions, key: PoolKey | undefined): Promise<WarehouseConnection> {
    // The log-in has a secret in it. Without an address of its own the driver makes an https one of the account.
    const problem = options.accessUrl === undefined ? undefined : addressProblem(options.accessUrl);
    if (problem !== undefined) throw new LogInRefused(`Snowflake is not asked: ${problem}`, false);
    const [driver, proof] = await Promise.all([loadDriver(), authentication(options)]);
    driver.configure(ocspOf(options));
    const connection = driver.createConnection({
      account: options.account,
      username: options.username,
      application: 'snowfence',
      ...(key ? { role: key.role, warehouse: key.warehouse } : {}),
      clientSessionKeepAlive: false,
      // Two chunks ahead is its habit; each stands in memory until it is read.
      resultPrefetch: 1,
      // Otherwise NULL comes as the text "NULL" wherever values are fetched as strings.
      representNullAsStringNull: false,
      disableConsoleLogin: true,
      // The deadline is ours; the driver would go on for many minutes.
      sfRetryMaxLoginRetries: 1,
      ...(options.accessUrl ? { accessUrl: options.accessUrl } : {}),
      ...(options.database ? { database: options.database } : {}),
      ...(options.schema ? { schema: options.schema } : {}),
      ...proxyOf(options),
      ...proof,
    } as ConnectionOptions);
    const own = new WarehouseConnection(connection, options);
    await within(
      options.connectTimeoutMs + (asksAboutCertificates(options) ? OCSP_MS : 0),
      new Promise<void>((resolve, reject) => {
        connection.connect((error) => (error ? reject(unavailable(error)) : resolve()));
      }),
      () => own.close(),
    );
    for (const sqlText of setUpOf(options.session ?? {})) await own.simple(sqlText, SETUP_TAG);
    return own;
  }

  /** A statement of our own without rows to speak of; `ahead` of its characters stand before somebody else's. Throws WarehouseUnavailable where no answer comes in time. */
  simple(
    sqlText: string,
    tag: string,
    binds: readonly (string | number | boolean | null)[] = [],
    ahead = 0,
  ): Promise<Record<string, unknown>[]> {
    this.#onOwn(ownKind(sqlText));
    const work = new Promise<Record<string, unknown>[]>((resolve, reject) => {
      this.execute({
        sqlText,
        ...(binds.length > 0 ? { binds: [...binds] } : {}),
        parameters: { QUERY_TAG: tag },
        complete: (error, _statement, rows) =>
          error ? reject(failureOf(error, ahead)) : resolve((rows ?? []) as Record<string, unknown>[]),
      });
    });
    // What comes after the deadline is nobody's any more.
    work.catch(() => undefined);
    return within(this.#answerTimeoutMs, work, () => this.markBroken());
  }

  execute(options: StatementOption): RowStatement {
    return this.#connection.execute(options);
  }

  /** The result of a statement that ran before, by its query id. */
  fetchResult(options: { queryId: string } & Partial<StatementOption>): RowStatement {
    return this.#connection.fetchResult(options);
  }

  /** A broken connection goes back to no pool. */
  markBroken(): void {
    this.#isBroken = true;
  }

  get isUsable(): boolean {
    return !this.#isBroken && this.#connection.isUp() && Date.now() - this.#opened < MAX_AGE_MS;
  }

  close(): void {
    this.#isBroken = true;
    // The answer does not matter: Snowflake ends a session that is left.
    this.#connection.destroy(() => undefined);
  }
}

/** Rejects when the time is over, and then undoes what was begun. */
async function within<T>(timeoutMs: number, work: Promise<T>, undo: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      undo();
      reject(new WarehouseUnavailable(`Snowflake did not answer within ${timeoutMs} ms.`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
