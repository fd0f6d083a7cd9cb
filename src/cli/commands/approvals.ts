/** `snowfence approvals …`: the reviewer's side without a browser. */
import { type Command, Option } from 'commander';
import { withStore } from '../io/configured.js';
import { configOption, jsonOption, wholeOption } from '../io/options.js';
import { say } from '../io/output.js';

export function approvalsCommand(approvals: Command): void {
  approvals
    .command('list')
    .description('what waits, the soonest end first; or what waited, the last to end first')
    .addOption(configOption())
    .addOption(
      new Option('--state <state>', 'only these')
        .choices(['pending', 'approved', 'denied', 'expired', 'withdrawn', 'used'])
        .default('pending'),
    )
    .option('--all', 'of every state')
    .addOption(wholeOption('--limit <number>', 'so many at most', 1, 200).default(200))
    .option(
      '--after <id>',
      'the next page behind this one: of open ones those that end later, of others those that ended before; with --all those that were asked for before',
    )
    .addOption(jsonOption())
    .action(async (options) => {
      const { listApprovals } = await import('../approvals/approvals.js');
      const { state, limit, after } = options;
      say(
        await withStore(options.config, ({ config, store }) =>
          listApprovals(config, store, {
            state: options.all ? undefined : state,
            limit,
            after,
            json: options.json === true,
          }),
        ),
      );
    });
  approvals
    .command('show')
    .description('one of them')
    .argument('<id>', 'its id, or the beginning of it')
    .addOption(configOption())
    .option(
      '--whole',
      'with personal data and secrets in it; for its reviewers and for auditors, whose look is recorded',
    )
    .option('--token-env <name>', 'with --whole: the variable that holds your access token', 'SNOWFENCE_TOKEN')
    .addOption(jsonOption())
    .action(async (id: string, options) => {
      const { showApproval } = await import('../approvals/approvals.js');
      const whole = options.whole === true ? { token: process.env[options.tokenEnv] } : undefined;
      say(
        await withStore(options.config, ({ config, store }) =>
          showApproval(config, store, id, options.json === true, whole),
        ),
      );
    });
  for (const decision of ['approve', 'deny'] as const) {
    const command = approvals
      .command(decision)
      .description(
        decision === 'approve' ? 'let it run' : 'let it not run; standing approvals that would let it pass end',
      )
      .argument('<id>', 'its id, or eight characters of its beginning')
      .addOption(configOption())
      .option('--token-env <name>', 'the variable that holds your access token', 'SNOWFENCE_TOKEN')
      .option('--reason <text>', decision === 'approve' ? 'a remark, for the record' : 'what the agent is told');
    if (decision === 'approve')
      command
        .option(
          '--standing <time>',
          'let this agent run statements of the same shape for so long: minutes or hours, 1m to 24h',
        )
        .option('--uses <number>', 'with --standing: at most so often; 1 to 1000 (default: 20)');
    command.action(async (id: string, options) => {
      const { decideApproval } = await import('../approvals/decide.js');
      const { reason, standing, uses, tokenEnv } = options;
      say(
        await withStore(options.config, ({ config, store }) =>
          decideApproval(config, store, id, decision, { token: process.env[tokenEnv], reason, standing, uses }),
        ),
      );
    });
  }
  approvals
    .command('standing')
    .description('approvals that hold for a while')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { listStandingApprovals } = await import('../approvals/approvals.js');
      say(
        await withStore(options.config, ({ config, store }) =>
          listStandingApprovals(config, store, options.json === true),
        ),
      );
    });
  approvals
    .command('revoke')
    .description('end one that holds for a while')
    .argument('<id>', 'as `approvals standing` lists it, or eight characters of its beginning')
    .addOption(configOption())
    .option('--token-env <name>', 'the variable that holds your access token', 'SNOWFENCE_TOKEN')
    .action(async (id: string, options) => {
      const { revokeStanding } = await import('../approvals/decide.js');
      say(
        await withStore(options.config, ({ config, store }) =>
          revokeStanding(config, store, id, process.env[options.tokenEnv]),
        ),
      );
    });
}
