/** `snowfence connect`: the bridge that a stdio client starts. */
import type { Command } from 'commander';
import { SnowfenceError } from '../../config/problem.js';
import { fail } from '../io/failure.js';
import { complain, say } from '../io/output.js';

export function connectCommand(command: Command): void {
  command
    .requiredOption('--url <url>', 'of the gateway, such as https://snowfence.example.com/mcp')
    .option('--token-env <name>', 'the variable that holds an access token (SNOWFENCE_TOKEN if set)')
    .option('--token-file <file>', 'the file that holds one')
    .option('--client-id <id>', 'get tokens as this client')
    .option('--private-key <file>', 'with --client-id: its private key, PKCS#8 PEM')
    .option('--client-secret-env <name>', 'with --client-id: the variable that holds its secret')
    .option('--github-actions', 'use the identity of this GitHub Actions job')
    .option('--issuer <url>', 'the only identity provider to sign in at; that of the first use if nothing is said')
    .option('--audience <name>', "whom tokens are for; the gateway's address if nothing is said")
    .option('--download <url>', 'instead of serving: fetch the file that an answer of query has this link to')
    .option('--out <file>', 'with --download: where to write it')
    .action(async (options) => {
      if (!URL.canParse(options.url))
        throw new SnowfenceError(
          'USAGE',
          `--url: "${String(options.url)}" is no URL.`,
          'Write it whole, such as https://snowfence.example.com/mcp.',
        );
      const asked = {
        url: new URL(options.url),
        tokenEnv: options.tokenEnv,
        tokenFile: options.tokenFile,
        clientId: options.clientId,
        privateKeyFile: options.privateKey,
        clientSecretEnv: options.clientSecretEnv,
        githubActions: options.githubActions === true,
        issuer: options.issuer,
        audience: options.audience,
        say: complain,
      };
      if ((options.download === undefined) !== (options.out === undefined))
        throw new SnowfenceError('USAGE', '--download and --out belong together.');
      if (options.download !== undefined) {
        const { download } = await import('../connect/download.js');
        say(await download(asked, options.download, options.out));
        return;
      }
      const { connect } = await import('../connect/bridge.js');
      await connect(asked, (error) => fail(error, false));
    });
}
