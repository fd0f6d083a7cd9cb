/** `snowfence store …`: setting the transcript's store up. */
import type { Command } from 'commander';
import { configOf } from '../io/configured.js';
import { configOption } from '../io/options.js';
import { say } from '../io/output.js';

export function storeCommand(store: Command): void {
  store
    .command('setup')
    .description('make or update the tables and the gateway’s role, as the administrator that the configuration names')
    .addOption(configOption())
    .action(async (options) => {
      const config = await configOf(options.config);
      const { setUp } = await import('../access/store.js');
      say(await setUp(config));
    });
}
