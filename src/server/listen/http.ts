/** `snowfence serve`: the gateway over HTTP, or over standard input and output for the one client that started it. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { VERSION } from '../../config/version.js';
import { Console } from '../../console/index.js';
import { previewOf, recordMask } from '../../gateway/index.js';
import { type Principal, SignIn } from '../../identity/index.js';
import { McpHttp, makeServer } from '../../mcp/index.js';
import { heldWords, type Reloaded } from '../../policy/index.js';
import { Overview, retryDead } from '../../transcript/index.js';
import { type Logger, makeLog } from '../report/log.js';
import { payloadFor } from '../report/notify.js';
import { type Runtime, startRuntime } from '../runtime/runtime.js';
import { oddityOf } from './front.js';
import { keepHeapSmall } from './memory.js';
import { answerReloads } from './reload.js';

const DRAIN_CHECK_MS = 50;

function policyState({ policies }: Runtime): string {
  if (policies.problem() !== undefined) return 'last good set in force';
  return policies.held() === undefined ? 'ok' : 'held back';
}

/** Takes the policies as they are now; what came of it is in the log, whoever asked. */
async function reloadAs(runtime: Runtime, log: Logger, why: string): Promise<Reloaded> {
  const done = await runtime.policies.reload();
  log.info({ why, ...done }, done.isTaken ? 'policies were reloaded as asked' : 'a reload was asked for, and refused');
  return done;
}

/** From now on SIGHUP ends nothing; what was asked for before there is anything to reload is done then. */
function reloadOnSignal(log: Logger): (runtime: Runtime) => void {
  let ready: Runtime | undefined;
  let isAsked = false;
  const reload = (): void => {
    isAsked = true;
    if (!ready) return;
    reloadAs(ready, log, 'SIGHUP').catch((error: unknown) => log.error({ err: error }, 'a reload failed'));
  };
  process.on('SIGHUP', reload);
  return (runtime) => {
    ready = runtime;
    if (isAsked) reload();
  };
}

