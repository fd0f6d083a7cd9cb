/** `snowfence serve`: over HTTP, or over standard input and output for the one client that started it. */
import type { Command } from 'commander';
import { configOf } from '../io/configured.js';
import { configOption } from '../io/options.js';

export function serveCommand(command: Command): void {
  command
    .addOption(configOption())
    .option('--stdio', 'serve the one client that started this process, over standard input and output')
    .option('--token-env <name>', 'with --stdio: the variable that holds the client’s access token')
    .option('--token-file <file>', 'with --stdio: the file that holds it')
    .action(async (options) => {
      const config = await configOf(options.config);
      const { serveHttp, serveOnStdio } = await import('../../server/index.js');
      await (options.stdio === true
        ? serveOnStdio(config, { env: options.tokenEnv, file: options.tokenFile })
        : serveHttp(config));
    });
}
