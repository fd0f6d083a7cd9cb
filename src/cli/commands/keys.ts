/** `snowfence keys …`: making, showing and changing keys, and erasing by them. */
import { Argument, type Command } from 'commander';
import { configOf, withStore } from '../io/configured.js';
import { configOption, timeOption } from '../io/options.js';
import { say } from '../io/output.js';

export function keysCommand(keys: Command): void {
  keys
    .command('new')
    .description('a new key, into a file that only its owner reads, or on standard output')
    .addArgument(new Argument('<kind>', 'what it is for').choices(['signing', 'encryption', 'webhook']))
    .option('--out <file>', 'a new file for it, with mode 600; never over one that is there')
    .action(async (kind: string, options) => {
      const { newEncryptionKey, newSigningKey, newWebhookSecret, writeNewSecret } = await import(
        '../../config/new-secrets.js'
      );
      const make = { signing: newSigningKey, encryption: newEncryptionKey, webhook: newWebhookSecret }[kind];
      const key = make?.() ?? '';
      if (options.out === undefined) process.stdout.write(key);
      else {
        await writeNewSecret(options.out, key);
        say(`A new ${kind} key is in ${options.out}, for its owner alone.`);
      }
    });
  keys
    .command('show')
    .description('the public key that verifies the record')
    .addOption(configOption())
    .action(async (options) => {
      const config = await configOf(options.config);
      const { verifierKeyOf } = await import('../../transcript/index.js');
      say(verifierKeyOf(config.keys));
    });
  keys
    .command('list')
    .description('which of the encryption keys hold what')
    .addOption(configOption())
    .action(async (options) => {
      const { listKeys } = await import('../record/keys.js');
      say(await withStore(options.config, ({ config, store }) => listKeys(config, store)));
    });
  keys
    .command('rotate')
    .description('encrypt every session’s key with the first encryption key of the configuration')
    .addOption(configOption())
    .action(async (options) => {
      const { rotate } = await import('../record/keys.js');
      say(await withStore(options.config, ({ config, store }) => rotate(config, store)));
    });
  keys
    .command('erase')
    .description('make what agents wrote of people in some sessions unreadable for good')
    .argument('[sessions...]', 'their whole ids')
    .addOption(configOption())
    .option('--agent <name>', 'all sessions of this subject or client')
    .option('--issuer <url>', 'with --agent: of this issuer')
    .addOption(timeOption('--before <time>', 'sessions that ended before'))
    .option('--yes', 'do it')
    .action(async (sessions: string[], options) => {
      const [{ erase }, { timeOf }] = await Promise.all([
        import('../record/keys.js'),
        import('../../transcript/index.js'),
      ]);
      const before = options.before === undefined ? undefined : timeOf(options.before, new Date());
      say(
        await withStore(options.config, ({ config, store }) =>
          erase(
            config,
            store,
            { sessions, agent: options.agent, issuer: options.issuer, before },
            options.yes === true,
          ),
        ),
      );
    });
}
