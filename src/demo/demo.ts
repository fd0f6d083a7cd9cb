/**
 * `snowfence demo`: the whole system on this machine. Warehouse, PostgreSQL and gateway are processes of their own; the gateway is the
 * very `serve` that production runs, with a configuration made for it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { z } from 'zod';
import { newEncryptionKey, newSigningKey } from '../config/new-secrets.js';
import { SnowfenceError } from '../config/problem.js';
import { type StoreUrls, setUpStore, storePool } from '../transcript/index.js';
import { Child, endProcess, freePort } from './child.js';

export interface DemoOptions {
  readonly port: number;
  readonly data: string | undefined;
  readonly seeds: readonly string[];
  readonly policies: string | undefined;
  readonly readyFile: string | undefined;
  readonly tour: boolean;
  readonly latencyMs: number;
  readonly verbose: boolean;
  /** Of each principal, as the configuration has them; the defaults if nothing is said. */
  readonly limits?: Readonly<Record<string, unknown>>;
  /** What is waited for before a part that has stopped is started again; RESTART_AFTER_MS if nothing is said. */
  readonly pause?: Pause;
  /** Called with the demo's folder before anything is in it but what was kept. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/** Ended by the signal when the demo ends. */
type Pause = (signal: AbortSignal) => Promise<void>;

const AGENTS = [
  { name: 'sales-bot', groups: ['sales-agents'] },
  { name: 'pipeline-bot', groups: ['pipeline-agents'] },
  { name: 'stranger', groups: [] },
];
const REVIEWERS = [
  { name: 'steward', groups: ['data-stewards'] },
  { name: 'deputy', groups: ['data-stewards'] },
  { name: 'auditor', groups: ['auditors'] },
  { name: 'platform', groups: ['platform'] },
];
/** As the demo's identity provider knows the console. */
const CONSOLE_CLIENT_ID = 'snowfence-console';

const TOKEN_LIFETIME_SECONDS = 12 * 3600;
const READY_TIMEOUT_MS = 30_000;
/** A part that was stopped comes back after this long: time to watch the gateway refuse, and then recover. */
const RESTART_AFTER_MS = 15_000;
const pauseForPeople: Pause = (signal) => sleep(RESTART_AFTER_MS, undefined, { signal });

const EXAMPLES = new URL('../../examples/demo/', import.meta.url);

export interface ReadyAgent {
  readonly name: string;
  readonly groups: readonly string[];
  readonly client_id: string;
  readonly client_secret: string;
  readonly token: string;
}

/** What the ready file says; INTERFACE of the demo. */
export interface Ready {
  readonly mcp_url: string;
  readonly sse_url: string;
  readonly console_url: string;
  readonly metrics_url: string;
  readonly issuer: string;
  readonly audience: string;
  readonly agents: readonly ReadyAgent[];
  readonly reviewers: readonly ReadyAgent[];
  readonly database_url: string;
  readonly warehouse: {
    readonly access_url: string;
    readonly account: string;
    readonly username: string;
    readonly password: string;
  };
  readonly config_file: string;
  readonly pids: Record<'gateway' | 'warehouse' | 'postgres', number>;
}

/** Parts that come back by themselves when they end before their time. */
class Kept {
  #child: Child;
  readonly #end = new AbortController();
  readonly #start: () => Promise<Child>;
  readonly #say: (text: string) => void;
  readonly #name: string;
  readonly #pause: Pause;
  readonly #onRestart: (child: Child) => void;

  private constructor(
    name: string,
    child: Child,
    start: () => Promise<Child>,
    say: (text: string) => void,
    pause: Pause,
    onRestart: (child: Child) => void,
  ) {
    this.#name = name;
    this.#child = child;
    this.#start = start;
    this.#say = say;
    this.#pause = pause;
    this.#onRestart = onRestart;
    this.#watch();
  }

  static async start(
    name: string,
    start: () => Promise<Child>,
    say: (text: string) => void,
    pause: Pause,
    onRestart: (child: Child) => void,
  ): Promise<Kept> {
    return new Kept(name, await start(), start, say, pause, onRestart);
  }

