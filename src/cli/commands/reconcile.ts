/** `snowfence reconcile`: the transcript against the warehouse's history. */
import type { Command } from 'commander';
import { withStore } from '../io/configured.js';
import { configOption, jsonOption, timeOption } from '../io/options.js';
import { say } from '../io/output.js';

export function reconcileCommand(command: Command): void {
  command
    .addOption(configOption())
    .addOption(timeOption('--since <time>', 'at most seven days ago').makeOptionMandatory())
    .addOption(timeOption('--until <time>', 'now if nothing is said'))
    .addOption(jsonOption())
    .action(async (options) => {
      const [{ reconcile, renderDifferences }, { timeOf }] = await Promise.all([
        import('../record/reconcile.js'),
        import('../../transcript/index.js'),
      ]);
      const now = new Date();
      const since = timeOf(options.since, now) ?? now;
      const until = options.until === undefined ? now : (timeOf(options.until, now) ?? now);
      const result = await withStore(options.config, ({ config, store }) => reconcile(config, store, since, until));
      say(options.json ? JSON.stringify(result, null, 2) : renderDifferences(result));
      if (result.differences.length > 0) process.exitCode = 1;
    });
}
