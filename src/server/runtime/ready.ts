/** Whether the store is there and right: before that no statement is run. */
import type { Config } from '../../config/index.js';
import { systemWords } from '../../config/problem.js';
import {
  ensurePartitions,
  excessPrivileges,
  pendingMigrations,
  refusedForGood,
  storePool,
  type TranscriptStore,
} from '../../transcript/index.js';
import type { Logger } from '../report/log.js';

const LOOK_EVERY_MS = 2000;
/** Who starts with a store that is not right hears so at once; one that turns out so later is waited for. */
const AT_ONCE_MS = 10_000;

/** What is wrong, in a sentence, and what to do. */
type StoreProblem = [string, string];

type Urls = Pick<Config, 'databaseUrl' | 'notaryUrl' | 'readerUrl'>;

/** Lets each role knock that the configuration names. What PostgreSQL never lets in is a problem; throws where it does not answer. */
async function refusalOf({ databaseUrl, notaryUrl, readerUrl }: Urls): Promise<StoreProblem | undefined> {
  for (const [key, url] of [
    ['url', databaseUrl],
    ['notary_url', notaryUrl],
    ['reader_url', readerUrl],
  ] as const) {
    if (url === undefined) continue;
    const pool = storePool(url, undefined, 1);
    try {
      await pool.query('SELECT 1');
    } catch (error) {
      const refusal = refusedForGood(error);
      if (refusal === undefined) throw error;
      return [
        `PostgreSQL at ${new URL(url).host} does not let this role in: ${refusal}.`,
        `Check user, password and database in transcript.${key}_env or ${key}_file; snowfence store setup makes the roles, snowfence doctor says more.`,
      ];
    } finally {
      await pool.end();
    }
  }
  return undefined;
}

/** What is wrong with the store, in a sentence and what to do; undefined where all is well. Throws where it does not answer. */
async function problemOf(transcript: TranscriptStore, urls: Urls): Promise<StoreProblem | undefined> {
  const refusal = await refusalOf(urls);
  if (refusal) return refusal;
  const pending = await pendingMigrations(transcript.pool);
  if (pending.length > 0)
    return [
      `The transcript store is not set up: ${pending.length} migrations are pending.`,
      'Run: snowfence store setup',
    ];
  const [excess] = await excessPrivileges(transcript.pool, 'gateway', urls.notaryUrl !== undefined);
  if (excess !== undefined)
    return [
      `The gateway's role in the transcript store could change the record: ${excess}.`,
      'Name a user of its own in the URL (transcript.url_env or url_file), and run: snowfence store setup',
    ];
  await ensurePartitions(transcript.pool);
  return undefined;
}

const messageOf = (error: unknown): string => {
  const words = systemWords(error);
  if (error instanceof AggregateError) return words ?? error.errors.map(messageOf).join('; ');
  const text = error instanceof Error ? error.message : String(error);
  return words === undefined ? text : `${words} (${text})`;
};

/** Goes on looking until the store is there and right; until then every statement is refused. `tell`: whether somebody hears it there. */
async function untilReady(
  transcript: TranscriptStore,
  urls: Urls,
  log: Logger,
  signal: AbortSignal,
  tell: (problem: StoreProblem) => boolean,
): Promise<void> {
  transcript.blocked = 'the transcript store was not looked at yet';
  while (!signal.aborted) {
    try {
      const problem = await problemOf(transcript, urls);
      transcript.blocked = problem?.[0];
      if (!problem) return;
      if (!tell(problem))
        log.error({ problem: problem[0], hint: problem[1] }, 'statements are refused until this is mended');
    } catch (error) {
      const hint = `It is looked for every ${LOOK_EVERY_MS / 1000} seconds; snowfence doctor says more.`;
      log.error(
        { problem: messageOf(error), hint },
        'the transcript store is not reachable; statements are refused until it is',
      );
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
  urls: Urls,
  log: Logger,
  signal: AbortSignal,
): Promise<Readiness> {
  let isStarting = true;
  let onProblem: (problem: StoreProblem) => void = () => undefined;
  const wrong = new Promise<StoreProblem>((resolve) => {
    onProblem = resolve;
  });
  const ready = untilReady(transcript, urls, log, signal, (found) => {
    onProblem(found);
    return isStarting;
  });
  const problem = await Promise.race([
    ready.then(() => undefined),
    wrong,
    new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), AT_ONCE_MS).unref();
    }),
  ]);
  isStarting = false;
  return { ready, problem };
}
