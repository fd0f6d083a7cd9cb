/** Whether the store is there and right: before that no statement is run. */
import { ensurePartitions, excessPrivileges, pendingMigrations, type TranscriptStore } from '../../transcript/index.js';
import type { Logger } from '../report/log.js';

const LOOK_EVERY_MS = 2000;
/** Who starts with a store that is not right hears so at once; one that turns out so later is waited for. */
const AT_ONCE_MS = 10_000;

/** What is wrong, in a sentence, and what to do. */
type StoreProblem = [string, string];

/** What is wrong with the store, in a sentence and what to do; undefined where all is well. Throws where it does not answer. */
async function problemOf(transcript: TranscriptStore, hasNotary: boolean): Promise<StoreProblem | undefined> {
  const pending = await pendingMigrations(transcript.pool);
  if (pending.length > 0)
    return [
      `The transcript store is not set up: ${pending.length} migrations are pending.`,
      'Run: snowfence store setup',
    ];
  const [excess] = await excessPrivileges(transcript.pool, 'gateway', hasNotary);
  if (excess !== undefined)
    return [
      `The gateway's role in the transcript store could change the record: ${excess}.`,
      'Name a user of its own in the URL (transcript.url_env or url_file), and run: snowfence store setup',
    ];
  await ensurePartitions(transcript.pool);
  return undefined;
}

/** Goes on looking until the store is there and right; until then every statement is refused. */
async function untilReady(
  transcript: TranscriptStore,
  hasNotary: boolean,
  log: Logger,
  signal: AbortSignal,
  onProblem: (problem: StoreProblem) => void,
): Promise<void> {
  transcript.blocked = 'the transcript store was not looked at yet';
  while (!signal.aborted) {
    try {
      const problem = await problemOf(transcript, hasNotary);
      transcript.blocked = problem?.[0];
      if (!problem) return;
      log.error({ problem: problem[0], hint: problem[1] }, 'statements are refused until this is mended');
      onProblem(problem);
    } catch (error) {
      log.error({ err: error }, 'the transcript store is not reachable; statements are refused until it is');
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

export interface Readiness {
  /** Ends once the store is right, or nobody waits for it any more. */
  readonly ready: Promise<void>;
  /** What was wrong with it at the start; undefined where nothing was, or nothing could be asked yet. */
  readonly problem: StoreProblem | undefined;
}

/** Begins to look, and goes on with that until `signal`. Answers after some seconds at most. */
export async function lookAtStore(
  transcript: TranscriptStore,
  hasNotary: boolean,
  log: Logger,
  signal: AbortSignal,
): Promise<Readiness> {
  let onProblem: (problem: StoreProblem) => void = () => undefined;
  const wrong = new Promise<StoreProblem>((resolve) => {
    onProblem = resolve;
  });
  const ready = untilReady(transcript, hasNotary, log, signal, (found) => onProblem(found));
  const problem = await Promise.race([
    ready.then(() => undefined),
    wrong,
    new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), AT_ONCE_MS).unref();
    }),
  ]);
  return { ready, problem };
}
