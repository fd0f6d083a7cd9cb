/** `snowfence serve`: the gateway over HTTP. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Config } from '../../config/index.js';
import { because, SnowfenceError } from '../../config/problem.js';
import { VERSION } from '../../config/version.js';
import { McpHttp } from '../../mcp/index.js';
import { makeLog } from '../report/log.js';
import { startRuntime } from '../runtime/runtime.js';
import { makeConsole } from './console.js';
import { oddityOf } from './front.js';
import { keepHeapSmall } from './memory.js';
import { answerPlain } from './plain.js';
import { answerReloads } from './reload.js';
import { reloadAs, reloadOnSignal } from './reload-signal.js';
import { drain, quiet, stopSignal } from './stopping.js';

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE';
      reject(
        new SnowfenceError(
          inUse ? 'PORT_IN_USE' : 'ADDRESS_UNUSABLE',
          inUse
            ? `Port ${port} on ${host} is taken.`
            : `server.listen: can not listen on ${host}:${port}${because(error)}`,
          inUse
            ? 'Choose another under server.listen, or stop what uses it.'
            : 'Name an address of this machine, and a port that this account may listen on.',
        ),
      );
    });
    server.listen(port, host, resolve);
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
    downloadsUrl: new URL('/downloads/', config.publicUrl).href,
    gatewayUrl: config.publicUrl.href,
    version: VERSION,
    toolPrefix: config.toolPrefix,
    verifier: runtime.verifier,
    publicUrl: config.publicUrl,
    allowedHosts: config.allowedHosts,
    allowedOrigins: config.allowedOrigins,
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
  // Longer than clients and load balancers keep a connection that nobody uses (a minute): who closes first must not be us, or a request
  // that is just on its way is lost.
  server.keepAliveTimeout = 75_000;
  server.maxHeadersCount = 100;
  let reloads: AsyncDisposable | undefined;
  try {
    await listen(server, config.listen.host, config.listen.port);
    if (config.reloadSocket !== undefined)
      reloads = await answerReloads(config.reloadSocket, () => reloadAs(runtime, log, 'policy reload'));
  } catch (error) {
    // Whoever can't start ends at once: nothing that was begun holds the process.
    server.close();
    server.closeAllConnections();
    await console[Symbol.asyncDispose]();
    await mcp[Symbol.asyncDispose]();
    await runtime[Symbol.asyncDispose]();
    throw error;
  }
  runtime.serves();
  log.info(
    { url: config.publicUrl.href, policies: runtime.policies.current().version, version: VERSION },
    'snowfence is listening',
  );
  const haste = await stopSignal(log);
  server.close();
  await reloads?.[Symbol.asyncDispose]();
  await drain(config, runtime, log, haste);
  await console[Symbol.asyncDispose]();
  await mcp[Symbol.asyncDispose]();
  await quiet(runtime);
  server.closeAllConnections();
  await runtime[Symbol.asyncDispose]();
  log.info('snowfence has stopped');
  // Whoever started us waits for our end, and we no longer for theirs.
  if (process.connected) process.disconnect();
}
