/** The set in force, reloaded when a file changes. A folder that no longer checks leaves the last good set in force. */
import { type FSWatcher, watch } from 'node:fs';
import { loadPolicies, type PolicySet } from './load.js';

export interface PolicyWatch extends AsyncDisposable {
  readonly current: () => PolicySet;
  /** undefined while the folder is sound; otherwise what is wrong with it now. */
  readonly problem: () => string | undefined;
}

export interface WatchEvents {
  /** That tokens are taken from. */
  readonly issuers?: readonly string[] | undefined;
  readonly onReload: (set: PolicySet) => void;
  readonly onProblem: (problem: string) => void;
}

const SETTLE_MS = 100;

/** Loads the folder, then follows it. Throws PolicyProblems where it is unsound from the start. */
export async function watchPolicies(folder: string, events: WatchEvents): Promise<PolicyWatch> {
  let current = await loadPolicies(folder, events.issuers);
  let problem: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const reload = async (): Promise<void> => {
    try {
      const next = await loadPolicies(folder, events.issuers);
      problem = undefined;
      if (next.version === current.version) return;
      current = next;
      events.onReload(next);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
      events.onProblem(problem);
    }
  };
  const watcher: FSWatcher = watch(folder, () => {
    clearTimeout(timer);
    timer = setTimeout(() => void reload(), SETTLE_MS);
  });
  watcher.on('error', (error) => events.onProblem(error.message));
  return {
    current: () => current,
    problem: () => problem,
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
