/** What a command works on: the configuration, and the store that it names. Loaded once a command asks for it. */
import type { Config } from '../../config/index.js';
import type { TranscriptStore } from '../../transcript/index.js';

/** Before anything else is loaded: a fault in it is told at once. */
export const configOf = async (file: string): Promise<Config> =>
  (await import('../../config/index.js')).loadConfig(file);

/** Runs some work on the store of a configuration, and closes it. */
export async function withStore<T>(
  file: string,
  work: (parts: { config: Config; store: TranscriptStore }) => Promise<T>,
): Promise<T> {
  const config = await configOf(file);
  const { openStore } = await import('../access/store.js');
  await using store = await openStore(config);
  // Awaited here: the store is closed when this function is left.
  return await work({ config, store });
}
