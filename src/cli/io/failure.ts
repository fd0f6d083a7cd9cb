/** How a command ends that could not do what it was asked for: said in words, with an exit code. */
import { CommanderError } from 'commander';
import { SnowfenceError, systemWords } from '../../config/problem.js';
import { oddlyShaped } from '../../mistakes/index.js';
import { PolicyProblems } from '../../policy/rules/problems.js';
import { pasteable, styleFor } from '../../terminal/index.js';
import { visibleText } from '../../visible-text/index.js';
import { complain } from './output.js';

/** The file, folder or address that the system says something of. */
function whereOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('path' in error && typeof error.path === 'string') return `${error.path}: `;
  if (!('address' in error) || typeof error.address !== 'string') return '';
  return `${error.address}${'port' in error ? `:${String(error.port)}` : ''}: `;
}

export function fail(error: unknown, isVerbose: boolean): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const style = styleFor(process.stderr);
  if (error instanceof SnowfenceError) {
    // What a server said may stand in it, also where it looks like a style of ours.
    complain(
      `${style.red(visibleText(error.code))}  ${visibleText(`${error.message}${error.hint ? `\n${pasteable(error.hint)}` : ''}`)}`,
    );
    process.exitCode = error.exitCode;
  } else if (error instanceof PolicyProblems) {
    complain(`${style.red('POLICIES_UNSOUND')}\n${visibleText(pasteable(error.message))}`);
    process.exitCode = 1;
  } else if (systemWords(error) !== undefined) {
    complain(
      `${style.red('SYSTEM')}  ${visibleText(whereOf(error))}${systemWords(error) ?? ''}.\nRun again with --verbose for more.`,
    );
    process.exitCode = 1;
  } else {
    complain(
      `${style.red('UNEXPECTED')}  ${visibleText(oddlyShaped(error) ?? (error instanceof Error ? error.message : String(error)))}\nRun again with --verbose for more.`,
    );
    process.exitCode = 1;
  }
  if (isVerbose && error instanceof Error) complain(visibleText(error.stack ?? ''));
}
