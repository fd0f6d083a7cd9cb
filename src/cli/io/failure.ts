/** How a command ends that could not do what it was asked for: said in words, with an exit code. */
import { CommanderError } from 'commander';
import { SnowfenceError } from '../../config/problem.js';
import { PolicyProblems } from '../../policy/rules/problems.js';
import { styleFor } from '../../terminal/index.js';
import { complain } from './output.js';

export function fail(error: unknown, isVerbose: boolean): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const style = styleFor(process.stderr);
  if (error instanceof SnowfenceError) {
    complain(`${style.red(error.code)}  ${error.message}${error.hint ? `\n${error.hint}` : ''}`);
    process.exitCode = error.exitCode;
  } else if (error instanceof PolicyProblems) {
    complain(`${style.red('POLICIES_UNSOUND')}\n${error.message}`);
    process.exitCode = 1;
  } else {
    complain(
      `${style.red('UNEXPECTED')}  ${error instanceof Error ? error.message : String(error)}\nRun again with --verbose for more.`,
    );
    process.exitCode = 1;
  }
  if (isVerbose && error instanceof Error) complain(error.stack ?? '');
}
