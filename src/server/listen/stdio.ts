/** `snowfence serve --stdio`: the gateway over standard input and output, for the one client that started it. */
import { readFile } from 'node:fs/promises';
import type { Config } from '../../config/index.js';
import { SnowfenceError, unusable } from '../../config/problem.js';
import { VERSION } from '../../config/version.js';
import type { Principal } from '../../identity/index.js';
import { makeServer } from '../../mcp/index.js';
import { reportOf } from '../../reported/index.js';
import { serveUntilEnd } from '../../stdio/index.js';
import { makeLog } from '../report/log.js';
import { startRuntime } from '../runtime/runtime.js';
import { reloadOnSignal } from './reload-signal.js';
import { quiet } from './stopping.js';

export interface StdioToken {
  readonly env: string | undefined;
  readonly file: string | undefined;
}

async function readToken({ env, file }: StdioToken): Promise<string | undefined> {
  if (file !== undefined) {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw unusable('--token-file', file, 'read', error, 'Name the file that holds the access token.');
    });
    return text.trim() || undefined;
  }
  return process.env[env ?? 'SNOWFENCE_TOKEN'];
}

/** The gateway as the client's child: the same checks, on a token that the client's environment holds. */
export async function serveOnStdio(config: Config, token: StdioToken): Promise<void> {
  // What is named and can't be read is told before anything starts.
  await readToken(token);
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
  const parts = {
    gateway: runtime.gateway,
    consoleUrl: new URL('/console', config.publicUrl).href,
    downloadsUrl: undefined,
    gatewayUrl: config.publicUrl.href,
    version: VERSION,
    toolPrefix: config.toolPrefix,
  };
  runtime.serves();
  const report = reportOf(process.env, process.cwd());
  await serveUntilEnd(() =>
    makeServer(parts, {
      principal: () => principal,
      beforeCall: refresh,
      transport: 'stdio',
      address: undefined,
      report: () => report,
    }),
  );
  await quiet(runtime);
  await runtime[Symbol.asyncDispose]();
}
