/** `snowfence verify`: of the store, or of an export without either configuration or database. */
import type { Command } from 'commander';
import { progressLine, styleFor } from '../../terminal/index.js';
import { configOf } from '../io/configured.js';
import { configOption, jsonOption, listOption } from '../io/options.js';
import { complain, say } from '../io/output.js';

export function verifyCommand(command: Command): void {
  command
    .addOption(configOption())
    .option('--export <file>', 'an export instead of the store: needs --key, and neither configuration nor database')
    .addOption(listOption('--checkpoints <file>', 'checkpoints that were kept elsewhere'))
    .addOption(listOption('--key <key>', 'a public key that signed, as keys show prints it'))
    .addOption(listOption('--acknowledged <hash>', 'of an event that somebody has looked into'))
    .addOption(jsonOption())
    .action(async (options) => {
      const config = options.export === undefined ? await configOf(options.config) : undefined;
      const { recordVerification, renderReport, verifyConfigured, verifyFile } = await import('../record/verify.js');
      const progress = progressLine(process.stderr);
      const args = {
        checkpoints: (options.checkpoints ?? []) as readonly string[],
        keys: (options.key ?? []) as readonly string[],
        acknowledged: (options.acknowledged ?? []) as readonly string[],
        onProgress: (done: number, of: number) => progress.show(`${done} of ${of} events`),
      };
      const report = await (config ? verifyConfigured(config, args) : verifyFile(options.export, args)).finally(() =>
        progress.end(),
      );
      const problem = config && (await recordVerification(config, report, args.acknowledged));
      if (problem !== undefined) complain(`That it was verified could not be recorded: ${problem}`);
      say(options.json ? JSON.stringify(report, null, 2) : renderReport(report, styleFor(process.stdout)));
      if (!report.isWhole) process.exitCode = 1;
    });
}
