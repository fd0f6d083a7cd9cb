/**
 * The parsers are 26 MB of WebAssembly and a large grammar: loaded with the first statement, since most commands read none. A process that
 * reads many loads them when it starts.
 */
import { loadPrimary } from '../text/statement.js';
import { loadReaders } from './opinion.js';

let loading: Promise<unknown> | undefined;

/** Afterwards statements can be parsed. Rejects, each time, where a parser can't be loaded. */
export async function loadParsers(): Promise<void> {
  loading ??= Promise.all([loadPrimary(), loadReaders()]);
  await loading;
}
