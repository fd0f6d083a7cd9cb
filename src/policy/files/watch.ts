/**
 * The set in force, followed on a real disk. The file system is asked to tell of changes, and looked at every second all the same: it
 * does not tell of all (network file systems, links that are swapped further up, a folder that is replaced).
 */
import { type FSWatcher, watch } from 'node:fs';
import type { PolicySet } from '../rules/policy.js';
import { DEFAULT_TIMES, type FollowEvents, Follower, type Held, type Reloaded, type Times } from './follow.js';

export interface PolicyWatch extends AsyncDisposable {
  readonly current: () => PolicySet;
  /** undefined while the folder is sound; otherwise what is wrong with it now. */
  readonly problem: () => string | undefined;
  /** A sound set that waits, since it opens something. */
  readonly held: () => Held | undefined;
  /** Takes what is there at once, whole or not at all. */
  readonly reload: () => Promise<Reloaded>;
}

/** Changes come in crowds; one look is enough for those of so many milliseconds. */
const CROWD_MS = 20;

/** Loads the folder, then follows it. Throws PolicyProblems where it is unsound from the start. */
export async function watchPolicies(
  folder: string,
  events: FollowEvents,
  times: Times = DEFAULT_TIMES,
): Promise<PolicyWatch> {
  const follower = await Follower.begin(folder, events, times);
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  let watcher: { readonly home: string; readonly handle: FSWatcher } | undefined;
  let isTold = false;

  const unwatch = (): void => {
    watcher?.handle.close();
    watcher = undefined;
  };
  /** The folder as it is now: one that was put in its place is another. What can't be watched is still looked at. */
  const rewatch = (): void => {
    if (watcher?.home === follower.home) return;
    unwatch();
    try {
      const handle = watch(folder, { persistent: false }, told);
      handle.on('error', unwatch);
      watcher = { home: follower.home, handle };
    } catch {
      watcher = undefined;
    }
  };
  const look = async (): Promise<void> => {
    isTold = false;
    // What goes wrong in a look must not be the last one.
    await follower.look().catch((error: unknown) => events.onProblem(String(error)));
    if (isOver) return;
    rewatch();
    schedule(isTold ? CROWD_MS : Math.min(times.pollMs, follower.dueMs ?? Number.POSITIVE_INFINITY));
  };
  const schedule = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void look(), ms);
    timer.unref();
  };
  /** The next look comes soon, and is not put off by whoever writes on and on. */
  function told(): void {
    if (isTold || isOver) return;
    isTold = true;
    schedule(CROWD_MS);
  }

  rewatch();
  schedule(times.pollMs);
  return {
    current: () => follower.current,
    problem: () => follower.problem,
    held: () => follower.held,
    reload: () => follower.reload(),
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      clearTimeout(timer);
      unwatch();
    },
  };
}
