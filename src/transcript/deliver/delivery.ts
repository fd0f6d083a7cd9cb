/**
 * Webhooks after the Standard Webhooks specification (https://www.standardwebhooks.com): signed, in order for each session, at least
 * once, tried again for a day, then given up and kept as dead letters. A job of the queue says that a session has news for a webhook, so
 * that it comes at once; what no job says is found and delivered within a minute (`sweep.ts`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type PgBoss from 'pg-boss';
import { z } from 'zod';
import { DELIVER, makeQueue, type Queue } from '../store/queue.js';
import { beginningOf } from './beginning.js';
import { Deliverer, type DelivererOptions, type Outcome } from './deliverer.js';
import { Sweep } from './sweep.js';
import type { Webhook } from './webhook.js';

/** Connections that the pool should have, and one more for each webhook. */
export const DELIVERY_CONNECTIONS = 9;

const RESTART_MS = 2000;
/** What is under way has so long to come to its end once delivering is stopped. */
const STOP_MS = 5000;
/** Until a session that another delivers, or keeps locked, is looked at again. */
const LOCKED_SECONDS = 2;
/** Sessions that one process delivers at the same time by the queue, each on a connection of its own. */
const CONCURRENCY = 4;
/** Sessions with news that wait for being queued: with more than so many, others are left to the next look. */
const MAX_NEWS = 10_000;
const job = z.object({ webhook: z.string(), session: z.uuid() });

