#!/usr/bin/env node
/**
 * The command line: a table of commands, which stand in `commands/` with their options. What a command does is loaded once it is chosen,
 * and nothing else: `serve` never loads what only the demo uses. Nothing here judges or hides; other rooms are asked.
 */
import { commandLine } from './commands/table.js';
import { fail } from './io/failure.js';

const program = commandLine();
try {
  await program.parseAsync();
} catch (error) {
  fail(error, program.opts()['verbose'] === true);
}
