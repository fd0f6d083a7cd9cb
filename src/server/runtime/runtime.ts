/** The gateway put together out of its rooms, with everything that has to be ended again. */
import { createHash } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { Approvals, Wakeups } from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { Gateway, previewOf, recordMask, settle } from '../../gateway/index.js';
import { TokenVerifier } from '../../identity/index.js';
import { heldWords, type PolicyWatch, watchPolicies } from '../../policy/index.js';
import { loadParsers } from '../../sql/index.js';
import {
  type CheckpointPlace,
  Checkpoints,
  DELIVERY_CONNECTIONS,
  Delivery,
  type EventKind,
  ensurePartitions,
  excessPrivileges,
  Maintenance,
  NotaryWatch,
  pendingMigrations,
  post,
  storePool,
  TranscriptStore,
} from '../../transcript/index.js';
import { loadDriver, Warehouse } from '../../warehouse/index.js';
import type { Logger } from '../report/log.js';
import { Metrics } from '../report/metrics.js';
import { payloadFor } from '../report/notify.js';
import { Refusals } from './refusals.js';

export interface Runtime extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly approvals: Approvals;
  readonly verifier: TokenVerifier;
  readonly transcript: TranscriptStore;
  readonly policies: PolicyWatch;
  readonly metrics: Metrics;
  readonly delivery: Pick<Delivery, 'behind' | 'problemOf'>;
  /** A request came without a valid token. */
  readonly refused: (problem: string, address: string | undefined) => void;
  /** True where it was written down by itself. */
  readonly signInRefused: (problem: string, address: string | undefined) => boolean;
}

/** A checkpoint is read in one connection and written in another. */
const NOTARY_CONNECTIONS = 2;
const NOTARY_TIMEOUT_MS = 600_000;
const LOOK_EVERY_MS = 2000;
/** How soon after its time an approval is written down as expired. It can't be used from its time on. */
const EXPIRY_MS = 5000;
/** Of the silence after which a process is taken for dead; the rest is for the way to the warehouse. */
const HEARD_PART = 0.7;

