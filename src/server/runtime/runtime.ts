/** The gateway put together out of its rooms, with everything that has to be ended again. */
import { Approvals, Wakeups } from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { ensureWritable, SnowfenceError } from '../../config/problem.js';
import { Gateway, previewOf, recordMask } from '../../gateway/index.js';
import { TokenVerifier } from '../../identity/index.js';
import type { PolicySet, PolicyWatch } from '../../policy/index.js';
import { loadParsers } from '../../sql/index.js';
import { DELIVERY_CONNECTIONS, Delivery, storePool, TranscriptStore } from '../../transcript/index.js';
import { Warehouse } from '../../warehouse/index.js';
import type { Logger } from '../report/log.js';
import { Metrics } from '../report/metrics.js';
import { noticesFor, payloadFor } from '../report/notify.js';
import type { Note } from './note.js';
import { followPolicies, startedWith } from './policies.js';
import { lookAtStore } from './ready.js';
import { Refusals } from './refusals.js';
import { makeUpkeep } from './upkeep.js';
import { type Warming, warmUp } from './warm.js';

export interface Runtime extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly warehouse: Pick<Warehouse, 'reached' | 'refusal'>;
  readonly approvals: Approvals;
  readonly verifier: TokenVerifier;
  /** What the first statement would wait for. */
  readonly warming: Warming;
  readonly transcript: TranscriptStore;
  readonly policies: PolicyWatch;
  readonly metrics: Metrics;
  readonly delivery: Pick<Delivery, 'behind' | 'problemOf'>;
  /**
   * It serves from now on: only then its policies are in force, which the record says, and it does its part for the store. One that can't
   * serve after all, as where its port is taken, has left nothing behind.
   */
  readonly serves: () => void;
  /** A request came without a valid token. */
  readonly refused: (problem: string, address: string | undefined) => void;
  /** True where it was written down by itself. */
  readonly signInRefused: (problem: string, address: string | undefined) => boolean;
}

/** How soon after its time an approval is written down as expired. It can't be used from its time on. */
const EXPIRY_MS = 5000;
/** Of the silence after which a process is taken for dead; the rest is for the way to the warehouse. */
const HEARD_PART = 0.7;

/** Throws PolicyProblems where the policies are unsound, SnowfenceError where the store is not set up as it has to be. */
export async function startRuntime(config: Config, log: Logger): Promise<Runtime> {
  // A gateway that could not judge must not come up, nor one whose record could not be signed.
  await loadParsers();
  for (const file of config.checkpoints.files) await ensureWritable('transcript.checkpoints.files', file);
  await ensureWritable('transcript.notary.state', config.notary.stateFile);
  let current: PolicyWatch | undefined;
  let sending: Delivery | undefined;
  let pool: Warehouse | undefined;
  let asked: Approvals | undefined;
  const metrics = new Metrics({
    policies: {
      isSound: () => current?.problem() === undefined,
      isHeldBack: () => current?.held() !== undefined,
    },
    behind: () => sending?.behind ?? 0,
    connections: () => pool?.connections ?? 0,
    warehouse: () => pool?.reached?.isThere,
    // Where the store does not say, there is no number: 0 would be a false one.
    approvals: async (state) => asked?.count(state).catch(() => undefined),
  });
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
    onEnded: (state) => metrics.ended(state),
    forged: config.forged,
    readerUrl: config.readerUrl,
  });
  transcript.goesOnInDoubt = config.onIntegrityProblem === 'warn';
  const note: Note = (kind, body) => {
    transcript.recorder
      .append({ kind, sessionId: undefined, statementId: undefined, body })
      .catch((error: unknown) => log.error({ err: error, kind }, 'something could not be recorded'));
  };
  /** Each version's files once: what is not written now is written when it is in force again. */
  const keepSet = (set: PolicySet): Promise<void> =>
    transcript.contents
      .keep(set.files.map(({ name, text }) => ({ of: 'policy', name, text })))
      .catch((error: unknown) => log.error({ err: error }, 'the files of the policies could not be recorded'));
  let isServing = false;
  let serves = (): void => undefined;
  const serving = new Promise<void>((resolve) => {
    serves = () => {
      isServing = true;
      resolve();
    };
  });
  const policies = await followPolicies(config, log, note, (set, tell) => {
    // What is in force once it serves is told then.
    if (isServing) void keepSet(set).finally(tell);
  });
  current = policies;
  const stopping = new AbortController();
  const { ready, problem } = await lookAtStore(transcript, config, log, stopping.signal);
  if (problem) {
    stopping.abort();
    await policies[Symbol.asyncDispose]();
    await transcript[Symbol.asyncDispose]();
    throw new SnowfenceError('STORE_NOT_READY', problem[0], problem[1]);
  }
  const warehouse = new Warehouse({ ...config.warehouse, onOwnStatement: (what) => metrics.ownStatement(what) });
  pool = warehouse;
  const { recorder } = transcript;
  const complain = (text: string, error?: unknown): void => log.error({ err: error }, text);
  const wakeups = new Wakeups({ url: config.databaseUrl, onProblem: complain });
  const approvals = new Approvals(transcript, wakeups);
  asked = approvals;
  const roles = () => policies.current().policies.map((policy) => ({ role: policy.role, warehouse: policy.warehouse }));
  const verifier = new TokenVerifier(config.issuers);
  const warming = warmUp({ warehouse, verifier, policies: policies.current().policies, log, signal: stopping.signal });
  const upkeep = makeUpkeep({
    config,
    log,
    transcript,
    approvals,
    warehouse,
    roles,
    note,
    complain,
    doubt: { changed: onIntegrityProblem, tell: tellDoubt },
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
    payload: payloadFor(config, approvals, previewOf(recordMask(policies.current)), () => policies.current().version),
    onProblem: complain,
  });
  sending = delivery;
  let expiry: NodeJS.Timeout | undefined;
  void Promise.all([ready, serving]).then(() => {
    if (stopping.signal.aborted) return;
    const set = policies.current();
    void keepSet(set).finally(() => note('policy_reloaded', startedWith(set)));
    upkeep.start();
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
    notices: noticesFor(config, transcript, complain),
    isHeard: (statement) => recorder.isHeard(statement, config.settleAfterMs * HEARD_PART),
  });
  return {
    gateway,
    warehouse,
    approvals,
    verifier,
    warming,
    transcript,
    policies,
    metrics,
    delivery,
    serves,
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
      await upkeep.stop();
      await warehouse[Symbol.asyncDispose]();
      await transcript[Symbol.asyncDispose]();
    },
  };
}
