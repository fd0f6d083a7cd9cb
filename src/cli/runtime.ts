/** The gateway put together out of its rooms, with everything that has to be ended again. */
import { Approvals } from '../approval/index.js';
import { Gateway } from '../gateway.js';
import { TokenVerifier } from '../identity/index.js';
import { type PolicyWatch, watchPolicies } from '../policy/index.js';
import { migrate, TranscriptStore } from '../transcript/index.js';
import { loadDriver, Warehouse } from '../warehouse/index.js';
import type { Config } from './config.js';
import type { Logger } from './log.js';
import { Metrics } from './metrics.js';

export interface Runtime extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly verifier: TokenVerifier;
  readonly transcript: TranscriptStore;
  readonly policies: PolicyWatch;
  readonly metrics: Metrics;
}

const MIGRATE_EVERY_MS = 2000;

/** Brings the store up to date; where it is down, goes on trying: until then every statement is refused. */
async function migrateWhenReachable(transcript: TranscriptStore, log: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const applied = await migrate(transcript.pool);
      if (applied.length > 0) log.info({ applied }, 'the transcript store was brought up to date');
      return;
    } catch (error) {
      log.error({ err: error }, 'the transcript store is not reachable; statements are refused until it is');
      await new Promise((resolve) => setTimeout(resolve, MIGRATE_EVERY_MS));
    }
  }
}

/** Throws PolicyProblems where the policies are unsound. */
export async function startRuntime(config: Config, log: Logger): Promise<Runtime> {
  const transcript = new TranscriptStore(config.databaseUrl, (error) =>
    log.warn({ err: error }, 'a connection to the transcript store broke'),
  );
  const note = (kind: 'policy_reloaded' | 'policy_problem', body: Record<string, unknown>): void => {
    transcript.recorder
      .append({ kind, sessionId: undefined, statementId: undefined, body })
      .catch((error: unknown) => log.error({ err: error }, 'a change of policies could not be recorded'));
  };
  const policies = await watchPolicies(config.policies, {
    onReload: (set) => {
      log.info({ version: set.version, policies: set.policies.map((policy) => policy.name) }, 'policies reloaded');
      note('policy_reloaded', { version: set.version });
    },
    onProblem: (problem) => {
      log.error({ problem }, 'the policies no longer check: the last good set stays in force');
      note('policy_problem', { problem });
    },
  });
  const stopping = new AbortController();
  await Promise.race([
    migrateWhenReachable(transcript, log, stopping.signal),
    new Promise((resolve) => setTimeout(resolve, 10_000)),
  ]);
  const metrics = new Metrics(() => policies.problem() === undefined);
  // Half a second of loading that the first statement need not wait for.
  void loadDriver();
  const warehouse = new Warehouse(config.warehouse);
  const gateway = new Gateway({
    policies: policies.current,
    transcript,
    approvals: new Approvals(transcript.pool),
    warehouse,
    log,
    counters: metrics.counters,
    now: () => new Date(),
  });
  return {
    gateway,
    verifier: new TokenVerifier(config.issuers),
    transcript,
    policies,
    metrics,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await policies[Symbol.asyncDispose]();
      await warehouse[Symbol.asyncDispose]();
      await transcript[Symbol.asyncDispose]();
    },
  };
}
