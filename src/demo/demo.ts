/**
 * `snowfence demo`: the whole system on this machine. Warehouse, PostgreSQL and gateway are processes of their own; the gateway is the
 * very `serve` that production runs, with a configuration made for it.
 */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SnowfenceError } from '../config/problem.js';
import { type Child, endProcess, freePort } from './child.js';
import { warmUp } from './connect.js';
import { startGateway, untilReady, writeConfig } from './gateway.js';
import { checkGiven, demoFolder, type Given } from './given.js';
import { Kept, type Pause, pauseForPeople } from './kept.js';
import { startPostgresOn, startWarehouseOn } from './parts.js';
import { AGENTS, REVIEWERS, withToken } from './people.js';
import { gatewayPort, issuerPort } from './ports.js';
import { type Ready, writeReadyFile, writeTokens } from './ready.js';
import { databaseUrl, setUpRecord } from './record.js';
import { keptSecret, newPassword } from './secrets.js';

export interface DemoOptions extends Given {
  readonly port: number;
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

const TOKEN_LIFETIME_SECONDS = 12 * 3600;

const EXAMPLES = new URL('../../examples/demo/', import.meta.url);

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
  await checkGiven(options);
  const folder = await demoFolder(options, ends);
  await options.prepare?.(folder);
  const { CLI_CLIENT, IdentityProvider } = await loadIdentity();
  const port = await gatewayPort(options.port);
  const providerPort = await issuerPort(options.port);
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
    startWarehouseOn(warehousePort, {
      seeds,
      latencyMs: options.latencyMs,
      password: warehousePassword,
      dataFolder: options.data === undefined ? undefined : join(folder, 'warehouse'),
    });
  const startPostgres = (): Promise<Child> => startPostgresOn(postgresPort, join(folder, 'postgres'), databasePassword);
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
  const urls = await setUpRecord(folder, postgresPort, base.database_url);
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
  await writeTokens(ready);
  await warmUp(ready);
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