  #watch(): void {
    const { signal } = this.#end;
    this.#child.onExit(() => {
      if (signal.aborted) return;
      this.#say(
        `${this.#name} has stopped. Statements are refused until it is back, in ${RESTART_AFTER_MS / 1000} seconds.`,
      );
      void this.#pause(signal).then(
        () => this.#restart(),
        // The demo has ended.
        () => undefined,
      );
    });
  }

  async #restart(): Promise<void> {
    if (this.#end.signal.aborted) return;
    try {
      this.#child = await this.#start();
      this.#say(`${this.#name} is back.`);
      this.#onRestart(this.#child);
      this.#watch();
    } catch (error) {
      this.#say(`${this.#name} could not be started again: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  get child(): Child {
    return this.#child;
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#child.stop();
  }
}

const databaseUrl = (user: string, port: number, password: string): string =>
  `postgres://${user}:${password}@127.0.0.1:${port}/postgres`;

async function writeConfig(
  folder: string,
  ready: Omit<Ready, 'pids' | 'agents' | 'reviewers' | 'config_file'>,
  policies: string,
  urls: StoreUrls,
  limits: Readonly<Record<string, unknown>>,
): Promise<string> {
  const url = new URL(ready.mcp_url);
  const file = join(folder, 'snowfence.yaml');
  const config = {
    server: { listen: url.host, public_url: ready.mcp_url },
    snowflake: {
      account: ready.warehouse.account,
      username: ready.warehouse.username,
      access_url: ready.warehouse.access_url,
      auth: 'password',
      password_file: join(folder, 'warehouse-password'),
    },
    transcript: {
      url_file: join(folder, 'gateway-database-url'),
      notary_url_file: join(folder, 'notary-database-url'),
      reader_url_file: join(folder, 'reader-database-url'),
      admin_url_file: join(folder, 'database-url'),
      signing_key_file: join(folder, 'signing-key.pem'),
      encryption_keys: [{ file: join(folder, 'encryption-key') }],
      checkpoints: { files: [join(folder, 'checkpoints.txt')] },
      auditors: ['data-stewards', 'auditors'],
    },
    identity: {
      issuers: [
        {
          issuer: ready.issuer,
          audience: ready.audience,
          algorithms: ['ES256'],
          token_type: 'at+jwt',
          required_scopes: ['snowfence'],
        },
      ],
    },
    console: {
      client_id: CONSOLE_CLIENT_ID,
      scopes: ['openid', 'profile', 'email'],
      reviewers: ['data-stewards'],
      administrators: ['platform'],
    },
    limits,
    policies: resolve(policies),
    log: { level: 'info' },
    shutdown: { grace: '2s' },
  };
  await writeFile(file, `# Made by snowfence demo for its own gateway.\n${stringify(config)}`, { mode: 0o600 });
  await writeFile(join(folder, 'warehouse-password'), ready.warehouse.password, { mode: 0o600 });
  await writeFile(join(folder, 'database-url'), ready.database_url, { mode: 0o600 });
  for (const [purpose, of] of Object.entries(urls))
    await writeFile(join(folder, `${purpose}-database-url`), String(of), { mode: 0o600 });
  return file;
}

function startGateway(configFile: string, verbose: boolean): ChildProcess {
  return spawn(
    process.execPath,
    [fileURLToPath(new URL('../cli/main.js', import.meta.url)), 'serve', '--config', configFile],
    {
      // The channel tells the gateway when we are gone, however we went.
      stdio: ['ignore', verbose ? 'inherit' : 'pipe', 'pipe', 'ipc'],
    },
  );
}

async function untilReady(url: URL, gateway: ChildProcess, lastWords: () => string): Promise<void> {
  const until = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const isReady = await fetch(new URL('/readyz', url)).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    if (gateway.exitCode !== null)
      throw new SnowfenceError('GATEWAY_FAILED', `The gateway did not start: ${lastWords()}`, undefined, 1);
    if (Date.now() > until)
      throw new SnowfenceError(
        'GATEWAY_FAILED',
        `The gateway was not ready within ${READY_TIMEOUT_MS / 1000} seconds. ${lastWords()}`,
        undefined,
        1,
      );
    await new Promise((done) => setTimeout(done, 50));
  }
}

const tokenAnswer = z.object({ access_token: z.string() });

async function withToken(issuer: string, audience: string, client: Omit<ReadyAgent, 'token'>): Promise<ReadyAgent> {
  const response = await fetch(new URL('/token', issuer), {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'snowfence', resource: audience }),
  });
  return { ...client, token: tokenAnswer.parse(await response.json()).access_token };
}

