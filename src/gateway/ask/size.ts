/** What reviewers are told of a statement's size: how much would be read, how many rows changed. */
import { type Estimate, hides, type Verdict } from '../../policy/index.js';
import { WarehouseUnavailable } from '../../warehouse/index.js';
import type { Whose } from '../judge/whose.js';
import type { Intent } from '../record/intent.js';
import type { Counting } from '../weigh/counting.js';
import { NotSent } from '../weigh/overtaken.js';
import { placeFor, type Running } from '../weigh/running.js';

export interface SizeParts {
  readonly counting: Counting;
  readonly running: Running;
}

/** How long reviewers' figures may keep the agent from its answer. */
const SIZE_MS = 10_000;

const NOTHING: Estimate = { bytes: undefined, rows: undefined };

/** What can't be told in time is left open, with why; undefined where the principal has too much under way to ask. */
export async function sizeOf(
  { counting, running }: SizeParts,
  intent: Intent,
  whose: Whose,
  verdict: Verdict,
): Promise<Estimate | undefined> {
  const { bytes, rows, uncounted } = verdict.estimate ?? NOTHING;
  // What rules needed was asked for before.
  const wanted = { bytes: !verdict.needs.bytes && !hides(verdict), rows: !verdict.needs.rows, isCounted: false };
  if (!wanted.bytes && !wanted.rows) return { bytes, rows, uncounted };
  const place = placeFor(running, intent, whose.principal, verdict);
  if (!place) return undefined;
  try {
    const signal = AbortSignal.any([place, AbortSignal.timeout(SIZE_MS)]);
    const { estimate } = await counting.ask(intent, whose, wanted, signal);
    return {
      bytes: bytes ?? estimate.bytes,
      rows: rows ?? estimate.rows,
      uncounted: uncounted ?? estimate.uncounted,
    };
  } catch (error) {
    if (error instanceof WarehouseUnavailable) return { bytes, rows, uncounted: uncounted ?? 'unreachable' };
    if (error instanceof NotSent) return { bytes, rows, uncounted: uncounted ?? 'overtaken' };
    throw error;
  }
}
