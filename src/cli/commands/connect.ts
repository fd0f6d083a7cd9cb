/** `snowfence connect`: the bridge that a stdio client starts; `snowfence prompt`: what its hook tells the gateway. */
import type { Command } from 'commander';
import { SnowfenceError } from '../../config/problem.js';
import { visibleText } from '../../visible-text/index.js';
import type { TokenOptions } from '../connect/source.js';
import { fail } from '../io/failure.js';
import { complain, say } from '../io/output.js';

/** Where the gateway is, and where a token for it comes from. */
const withToken = (command: Command): Command =>
  command
    .requiredOption('--url <url>', 'of the gateway, such as https://snowfence.example.com/mcp')
    .option('--token-env <name>', 'the variable that holds an access token (SNOWFENCE_TOKEN if set)')
    .option('--token-file <file>', 'the file that holds one')
    .option('--client-id <id>', 'get tokens as this client')
    .option('--private-key <file>', 'with --client-id: its private key, PKCS#8 PEM')
    .option('--client-secret-env <name>', 'with --client-id: the variable that holds its secret')
    .option('--github-actions', 'use the identity of this GitHub Actions job')
    .option('--issuer <url>', 'the only identity provider to sign in at; that of the first use if nothing is said')
    .option('--audience <name>', "whom tokens are for; the gateway's address if nothing is said");

/** The gateway answers at /mcp and at /mcp/ alike, so both are one here: to its metadata, to what is remembered of it, and to hooks. */
function gatewayAt(text: string): URL {
  const url = new URL(text);
  if (url.pathname.length > 1) url.pathname = url.pathname.replace(/\/$/, '');
  return url;
}

function tokenOptions(options: Readonly<Record<string, unknown>>): TokenOptions {
  const text = (name: string): string | undefined => options[name] as string | undefined;
  const url = text('url') ?? '';
  if (!URL.canParse(url))
    throw new SnowfenceError(
      'USAGE',
      `--url: "${url}" is no URL.`,
      'Write it whole, such as https://snowfence.example.com/mcp.',
    );
  return {
    url: gatewayAt(url),
    tokenEnv: text('tokenEnv'),
    tokenFile: text('tokenFile'),
    clientId: text('clientId'),
    privateKeyFile: text('privateKey'),
    clientSecretEnv: text('clientSecretEnv'),
    githubActions: options['githubActions'] === true,
    issuer: text('issuer'),
    audience: text('audience'),
    // An issuer's name among it is whatever the gateway says.
    say: (text) => complain(visibleText(text)),
  };
}

export function connectCommand(command: Command): void {
  withToken(command)
    .option('--download <url>', 'instead of serving: fetch the file that an answer of query has this link to')
    .option('--out <file>', 'with --download: where to write it')
    .action(async (options: Readonly<Record<string, unknown>>) => {
      const asked = tokenOptions(options);
      const { download: link, out } = options;
      if ((link === undefined) !== (out === undefined))
        throw new SnowfenceError('USAGE', '--download and --out belong together.');
      if (link !== undefined) {
        const { download } = await import('../connect/download.js');
        say(visibleText(await download(asked, String(link), String(out))));
        return;
      }
      const { connect } = await import('../connect/bridge.js');
      // An answer from outside that is still waited for would keep the process until then.
      if ((await connect(asked, (error) => fail(error, false))) === 'signal') process.exit();
    });
}

/** As Claude Code reads it, 2 keeps the prompt from the agent, and what stands on standard output would be read by the agent. */
const KEPT_BACK = 2;

export function promptCommand(command: Command): void {
  withToken(command)
    .option('--text', 'the prompt comes as it is, and not as the JSON that a hook of Claude Code is given')
    .option('--required', 'a prompt that was not recorded is kept from the agent: ends with 2 instead of 1')
    .action(async (options: Readonly<Record<string, unknown>>) => {
      try {
        const { reportPrompt } = await import('../connect/prompt.js');
        const told = await reportPrompt(tokenOptions(options), options['text'] === true);
        if (told !== undefined) complain(told);
      } catch (error) {
        fail(error, false);
        process.exitCode = options['required'] === true ? KEPT_BACK : 1;
      }
    });
}
