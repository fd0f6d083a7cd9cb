/** `snowfence demo`: in the foreground, until Ctrl-C. */
import type { Command } from 'commander';
import { jsonOption, listOption, wholeOption } from '../io/options.js';

export function demoCommand(command: Command): void {
  command
    .addOption(wholeOption('--port <number>', 'of the gateway, 0 picks one that is free', 0, 65_535).default(8787))
    .option('--data <folder>', 'keep the data there between runs')
    .addOption(listOption('--seed <file>', "data in DuckDB's SQL instead of the built-in"))
    .option('--policies <folder>', 'policies instead of the built-in')
    .option('--ready-file <file>', 'written once everything answers: addresses, tokens, process ids')
    .option('--no-tour', 'no tour on a terminal')
    .addOption(
      wholeOption(
        '--warehouse-latency <ms>',
        'milliseconds added to each query of the embedded warehouse',
        0,
        60_000,
      ).default(0),
    )
    .addOption(jsonOption())
    .action(async (options) => {
      const { runDemo } = await import('../../demo/index.js');
      await runDemo(
        {
          port: options.port,
          data: options.data,
          seeds: options.seed ?? [],
          policies: options.policies,
          readyFile: options.readyFile,
          tour: options.tour,
          latencyMs: options.warehouseLatency,
          verbose: command.parent?.opts()['verbose'] === true,
        },
        options.json === true,
      );
    });
}
