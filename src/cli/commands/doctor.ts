/** `snowfence doctor`: each part that `serve` needs, tried. */
import type { Command } from 'commander';
import { styleFor } from '../../terminal/index.js';
import { configOption, jsonOption } from '../io/options.js';
import { say } from '../io/output.js';

export function doctorCommand(command: Command): void {
  command
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const [{ diagnose }, { renderFindings }] = await Promise.all([
        import('../doctor/doctor.js'),
        import('../doctor/finding.js'),
      ]);
      const findings = await diagnose(options.config);
      say(options.json ? JSON.stringify(findings, null, 2) : renderFindings(findings, styleFor(process.stdout)));
      if (findings.some((finding) => finding.state === 'problem')) process.exitCode = 1;
    });
}
