/** Standing approvals: one that lets a statement run without anybody being asked again. */
import type { Pool } from 'pg';
import { type ApprovalParts, type Place, readAll, record } from '../rows/opened.js';
import { type Standing, type StandingQuestion, standingFor } from '../rows/standing.js';
import { nowOf, reading } from '../rows/transactions.js';
import { isAmong, standingBindingsOf } from '../values/binding.js';
import type { Approval } from '../values/state.js';
import { saidOf, standingOf } from '../values/words.js';
import { lockOpenFor, type Sought } from './asking.js';
import { replaced } from './ending.js';

/** One that may let this statement run; undefined if none does. Throws RecorderUnavailable. */
export function standing(parts: ApprovalParts, question: StandingQuestion): Promise<Standing | undefined> {
  return reading(async () => {
    const now = await nowOf(parts.store.pool);
    for (const standing of await standingFor(parts.store.pool, parts.store.rows, question))
      if (await goodFor(parts, parts.store.pool, standing, question, now)) return standing;
    return undefined;
  });
}

/** What a standing approval is still good for, by the reviewers' signed words and the record of its uses. */
async function goodFor(
  parts: ApprovalParts,
  queries: Pick<Pool, 'query'>,
  standing: Standing,
  question: StandingQuestion,
  now: string,
): Promise<{ readonly approval: Approval; readonly used: number } | undefined> {
  const { rows, keys } = parts.store;
  const { id, approval_id: of } = standing;
  const found = await rows.select(queries, 'approval', 'WHERE t.id = $1', [of]);
  const [approval] = await readAll(parts, queries, found, now);
  // What nobody can be shown any more lets nothing pass.
  if (!approval || approval.is_erased) return undefined;
  const said = await saidOf(queries, approval, keys);
  const given = standingOf(said.words, approval.requirements);
  const bindings = standingBindingsOf(rows, question.shape, question);
  const used = Math.max(standing.uses, said.uses.get(id) ?? 0);
  const isGiven =
    given !== null &&
    isAmong(bindings, `\\x${given.binding}`) &&
    !said.revoked.has(id) &&
    Date.parse(given.until) > Date.parse(now) &&
    used < given.uses;
  return isGiven ? { approval, used } : undefined;
}

/**
 * Counts one more use, against what the reviewers' signed words allow and the record says was used. False where it no longer lets this
 * statement run, or where the same statement has a yes of its own by now. One of it that still waits for people waits no more from here
 * on, and not before: a yes to what has run would let it run once more. `begin` as in `use`. Throws RecorderUnavailable.
 */
export async function useStanding(
  parts: ApprovalParts,
  id: string,
  question: StandingQuestion & Sought,
  statementId: string,
  begin: () => Promise<void>,
): Promise<boolean> {
  const { rows } = parts.store;
  let ended: string | undefined;
  const isUsed = await parts.transactions.locking(`${question.issuer} ${question.subject}`, async (client) => {
    const now = await nowOf(client);
    // In the order in which a no locks them: the one that waits, then what stands.
    const waiting = await lockOpenFor(parts, client, question, now);
    if (waiting?.approval.state === 'approved') return false;
    const [standing] = await standingFor(client, rows, question, id);
    const given = standing && (await goodFor(parts, client, standing, question, now));
    if (!given) return false;
    const { approval, used } = given;
    await record(parts, 'standing_used', approval, { approval: approval.id, standing: id, statement: statementId });
    await rows.update(client, 'standing_approval', standing.row, { uses: used + 1 });
    await begin();
    if (waiting) {
      await replaced(parts, client, waiting, { code: 'RAN_UNDER_STANDING', instead: statementId, standing: id }, now);
      ended = waiting.approval.id;
    }
    return true;
  });
  if (ended !== undefined) parts.left.leave(ended, 'withdrawn');
  return isUsed;
}

/** Whether nobody has ended a standing approval that came of this one, nor erased what it is about, and its time is not over. Throws RecorderUnavailable. */
export function isStillStanding(
  parts: ApprovalParts,
  approval: Pick<Approval, 'binding' | 'requirements' | keyof Place>,
  id: string,
): Promise<boolean> {
  return reading(async () => {
    const { sessions, vault } = parts.store;
    await sessions.learnKey(approval.session_id);
    if (!vault.knows(approval.session_id)) return false;
    const { words, revoked } = await saidOf(parts.store.pool, approval, parts.store.keys);
    const given = standingOf(words, approval.requirements);
    return given !== null && !revoked.has(id) && Date.parse(given.until) > Date.parse(await nowOf(parts.store.pool));
  });
}
