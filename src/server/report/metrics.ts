/** Prometheus metrics: counts and durations, no names and no values. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Counters } from '../../gateway/index.js';

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

  /** `policies`: whether the folder is sound, and whether a set of it is held back. `behind`: webhooks that get nothing. `connections`: to Snowflake. */
  constructor(
    policies: { readonly isSound: () => boolean; readonly isHeldBack: () => boolean },
    behind: () => number = () => 0,
    connections: () => number = () => 0,
  ) {
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
    this.#rows = new Counter({ name: 'snowfence_rows_total', help: 'Rows answered.', registers });
    this.#bytes = new Counter({ name: 'snowfence_result_bytes_total', help: 'Bytes of rows answered.', registers });
    this.#disagreements = new Counter({
      name: 'snowfence_parser_disagreements_total',
      help: 'Statements refused because another parser reads them differently.',
      labelNames: ['parser'],
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