async function answerPlain(
  config: Config,
  runtime: Runtime,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', config.publicUrl);
  const json = (status: number, body: object): void => {
    response
      .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(JSON.stringify(body));
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'Only GET is answered here.' });
  switch (pathname) {
    case '/healthz':
      return json(200, { status: 'ok', version: VERSION });
    case '/readyz': {
      const store = await runtime.transcript.ping().then(
        () => 'ok',
        () => 'unreachable',
      );
      // Where nothing is run any more, others have to be asked, and somebody has to look.
      const { integrityProblem: problem, goesOnInDoubt } = runtime.transcript;
      return json(store === 'ok' && (problem === undefined || goesOnInDoubt) ? 200 : 503, {
        transcript: store,
        ...(problem === undefined ? {} : { integrity: problem }),
        policies: policyState(runtime),
        // Statements go on: what is in the record is there for whoever is told late.
        ...(runtime.delivery.behind === 0 ? {} : { webhooks: 'behind' }),
      });
    }
    case '/metrics':
      response
        .writeHead(200, { 'content-type': runtime.metrics.registry.contentType })
        .end(await runtime.metrics.registry.metrics());
      return;
    case '/':
      response.writeHead(302, { location: '/console' }).end();
      return;
    default:
      return json(404, { error: 'There is nothing at this address.' });
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE';
      reject(
        new SnowfenceError(
          'PORT_IN_USE',
          inUse ? `Port ${port} on ${host} is taken.` : `Can not listen on ${host}:${port}: ${error.message}`,
          inUse ? 'Choose another under server.listen, or stop what uses it.' : undefined,
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

function makeConsole(config: Config, runtime: Runtime, log: Logger): Console {
  const { console: given, publicUrl } = config;
  const { gateway, approvals, transcript, policies, verifier } = runtime;
  const masked = previewOf(recordMask(policies.current));
  return new Console({
    isBehindProxy: config.isBehindProxy,
    gateway,
    approvals,
    transcript,
    overview: new Overview(transcript.readPool),
    policies: () => {
      const held = policies.held();
      return { set: policies.current(), problem: policies.problem(), held: held && heldWords(held) };
    },
    webhooks: config.webhooks,
    webhookProblem: (name) => runtime.delivery.problemOf(name),
    retryDead: async (name) => {
      const webhook = config.webhooks.find((entry) => entry.name === name);
      return webhook && retryDead(transcript, webhook, payloadFor(config, approvals, masked));
    },
    masked,
    version: VERSION,
    publicUrl,
    facts: {
      mcpUrl: publicUrl.href,
      sseUrl: new URL('/sse', publicUrl).href,
      issuers: verifier.issuers,
      version: VERSION,
    },
    signIn: given && new SignIn({ ...given, redirectUri: new URL('/console/callback', publicUrl) }),
    refused: runtime.signInRefused,
    people: {
      lifetimeMs: given?.sessionMs ?? 0,
      idleMs: given?.idleMs ?? 0,
      roles: {
        reviewer: given?.reviewers ?? [],
        auditor: config.auditors,
        administrator: given?.administrators ?? [],
      },
    },
    log,
  });
}

/** Runs until a signal. Resolves when all is closed. */
export async function serveHttp(config: Config): Promise<void> {
  keepHeapSmall();
  const log = makeLog(config.logLevel, 'stdout');
  const reloadOn = reloadOnSignal(log);
  const runtime = await startRuntime(config, log);
  reloadOn(runtime);
  const mcp = new McpHttp({
    gateway: runtime.gateway,
    consoleUrl: new URL('/console', config.publicUrl).href,
    version: VERSION,
    verifier: runtime.verifier,
    publicUrl: config.publicUrl,
    allowedHosts: config.allowedHosts,
    isBehindProxy: config.isBehindProxy,
    log,
    onRefused: runtime.refused,
  });
  const console = makeConsole(config, runtime, log);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    void (async () => {
      try {
        const oddity = oddityOf(request);
        if (oddity) {
          response
            .writeHead(oddity.status, { 'content-type': 'application/json', connection: 'close' })
            .end(JSON.stringify({ error: oddity.error }));
          return;
        }
        if (await mcp.handle(request, response)) return;
        if (await console.handle(request, response)) return;
        await answerPlain(config, runtime, request, response);
      } catch (error) {
        log.error({ err: error, path: request.url?.split('?')[0] }, 'a request failed for a reason of our own');
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' });
        response.end('{"error":"Something went wrong inside snowfence; it has been logged."}');
      }
    })();
  };
  const server = config.tls ? createTlsServer(config.tls, onRequest) : createServer(onRequest);
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  server.maxHeadersCount = 100;
  await listen(server, config.listen.host, config.listen.port);
  const reloads =
    config.reloadSocket === undefined
      ? undefined
      : await answerReloads(config.reloadSocket, () => reloadAs(runtime, log, 'policy reload'));
  log.info(
    { url: config.publicUrl.href, policies: runtime.policies.current().version, version: VERSION },
    'snowfence is listening',
  );
  await stopSignal(log);
  server.close();
  await reloads?.[Symbol.asyncDispose]();
  await drain(config, runtime, log);
  await console[Symbol.asyncDispose]();
  await mcp[Symbol.asyncDispose]();
  await quiet(runtime);
  server.closeAllConnections();
  await runtime[Symbol.asyncDispose]();
  log.info('snowfence has stopped');
  // Whoever started us waits for our end, and we no longer for theirs.
  if (process.connected) process.disconnect();
}

/** Waits for SIGTERM, SIGINT, or the end of the process that started us and asked to be followed. */
function stopSignal(log: Logger): Promise<void> {
  return new Promise((resolve) => {
    const stop = (why: string): void => {
      log.info({ why }, 'snowfence is stopping');
      resolve();
    };
    process.once('SIGTERM', () => stop('SIGTERM'));
    // Started by `demo`, Ctrl-C reaches us as well as it: it decides when we stop.
    if (process.send) {
      process.on('SIGINT', () => undefined);
      process.once('disconnect', () => stop('the parent is gone'));
    } else {
      process.once('SIGINT', () => stop('SIGINT'));
    }
  });
}

/** Lets running statements end for as long as the configuration says; what runs then is cancelled, and recorded so. */
async function drain(config: Config, runtime: Runtime, log: Logger): Promise<void> {
  if (config.shutdown.running === 'cancel') return;
  const until = Date.now() + config.shutdown.graceMs;
  while (runtime.gateway.running > 0 && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
  if (runtime.gateway.running > 0)
    log.warn({ running: runtime.gateway.running }, 'statements are cancelled: their time to end is over');
}

/** The last outcomes are written before the store is closed. */
async function quiet(runtime: Runtime): Promise<void> {
  runtime.gateway.cancelAll();
  const until = Date.now() + 5000;
  while (runtime.gateway.running > 0 && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
}

export interface StdioToken {
  readonly env: string | undefined;
  readonly file: string | undefined;
}

async function readToken({ env, file }: StdioToken): Promise<string | undefined> {
  if (file !== undefined) return (await readFile(file, 'utf8').catch(() => '')).trim() || undefined;
  return process.env[env ?? 'SNOWFENCE_TOKEN'];
}

/** The gateway as the client's child: the same checks, on a token that the client's environment holds. */
export async function serveOnStdio(config: Config, token: StdioToken): Promise<void> {
  const log = makeLog(config.logLevel, 'stderr');
  const reloadOn = reloadOnSignal(log);
  const runtime = await startRuntime(config, log);
  reloadOn(runtime);
  let principal: Principal;
  try {
    principal = await runtime.verifier.verify(await readToken(token));
  } catch (error) {
    await runtime[Symbol.asyncDispose]();
    throw new SnowfenceError(
      'TOKEN_REFUSED',
      `The access token is not accepted: ${error instanceof Error ? error.message : ''}.`,
      `Put a valid one into ${token.file ?? token.env ?? 'SNOWFENCE_TOKEN'}.`,
    );
  }
  const refresh = async (): Promise<void> => {
    principal = await runtime.verifier.verify(await readToken(token));
  };
  const parts = { gateway: runtime.gateway, consoleUrl: new URL('/console', config.publicUrl).href, version: VERSION };
  const handle = serveStdio(() =>
    makeServer(parts, { principal: () => principal, beforeCall: refresh, transport: 'stdio', address: undefined }),
  );
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
    process.stdin.once('end', resolve);
    process.stdin.once('close', resolve);
  });
  await handle.close();
  await quiet(runtime);
  await runtime[Symbol.asyncDispose]();
}