/** The pool is of its own, with at least as many connections as said above: the recorder must not wait. */
export interface DeliveryOptions extends DelivererOptions {
  readonly webhooks: readonly Webhook[];
}

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #deliverer: Deliverer;
  readonly #sweeps: ReadonlyMap<string, Sweep>;
  /** A new one for each try to start: one that failed in starting says that it has started. */
  #queue: Queue;
  #worker: string | undefined;
  #isStopping = false;
  /** From then on the pool may be closed: what is cut off by that is in the record, and whoever delivers next has it. */
  #isOver = false;
  /** What goes on beside the queue's jobs. */
  readonly #beside = new Set<Promise<unknown>>();
  /** When each webhook began. */
  readonly #since = new Map<string, Date>();
  /** Sessions that are to be queued. One at a time is: a queue that hangs takes one connection, not all. */
  readonly #news = new Set<string>();
  #isQueueing = false;
  #isQueueingTry = false;

  constructor(given: DeliveryOptions) {
    const options: DeliveryOptions = {
      ...given,
      onProblem: (problem, error) => {
        if (!this.#isOver) given.onProblem(problem, error);
      },
    };
    this.#options = options;
    this.#deliverer = new Deliverer(options, () => this.#isStopping);
    this.#sweeps = new Map(
      options.webhooks.map((webhook) => [
        webhook.name,
        new Sweep({
          ...options,
          webhook,
          deliverer: this.#deliverer,
          onOutcome: (session, outcome) => this.#queueNextTry(webhook.name, session, outcome),
        }),
      ]),
    );
    this.#queue = this.#newQueue();
  }

  get #boss(): PgBoss {
    return this.#queue.boss;
  }

  #newQueue(): Queue {
    const { pool, onProblem } = this.#options;
    return makeQueue(pool, (error) => onProblem('The queue of webhooks failed; it is tried again.', error));
  }

  /** What keeps events from a webhook although nothing says that they fail, in a sentence; undefined where nothing does. */
  problemOf(webhook: string): string | undefined {
    return this.#sweeps.get(webhook)?.problem();
  }

  /** Webhooks of which there is such a problem. */
  get behind(): number {
    return [...this.#sweeps.values()].filter((sweep) => sweep.problem() !== undefined).length;
  }

  /** Resolves once it has begun, or is stopped: where the store does not answer it is tried again, as nobody else would begin. */
  start(): Promise<void> {
    return this.#alongside(this.#start());
  }

  #alongside<T>(work: Promise<T>): Promise<T> {
    this.#beside.add(work);
    return work.finally(() => this.#beside.delete(work));
  }

  async #start(): Promise<void> {
    const { webhooks, pool, recorder } = this.#options;
    if (webhooks.length === 0) return;
    for (const sweep of this.#sweeps.values()) sweep.watch();
    await this.#untilDone('Webhooks could not be started; it is tried again.', async () => {
      for (const { name } of webhooks) this.#since.set(name, await beginningOf(pool, this.#options, name));
    });
    if (this.#isStopping) return;
    for (const [name, sweep] of this.#sweeps) {
      const since = this.#since.get(name);
      if (since) sweep.start(since);
    }
    await this.#untilDone('The queue of webhooks could not be started; it is tried again.', () => this.#startQueue());
    if (!this.#isStopping) recorder.onWritten((sessions) => this.#announce(sessions));
  }

  async #untilDone(problem: string, work: () => Promise<void>): Promise<void> {
    while (!this.#isStopping)
      try {
        return await work();
      } catch (error) {
        if (this.#isStopping) return;
        this.#options.onProblem(problem, error);
        await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
      }
  }

  async #startQueue(): Promise<void> {
    try {
      await this.#boss.start();
      this.#worker = await this.#boss.work(DELIVER, { batchSize: CONCURRENCY, pollingIntervalSeconds: 2 }, (jobs) =>
        this.#doJobs(jobs),
      );
    } catch (error) {
      await this.#boss.stop({ graceful: false, close: false, wait: false }).catch(() => undefined);
      this.#queue = this.#newQueue();
      throw error;
    }
  }

  /** What is no job of ours is done with at once; one that fails keeps no other from its end. */
  async #doJobs(jobs: readonly PgBoss.Job<unknown>[]): Promise<void> {
    const done = await Promise.allSettled(
      jobs.map(async ({ data }) => {
        const { data: said } = job.safeParse(data);
        const webhook = this.#options.webhooks.find(({ name }) => name === said?.webhook);
        const since = webhook && this.#since.get(webhook.name);
        if (!said || !webhook || !since || this.#isStopping) return;
        const { session } = said;
        const outcome = await this.#deliverer.deliver(webhook, since, session);
        if (outcome === 'more') await this.#send(webhook.name, session, 0);
        // Whoever is at it may have read on before this news was there.
        else if (outcome === 'locked') await this.#send(webhook.name, session, LOCKED_SECONDS);
        else if (typeof outcome === 'number') await this.#send(webhook.name, session, outcome);
      }),
    );
    const failed = done.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #announce(sessions: readonly string[]): void {
    for (const session of sessions) if (this.#news.size < MAX_NEWS) this.#news.add(session);
    if (this.#isQueueing) return;
    this.#isQueueing = true;
    void this.#alongside(this.#queueNews())
      .catch((error: unknown) => {
        this.#news.clear();
        this.#options.onProblem('News for webhooks could not be queued; the next look finds them.', error);
      })
      .finally(() => {
        this.#isQueueing = false;
      });
  }

  async #queueNews(): Promise<void> {
    for (let [session] = this.#news; session !== undefined && !this.#isStopping; [session] = this.#news) {
      this.#news.delete(session);
      for (const { name } of this.#options.webhooks) await this.#send(name, session, 0);
      if (this.#worker && this.#news.size === 0) this.#boss.notifyWorker(this.#worker);
    }
  }

  /** Whether there is room for it is not asked: whatever waits there in its place, the next look delivers. */
  async #send(webhook: string, session: string, afterSeconds: number): Promise<void> {
    await this.#boss.send(
      DELIVER,
      { webhook, session },
      { singletonKey: `${webhook} ${session}`, ...(afterSeconds > 0 ? { startAfter: afterSeconds } : {}) },
    );
  }

  /** Of what failed without a job. One at a time, and nobody waits for it: what is not queued, the next look tries again. */
  #queueNextTry(webhook: string, session: string, outcome: Outcome): void {
    if (typeof outcome !== 'number' || this.#worker === undefined || this.#isQueueingTry) return;
    this.#isQueueingTry = true;
    void this.#alongside(this.#send(webhook, session, outcome))
      .catch((error: unknown) =>
        this.#options.onProblem('The next try of a webhook could not be queued; the next look has it.', error),
      )
      .finally(() => {
        this.#isQueueingTry = false;
      });
  }

  /** Nothing is asked of the pool any more once it resolves. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([
      ...[...this.#sweeps.values()].map((sweep) => sweep.stop()),
      Promise.race([Promise.allSettled(this.#beside), sleep(STOP_MS, undefined, { ref: false })]),
    ]);
    if (this.#worker) await this.#boss.stop({ graceful: true, timeout: STOP_MS, close: false, wait: true });
    await this.#queue.quiet(STOP_MS);
    this.#isOver = true;
  }
}
