/**
 * What the warehouse's history tells of one statement: the entry of the statement itself, and those of what was sent beside it, told
 * apart by their tags. A change in a transaction of its own was made where its COMMIT went through, and nowhere else: a session that
 * ends without one takes it back (documentation page transactions).
 */
import { z } from 'zod';
import type { HistoryEntry } from '../../warehouse/index.js';
import { STEPS, type Step } from './intent.js';

const tagOf = z.object({
  app: z.literal('snowfence'),
  statement: z.string(),
  step: z.enum(STEPS).optional(),
  use: z.string().optional(),
});

interface Read {
  readonly statement: string;
  readonly step: Step | undefined;
  /** Under which use of its approval. */
  readonly use: string | undefined;
}

/** Which statement an entry was sent for, and as what of it; undefined where it was none of ours. */
export function readTag(tag: string): Read | undefined {
  try {
    const read = tagOf.safeParse(JSON.parse(tag)).data;
    return read && { statement: read.statement, step: read.step, use: read.use };
  } catch {
    return undefined;
  }
}

export const statementOfTag = (tag: string): string | undefined => readTag(tag)?.statement;

interface Sent {
  readonly entry: HistoryEntry;
  readonly use: string | undefined;
}

export interface Trace {
  /** The statement itself, the newest first where it was sent again after it was taken back. */
  readonly own: readonly Sent[];
  readonly steps: readonly (Sent & { readonly step: Step })[];
}

/** By statement. `history`: newest first. */
export function tracesOf(history: readonly HistoryEntry[]): ReadonlyMap<string, Trace> {
  const out = new Map<string, { own: Sent[]; steps: (Sent & { readonly step: Step })[] }>();
  for (const entry of history) {
    const read = readTag(entry.tag);
    if (!read) continue;
    const trace = out.get(read.statement) ?? { own: [], steps: [] };
    out.set(read.statement, trace);
    const { step, use } = read;
    if (step === undefined) trace.own.push({ entry, use });
    else trace.steps.push({ step, entry, use });
  }
  return out;
}

/** How a statement ended, as far as the history knows. */
export type Ending =
  /** It never came to the warehouse. */
  | { readonly kind: 'never left' }
  | { readonly kind: 'running' }
  /** `entry`: the statement itself, whose state is what it did. */
  | { readonly kind: 'ended'; readonly entry: HistoryEntry }
  /** It did its work in a transaction of its own, and that was not committed. `isSure`: nor can it be any more. */
  | { readonly kind: 'taken back'; readonly entry: HistoryEntry; readonly isSure: boolean };

/** `use`: only that of this use of its approval; what was taken back under another tells nothing of it. */
export function endingOf(trace: Trace | undefined, use?: string): Ending {
  const isOfUse = (one: Sent): boolean => use === undefined || one.use === undefined || one.use === use;
  const entry = trace?.own.find(isOfUse)?.entry;
  if (!trace || !entry) return { kind: 'never left' };
  const of = (step: Step): HistoryEntry[] =>
    trace.steps.flatMap((one) => (one.step === step && isOfUse(one) ? [one.entry] : []));
  if (of('begin').length === 0 || entry.state === 'failed')
    return entry.state === 'running' ? { kind: 'running' } : { kind: 'ended', entry };
  const commits = of('commit');
  if (commits.some(({ state }) => state === 'ok')) return { kind: 'ended', entry };
  if (entry.state === 'running' || commits.some(({ state }) => state === 'running')) return { kind: 'running' };
  const isOver = (at: HistoryEntry): boolean => at.startedAt >= entry.startedAt;
  return { kind: 'taken back', entry, isSure: [...commits, ...of('rollback')].some(isOver) };
}
