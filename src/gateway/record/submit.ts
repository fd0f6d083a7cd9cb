/** The intent, written down before anything is sent. */
import type { Principal } from '../../identity/index.js';
import type { Denial } from '../../policy/index.js';
import type { Budgets } from './budgets.js';
import type { Intent } from './intent.js';

/** Durable once this resolves; a denial where the hour's statements or the day's bytes are used up. */
export async function submit(
  { budgets }: { readonly budgets: Budgets },
  principal: Principal,
  intent: Intent,
): Promise<Denial | undefined> {
  const { verdict } = intent.judged;
  const taking = verdict?.estimate && (await budgets.take(principal, verdict, verdict.estimate.bytes));
  if (taking?.denial) return taking.denial;
  // With its estimate the statement was counted before.
  return budgets.append(
    principal,
    verdict?.estimate ? undefined : verdict,
    intent.event('statement_submitted', {}),
    taking?.taken,
  );
}