/** What is wrong with the store, in a sentence and what to do; undefined where all is well. Throws where it does not answer. */
async function problemOf(transcript: TranscriptStore, hasNotary: boolean): Promise<[string, string] | undefined> {
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
  onProblem: (problem: [string, string]) => void,
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

/** Adds each checkpoint to a file, or prints it. */
function placesOf(config: Config): CheckpointPlace[] {
  const files = config.checkpoints.files.map((file) => ({
    name: file,
    put: (note: string) => appendFile(file, `${note}\n`, { mode: 0o600 }),
  }));
  const print = async (note: string): Promise<void> =>
    void process.stdout.write(`${JSON.stringify({ checkpoint: note })}\n`);
  const webhooks = config.webhooks
    .filter(({ checkpoints }) => checkpoints)
    .map((webhook) => ({
      name: `webhook ${webhook.name}`,
      put: (note: string) =>
        post(
          webhook,
          `checkpoint-${createHash('sha256').update(note).digest('hex').slice(0, 32)}`,
          JSON.stringify({ type: 'checkpoint.signed', timestamp: new Date().toISOString(), data: { note } }),
        ),
    }));
  return [...files, ...webhooks, ...(config.checkpoints.stdout ? [{ name: 'standard output', put: print }] : [])];
}

/** Throws PolicyProblems where the policies are unsound, SnowfenceError where the store is not set up as it has to be. */
export async function startRuntime(config: Config, log: Logger): Promise<Runtime> {
  // A gateway that could not judge must not come up.
  await loadParsers();
  let current: PolicyWatch | undefined;
  let sending: Delivery | undefined;
  const metrics = new Metrics(
    {
      isSound: () => current?.problem() === undefined,
      isHeldBack: () => current?.held() !== undefined,
    },
    () => sending?.behind ?? 0,
  );
  const tellDoubt = (problem: string, what: string, until: string): void => {
    log.error({ problem }, config.onIntegrityProblem === 'stop' ? `${what}; nothing is run until ${until}` : what);
    metrics.integrityProblem();
    note('integrity_problem', { problem });
  };
  const onIntegrityProblem = (problem: string): void => {
    transcript.found(problem);
    tellDoubt(problem, 'the transcript was changed in the store', 'this was looked into');
  };
  const transcript = new TranscriptStore(config.databaseUrl, {
    keys: config.keys,
    mask: recordMask(() => current?.current()),
    writer: { actor: 'gateway', subject: 'gateway', groups: [] },
    onError: (error) => log.warn({ err: error }, 'a connection to the transcript store broke'),
    onIntegrityProblem,
    // It counts for nothing, and nothing hangs on it: whoever wrote it stops nobody's work by that.
    onForgedRow: (problem) => {
      log.error({ problem }, 'a row in the store was not written by snowfence');
      metrics.integrityProblem();
      note('integrity_problem', { problem });
    },
    forged: config.forged,
    readerUrl: config.readerUrl,
  });
  transcript.goesOnInDoubt = config.onIntegrityProblem === 'warn';
  const note = (kind: EventKind, body: Record<string, unknown>): void => {
    transcript.recorder
      .append({ kind, sessionId: undefined, statementId: undefined, body })
      .catch((error: unknown) => log.error({ err: error, kind }, 'something could not be recorded'));
  };
  const policies = await watchPolicies(
    config.policies,
    {
      issuers: config.issuers.map(({ issuer }) => issuer),
      onReload: (set, opens) => {
        const body = {
          version: set.version,
          policies: set.policies.map((policy) => policy.name),
          opens: opens ?? null,
        };
        if (opens === undefined) log.info(body, 'policies reloaded');
        else log.warn(body, 'policies reloaded: they open what was not open');
        note('policy_reloaded', body);
      },
      onHeld: ({ version, opens, until }) => {
        log.warn({ version, opens, until }, 'changed policies are held back, since they open what is not open now');
        note('policy_problem', { problem: heldWords({ version, opens, until }) });
      },
      onProblem: (problem) => {
        log.error({ problem }, 'the policies no longer check: the last good set stays in force');
        note('policy_problem', { problem });
      },
    },
    config.policyTimes,
  );
  current = policies;
  const stopping = new AbortController();
  let onProblem: (problem: [string, string]) => void = () => undefined;
  const wrong = new Promise<[string, string]>((resolve) => {
    onProblem = resolve;
  });
  const ready = untilReady(transcript, config.notaryUrl !== undefined, log, stopping.signal, (found) =>
    onProblem(found),
  );
  // Who starts with a store that is not right hears so at once; one that turns out so later is waited for.
  const problem = await Promise.race([
    ready.then(() => undefined),
    wrong,
    new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), 10_000).unref();
    }),
  ]);
  if (problem) {
    stopping.abort();
    await policies[Symbol.asyncDispose]();
    await transcript[Symbol.asyncDispose]();
    throw new SnowfenceError('STORE_NOT_READY', problem[0], problem[1]);
  }
  // Half a second of loading that the first statement need not wait for.
  void loadDriver();
  const warehouse = new Warehouse(config.warehouse);
  const { pool, recorder, sessions } = transcript;
  const complain = (text: string, error?: unknown): void => log.error({ err: error }, text);
  const wakeups = new Wakeups({ url: config.databaseUrl, onProblem: complain });
  const approvals = new Approvals(transcript, wakeups);
  const roles = () => policies.current().policies.map((policy) => ({ role: policy.role, warehouse: policy.warehouse }));
  // Of its own, since reading a backlog takes longer than a statement of the gateway may.
  const notaryPool = storePool(config.notaryUrl ?? config.databaseUrl, NOTARY_TIMEOUT_MS, NOTARY_CONNECTIONS);
  notaryPool.on('error', (error) => log.warn({ err: error }, 'a connection of the notary broke'));
  const checkpoints = new Checkpoints({
    pool: notaryPool,
    recorder,
    state: config.notary.stateFile,
    forged: config.forged,
    onTrusted: (size) => {
      log.warn(
        { size, state: config.notary.stateFile },
        'the notary has no head of its own, so the store is taken as it is: run snowfence verify',
      );
      note('notary_started', { size, state: config.notary.stateFile });
    },
    keys: config.keys,
    places: placesOf(config),
    onProblem: complain,
    onIntegrityProblem,
  });
  const maintenance = new Maintenance({
    pool,
    recorder,
    sessions,
    checkpoints,
    watch: new NotaryWatch({
      pool,
      checkpoints,
      everyMs: config.checkpoints.everyMs,
      onSilence: (problem) => {
        transcript.silence = problem;
        tellDoubt(problem, 'nobody notarises', 'somebody does');
      },
      onEnd: () => {
        transcript.silence = undefined;
        const found = transcript.integrityProblem;
        if (found === undefined) log.warn('the notary has read all that there was, and found nothing wrong');
        else log.error({ problem: found }, 'a notary reads again; what was found before stands');
      },
    }),
    everyMs: config.checkpoints.everyMs,
    silentMs: config.settleAfterMs,
    settle: async () => {
      // Nothing is given back or settled by a record that is not what was written, or that nobody has read.
      if (transcript.integrityProblem !== undefined && !transcript.goesOnInDoubt) return;
      const settled = await settle({
        transcript,
        approvals,
        warehouse,
        roles,
        silentMs: config.settleAfterMs,
        waitMs: config.warehouse.connectTimeoutMs,
        onProblem: complain,
      });
      if (settled > 0) log.info({ settled }, 'statements without an outcome were settled');
    },
    onProblem: complain,
  });
  const refusals = new Refusals((body) => note('token_refused', body));
  const signIns = new Refusals((body) => note('sign_in_refused', body));
  const deliveryPool = storePool(config.databaseUrl, undefined, DELIVERY_CONNECTIONS + config.webhooks.length);
  deliveryPool.on('error', (error) => log.warn({ err: error }, 'a connection to the transcript store broke'));
  const delivery = new Delivery({
    pool: deliveryPool,
    recorder,
    rows: transcript.rows,
    proofs: transcript.proofs,
    webhooks: config.webhooks,
    payload: payloadFor(config, approvals, previewOf(recordMask(policies.current))),
    onProblem: complain,
  });
  sending = delivery;
  let expiry: NodeJS.Timeout | undefined;
  void ready.then(() => {
    if (stopping.signal.aborted) return;
    note('policy_reloaded', {
      version: policies.current().version,
      policies: policies.current().policies.map(({ name }) => name),
    });
    maintenance.start();
    void wakeups.start();
    expiry = setInterval(() => {
      approvals
        .expireDue()
        .catch((error: unknown) => complain('Approvals past their time could not be closed.', error));
    }, EXPIRY_MS);
    expiry.unref();
    delivery.start().catch((error: unknown) => complain('Webhooks can not be delivered.', error));
  });
  const gateway = new Gateway({
    policies: policies.current,
    transcript,
    approvals,
    warehouse,
    log,
    counters: metrics.counters,
    now: () => new Date(),
    limits: config.limits,
    isHeard: (statement) => recorder.isHeard(statement, config.settleAfterMs * HEARD_PART),
  });
  return {
    gateway,
    approvals,
    verifier: new TokenVerifier(config.issuers),
    transcript,
    policies,
    metrics,
    delivery,
    refused: (problem, address) => {
      metrics.refused(problem);
      refusals.add(problem, address);
    },
    signInRefused: (problem, address) => signIns.add(problem, address),
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await policies[Symbol.asyncDispose]();
      refusals.flush();
      signIns.flush();
      gateway.admission.flush();
      clearInterval(expiry);
      await wakeups.close();
      await delivery.stop();
      await deliveryPool.end();
      await maintenance.stop();
      await notaryPool.end();
      await warehouse[Symbol.asyncDispose]();
      await transcript[Symbol.asyncDispose]();
    },
  };
}