async function gatewayPort(wanted: number): Promise<number> {
  if (wanted === 0) return freePort();
  const { createServer } = await import('node:net');
  await new Promise<void>((done, fail) => {
    const probe = createServer();
    probe.once('error', () =>
      fail(
        new SnowfenceError(
          'PORT_IN_USE',
          `Port ${wanted} is taken.`,
          'Give another with --port, or --port 0 for any that is free.',
        ),
      ),
    );
    probe.listen(wanted, '127.0.0.1', () => probe.close(() => done()));
  });
  return wanted;
}

/** Beside the gateway's, so that what clients remember of a demo holds for the next one; any that is free where it is taken. */
const issuerPort = (options: DemoOptions): Promise<number> =>
  options.port === 0 || options.port >= 65_535 ? Promise.resolve(0) : gatewayPort(options.port + 1).catch(() => 0);

/** A running demo. */
export class Demo implements AsyncDisposable {
  readonly ready: Ready;
  readonly #end: () => Promise<void>;

  private constructor(ready: Ready, end: () => Promise<void>) {
    this.ready = ready;
    this.#end = end;
  }

  static async start(options: DemoOptions, say: (text: string) => void): Promise<Demo> {
    const ends: (() => Promise<void>)[] = [];
    const end = async (): Promise<void> => {
      for (const stop of ends.reverse()) await stop();
    };
    try {
      return new Demo(await startParts(options, say, ends), end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

async function startParts(
  options: DemoOptions,
  say: (text: string) => void,
  ends: (() => Promise<void>)[],
): Promise<Ready> {
  const folder = options.data === undefined ? await mkdtemp(join(tmpdir(), 'snowfence-demo-')) : resolve(options.data);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (options.data === undefined) ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  await chmod(folder, 0o711);
  await options.prepare?.(folder);
  const { CLI_CLIENT, IdentityProvider } = await loadIdentity();
  const port = await gatewayPort(options.port);
  const providerPort = await issuerPort(options);
  const [warehousePort, postgresPort] = [await freePort(), await freePort()];
  const mcpUrl = `http://127.0.0.1:${port}/mcp`;
  const [warehousePassword, databasePassword] = [
    newPassword(),
    await keptSecret(folder, 'database-password', newPassword),
  ];
  const seeds =
    options.seeds.length > 0
      ? options.seeds.map((seed) => resolve(seed))
      : [fileURLToPath(new URL('seed.sql', EXAMPLES))];

  say('Starting the embedded warehouse, PostgreSQL and the identity provider …');
  const startWarehouse = (): Promise<Child> =>
    Child.start(
      '../embedded/warehouse/main.js',
      {
        port: warehousePort,
        databases: ['ANALYTICS'],
        seeds,
        latencyMs: options.latencyMs,
        users: [{ name: 'SNOWFENCE', password: warehousePassword }],
        ...(options.data === undefined ? {} : { dataFolder: join(folder, 'warehouse') }),
      },
      // DuckDB's queries hold threads of the pool for as long as they run.
      { UV_THREADPOOL_SIZE: '16' },
    );
  const startPostgres = (): Promise<Child> =>
    Child.start('../embedded/postgres/main.js', {
      dataFolder: join(folder, 'postgres'),
      port: postgresPort,
      password: databasePassword,
    });
  const pids = { gateway: 0, warehouse: 0, postgres: 0 };
  const { pause = pauseForPeople } = options;
  /** Whatever else fails, what has started is ended. */
  const kept = async <T>(starting: Promise<T>, stop: (part: T) => Promise<void>): Promise<T> => {
    const part = await starting;
    ends.push(() => stop(part));
    return part;
  };
  const started = await Promise.allSettled([
    kept(
      Kept.start('The embedded warehouse', startWarehouse, say, pause, (child) => {
        pids.warehouse = child.pid;
      }),
      (part) => part.stop(),
    ),
    kept(
      Kept.start('PostgreSQL', startPostgres, say, pause, (child) => {
        pids.postgres = Number(child.answer['pid']);
      }),
      (part) => part.stop(),
    ),
    kept(
      IdentityProvider.start({
        port: providerPort,
        audience: mcpUrl,
        agents: AGENTS,
        reviewers: REVIEWERS,
        tokenLifetime: TOKEN_LIFETIME_SECONDS,
        console: {
          callback: `http://127.0.0.1:${port}/console/callback`,
          home: `http://127.0.0.1:${port}/console`,
        },
      }),
      (part) => part[Symbol.asyncDispose](),
    ),
  ]);
  const failed = started.find((part) => part.status === 'rejected');
  if (failed)
    throw new SnowfenceError(
      'DEMO_FAILED',
      `The demo could not be started: ${failed.reason instanceof Error ? failed.reason.message : String(failed.reason)}`,
      undefined,
      1,
    );
  const [warehouse, postgres, provider] = [settled(started[0]), settled(started[1]), settled(started[2])];
  const base = {
    mcp_url: mcpUrl,
    sse_url: `http://127.0.0.1:${port}/sse`,
    console_url: `http://127.0.0.1:${port}/console`,
    metrics_url: `http://127.0.0.1:${port}/metrics`,
    issuer: provider.issuer,
    audience: mcpUrl,
    cli_client_id: CLI_CLIENT,
    database_url: databaseUrl('snowfence', postgresPort, databasePassword),
    warehouse: {
      access_url: `http://127.0.0.1:${warehousePort}`,
      account: 'demo',
      username: 'SNOWFENCE',
      password: warehousePassword,
    },
  };
  // A role for each purpose: the gateway's may lengthen the record, the notary's sign it, the reader's read it; none changes it.
  const urlOf = async (purpose: string): Promise<string> =>
    databaseUrl(
      `snowfence_${purpose}`,
      postgresPort,
      await keptSecret(folder, `${purpose}-database-password`, newPassword),
    );
  const urls = { gateway: await urlOf('gateway'), notary: await urlOf('notary'), reader: await urlOf('reader') };
  await keptSecret(folder, 'signing-key.pem', newSigningKey);
  await keptSecret(folder, 'encryption-key', newEncryptionKey);
  const admin = storePool(base.database_url, 30_000, 1);
  await setUpStore(admin, urls).finally(() => admin.end());
  const configFile = await writeConfig(
    folder,
    base,
    options.policies ?? fileURLToPath(new URL('../../policies', import.meta.url)),
    urls,
    options.limits ?? {},
  );

  say('Starting the gateway …');
  const gateway = startGateway(configFile, options.verbose);
  ends.push(() => endProcess(gateway, () => gateway.kill('SIGTERM')));
  let words = '';
  for (const stream of [gateway.stdout, gateway.stderr])
    stream?.on('data', (text: Buffer) => {
      words = (words + text.toString()).slice(-4000);
    });
  await untilReady(new URL(mcpUrl), gateway, () => words.trim());
  const [agents, reviewers] = await Promise.all([
    Promise.all(provider.agents.map((agent) => withToken(provider.issuer, mcpUrl, agent))),
    Promise.all(provider.reviewers.map((reviewer) => withToken(provider.issuer, mcpUrl, reviewer))),
  ]);
  Object.assign(pids, {
    gateway: gateway.pid ?? 0,
    warehouse: warehouse.child.pid,
    postgres: Number(postgres.child.answer['pid']),
  });
  const ready: Ready = { ...base, agents, reviewers, config_file: configFile, pids };
  if (options.readyFile !== undefined) {
    await writeReadyFile(options.readyFile, ready);
    const readyFile = options.readyFile;
    ends.push(() => rm(readyFile, { force: true }));
  }
  return ready;
}

function settled<T>(part: PromiseSettledResult<T>): T {
  if (part.status === 'rejected') throw part.reason;
  return part.value;
}

/** Whole or not at all: whoever waits for the file must not read half of it. */
async function writeReadyFile(path: string, ready: Ready): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(ready, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

/** What was made at the first start with a folder serves at the next ones. */
async function keptSecret(folder: string, name: string, make: () => string): Promise<string> {
  const file = join(folder, name);
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known !== undefined) return known;
  const made = make();
  await writeFile(file, made, { mode: 0o600 });
  return made;
}

const newPassword = (): string => randomBytes(18).toString('base64url');

async function loadIdentity(): Promise<typeof import('../embedded/identity/index.js')> {
  try {
    return await import('../embedded/identity/index.js');
  } catch (error) {
    throw new SnowfenceError(
      'DEMO_NOT_INSTALLED',
      `What the demo needs is not installed: ${error instanceof Error ? error.message.split('\n')[0] : ''}`,
      'Run "npm ci" without --omit=optional.',
    );
  }
}
