/** `snowfence retention …`: archiving and legal holds. */
import type { Command } from 'commander';
import { SnowfenceError } from '../../config/problem.js';
import { progressLine } from '../../terminal/index.js';
import { withStore } from '../io/configured.js';
import { configOption, jsonOption, timeOption } from '../io/options.js';
import { say } from '../io/output.js';

export function retentionCommand(retention: Command): void {
  retention
    .command('run')
    .description('archive and drop what is older than the configuration keeps; for a weekly job')
    .addOption(configOption())
    .addOption(timeOption('--before <time>', 'weeks that ended before, instead of the configuration’s age'))
    .action(async (options) => {
      const [{ archiveOld }, { timeOf }] = await Promise.all([
        import('../record/retention.js'),
        import('../../transcript/index.js'),
      ]);
      const progress = progressLine(process.stderr);
      say(
        await withStore(options.config, ({ config, store }) => {
          const { keepDays, folder } = config.retention;
          if (options.before === undefined && keepDays === undefined)
            throw new SnowfenceError(
              'NO_RETENTION',
              'The configuration does not say how long the record stays.',
              'Set transcript.retention.keep, such as 400d, or name a time with --before.',
            );
          const before = timeOf(options.before ?? `${keepDays}d`, new Date()) ?? new Date(0);
          return archiveOld(config, store, before, folder, (week) => progress.show(`week of ${week}`));
        }).finally(() => progress.end()),
      );
    });
  retention
    .command('hold')
    .description('keep a session, or everything of an agent, whatever its age')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--session <id>', 'its id, or the beginning of it')
    .option('--agent <name>', 'a subject')
    .option('--issuer <url>', 'with --agent: of this issuer only; of all who bear the name if nothing is said')
    .addOption(configOption())
    .action(async (options) => {
      const { hold } = await import('../record/retention.js');
      say(
        await withStore(options.config, ({ config, store }) =>
          hold(
            config,
            store,
            { session: options.session, agent: options.agent, issuer: options.issuer },
            options.reason,
          ),
        ),
      );
    });
  retention
    .command('lift')
    .description('end a hold')
    .argument('<hold>', 'as `retention holds` lists it, or the beginning of it')
    .addOption(configOption())
    .action(async (id: string, options) => {
      const { lift } = await import('../record/retention.js');
      say(await withStore(options.config, ({ config, store }) => lift(config, store, id)));
    });
  retention
    .command('holds')
    .description('what is held, and what was')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { listHolds } = await import('../record/retention.js');
      say(await withStore(options.config, ({ store }) => listHolds(store, options.json === true)));
    });
}
