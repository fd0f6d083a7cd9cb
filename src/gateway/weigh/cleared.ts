/** A statement that may run: judged, weighed, in the record, with a person's word where a rule asks for one. */
import type { Judge } from '../judge/judge.js';
import type { Whose } from '../judge/whose.js';
import type { Intent } from '../record/intent.js';
import { type Bound, boundOf, type Granted } from './bounded.js';

export interface Cleared {
  readonly kind: 'cleared';
  readonly intent: Intent;
  readonly whose: Whose;
  /** undefined where nothing bounds what it may change. */
  readonly bound: Bound | undefined;
}

/** `granted`: what reviewers said yes to. */
export const clearedBy = (
  { judge }: { readonly judge: Judge },
  intent: Intent,
  whose: Whose,
  granted?: Granted,
): Cleared => ({
  kind: 'cleared',
  intent,
  whose,
  bound: boundOf(judge, intent.judged, whose, intent.request, granted),
});
