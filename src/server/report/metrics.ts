/** Prometheus metrics: counts and durations, no names and no values. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Counters } from '../../gateway/index.js';

/** What gauges look at when they are asked. */
export interface Watched {
  /** Whether the folder is sound, and whether a set of it is held back. */
  readonly policies: { readonly isSound: () => boolean; readonly isHeldBack: () => boolean };
  /** Webhooks that get nothing. */
  readonly behind: () => number;
  /** To Snowflake. */
  readonly connections: () => number;
  /** Whether Snowflake answered the last time that it was asked; undefined where nobody has asked yet. */
  readonly warehouse: () => boolean | undefined;
  /** Approvals of a state, of all gateways; undefined where the store does not say. */
  readonly approvals: (state: 'pending' | 'approved') => Promise<Waiting | undefined>;
}

interface Waiting {
  readonly count: number;
  readonly oldest: Date | undefined;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #verdicts: Counter<'decision' | 'code'>;
  readonly #ended: Counter<'state'>;
  readonly #refused: Counter<'problem'>;
  readonly #duration: Histogram;
  readonly #rows: Counter;
  readonly #bytes: Counter;
  readonly #disagreements: Counter<'parser'>;
  readonly #integrity: Counter;
  readonly #own: Counter<'what'>;

  constructor({ policies, behind, connections, warehouse, approvals }: Watched) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry, prefix: 'snowfence_process_' });
    this.#verdicts = new Counter({
      name: 'snowfence_verdicts_total',
      help: 'Verdicts on statements.',
      labelNames: ['decision', 'code'],
      registers,
    });
    this.#ended = new Counter({
      name: 'snowfence_statements_ended_total',
      help: 'Statements whose end this process has recorded: ok, denied, failed, cancelled, unknown. What the command line records itself, such as a no of `snowfence approvals deny`, is in no metric.',
      labelNames: ['state'],
      registers,
    });
    this.#refused = new Counter({
      name: 'snowfence_tokens_refused_total',
      help: 'Requests without a valid token.',
      labelNames: ['problem'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'snowfence_statement_seconds',
      help: 'Time of statements that ran, from call to answer.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120],
      registers,
    });
    this.#rows = new Counter({
      name: 'snowfence_rows_total',
      help: 'Rows answered: first answers, later pages and files; those that a change changed are none.',
      registers,
    });
    this.#bytes = new Counter({ name: 'snowfence_result_bytes_total', help: 'Bytes of rows answered.', registers });
    this.#disagreements = new Counter({
      name: 'snowfence_parser_disagreements_total',
      help: 'Statements refused because another parser reads them differently.',
      labelNames: ['parser'],
      registers,
    });
    this.#own = new Counter({
      name: 'snowfence_own_statements_total',
      help: 'Statements that this process sent to Snowflake for itself: set-up of sessions, metadata, EXPLAIN, its history. Cloud services are billed.',
      labelNames: ['what'],
      registers,
    });
    this.#integrity = new Counter({
      name: 'snowfence_integrity_problems_total',
      help: 'Signs that the transcript was changed in the store. Anything but 0 is an alarm.',
      registers,
    });
    new Gauge({
      name: 'snowfence_policies_sound',
      help: '1 while the policy folder checks, 0 while the last good set is in force.',
      registers,
      collect() {
        this.set(policies.isSound() ? 1 : 0);
      },
    });
    new Gauge({
      name: 'snowfence_policies_held_back',
      help: '1 while changed policies wait since they open something.',
      registers,
      collect() {
        this.set(policies.isHeldBack() ? 1 : 0);
      },
    });
    new Gauge({
      name: 'snowfence_webhooks_behind',
      help: 'Webhooks that events have waited for over five minutes for, although nothing failed. Anything but 0 is an alarm.',
      registers,
      collect() {
        this.set(behind());
      },
    });
    new Gauge({
      name: 'snowfence_warehouse_connections',
      help: 'Connections to Snowflake that are open or being opened.',
      registers,
      collect() {
        this.set(connections());
      },
    });
    new Gauge({
      name: 'snowfence_warehouse_reachable',
      help: '1 where Snowflake answered the last time that this process asked it, 0 where it did not. Nothing before that.',
      registers,
      collect() {
        const isThere = warehouse();
        // 0 before the first answer would be an outage.
        if (isThere === undefined) this.remove();
        else this.set(isThere ? 1 : 0);
      },
    });
    const asked = watched(approvals);
    new Gauge({
      name: 'snowfence_approvals_open',
      help: 'Statements that wait for a person (pending), or for their agent after a yes (approved): of all gateways, 1000 at most.',
      labelNames: ['state'],
      registers,
      async collect() {
        this.reset();
        for (const [state, { count }] of await asked()) this.set({ state }, count);
      },
    });
    new Gauge({
      name: 'snowfence_approvals_oldest_seconds',
      help: 'For how long the one of each state that was asked for first has been open; nothing where there is none.',
      labelNames: ['state'],
      registers,
      async collect() {
        this.reset();
        for (const [state, { oldest }] of await asked())
          if (oldest) this.set({ state }, Math.max(0, (Date.now() - oldest.getTime()) / 1000));
      },
    });
  }

  ownStatement(what: string): void {
    this.#own.inc({ what });
  }

  integrityProblem(): void {
    this.#integrity.inc();
  }

  get counters(): Counters {
    return {
      verdict: (decision, code) => this.#verdicts.inc({ decision, code: code ?? '' }),
      ran: (durationMs, rows, bytes) => {
        this.#duration.observe(durationMs / 1000);
        this.#rows.inc(rows);
        this.#bytes.inc(bytes);
      },
      disagreement: (parser) => this.#disagreements.inc({ parser }),
    };
  }

  ended(state: string): void {
    this.#ended.inc({ state });
  }

  refused(problem: string): void {
    this.#refused.inc({ problem });
  }
}

/** Both gauges of one scrape go by one answer of the store. */
function watched(approvals: Watched['approvals']): () => Promise<readonly (readonly [string, Waiting])[]> {
  let under: Promise<readonly (readonly [string, Waiting])[]> | undefined;
  const ask = async (): Promise<readonly (readonly [string, Waiting])[]> => {
    const found = await Promise.all(
      (['pending', 'approved'] as const).map(async (state) => [state, await approvals(state)] as const),
    );
    return found.flatMap(([state, waiting]) => (waiting ? [[state, waiting] as const] : []));
  };
  return () => {
    under ??= ask().finally(() => {
      under = undefined;
    });
    return under;
  };
}
