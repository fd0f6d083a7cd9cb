/** `snowfence webhooks …`: how delivery goes, and trying it again. */
import type { Command } from 'commander';
import { withStore } from '../io/configured.js';
import { configOption, jsonOption } from '../io/options.js';
import { say } from '../io/output.js';

export function webhooksCommand(webhooks: Command): void {
  webhooks
    .command('list')
    .description('each webhook, and how far it is')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { listWebhooks } = await import('../record/webhooks.js');
      say(await withStore(options.config, ({ config, store }) => listWebhooks(config, store, options.json === true)));
    });
  webhooks
    .command('dead')
    .description('what was given up after a day of tries')
    .argument('[name]', 'of one webhook; of all if none is named')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (name: string | undefined, options) => {
      const { listDead } = await import('../record/webhooks.js');
      say(await withStore(options.config, ({ store }) => listDead(store, name, options.json === true)));
    });
  for (const [name, about] of [
    ['retry', 'send what was given up once more'],
    ['test', 'send one signed test message'],
  ] as const)
    webhooks
      .command(name)
      .description(about)
      .argument('<name>', 'as the configuration has it')
      .addOption(configOption())
      .action(async (webhook: string, options) => {
        const { retryWebhook, testWebhook } = await import('../record/webhooks.js');
        say(
          await withStore(options.config, ({ config, store }) =>
            name === 'retry' ? retryWebhook(config, store, webhook) : testWebhook(config, webhook),
          ),
        );
      });
}
