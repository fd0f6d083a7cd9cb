/** What rules and limits say of bytes and rows: these take the warehouse's estimate. */
import { WarehouseUnavailable } from '../../warehouse/index.js';
import { tooMany } from '../answer/denials.js';
import type { Judge } from '../judge/judge.js';
import { type Judged, unreachable } from '../judge/judged.js';
import type { Whose } from '../judge/whose.js';
import type { Intent } from '../record/intent.js';
import type { Counting } from './counting.js';
import { NotSent } from './overtaken.js';
import { placeFor, type Running } from './running.js';

export interface WeighParts {
  readonly judge: Judge;
  readonly counting: Counting;
  readonly running: Running;
}

/** The statement with the last word on it; asking for the estimate is written down before. Throws RecorderUnavailable. */
export const weigh = async (parts: WeighParts, intent: Intent, whose: Whose): Promise<Intent> =>
  intent.as(await weighed(parts, intent, whose));

async function weighed({ judge, counting, running }: WeighParts, intent: Intent, whose: Whose): Promise<Judged> {
  const { judged, request } = intent;
  const { verdict, analysis, denial } = judged;
  if (denial || !verdict || !analysis || !(verdict.needs.bytes || verdict.needs.rows)) return judged;
  const { principal, policies } = whose;
  const signal = placeFor(running, intent, principal, verdict);
  if (!signal) return { ...judged, denial: tooMany(verdict) };
  try {
    const asked = await counting.ask(intent, whose, { ...verdict.needs, isCounted: true }, signal);
    if (asked.denial) return { ...judged, denial: asked.denial };
    return judge.weigh(judged, principal, policies, request, asked.estimate);
  } catch (error) {
    if (error instanceof WarehouseUnavailable) return { ...judged, denial: unreachable(error) };
    if (error instanceof NotSent) return { ...judged, denial: error.denial };
    throw error;
  }
}
