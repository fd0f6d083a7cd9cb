/** Deciding: one reviewer's word, signed, and what it makes of the approval. */
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { JsonRow } from '../../transcript/index.js';
import { type ApprovalParts, lock, move, READ_AT_ONCE, readAll, record } from '../rows/opened.js';
import { sealedReason } from '../rows/reasons.js';
import { BY_IDS } from '../rows/selecting.js';
import {
  MAX_STANDING_MS,
  MAX_STANDING_USES,
  revoke,
  STANDING_USES,
  standingOfAgent,
  standingRowOf,
} from '../rows/standing.js';
import { nowOf } from '../rows/transactions.js';
import { termsIn } from '../values/binding.js';
import { isAsked, type Requirement } from '../values/enough.js';
import { mayPass } from '../values/passing.js';
import { missingOf, reviewerNames } from '../values/persons.js';
import { type Approval, type ApprovalState, type Decision, DecisionRefused, type Reviewer } from '../values/state.js';
import { isGranted, saidOf, signed, standingOf, type Word } from '../values/words.js';
import { get } from './looking.js';

/** One reviewer's word. Throws DecisionRefused, RecorderUnavailable. */
export async function decide(
  parts: ApprovalParts,
  id: string,
  reviewer: Reviewer,
  decision: Decision,
): Promise<Approval> {
  const { standingMs, standingUses = STANDING_USES } = decision;
  if (
    standingMs !== undefined &&
    !(
      decision.decision === 'approve' &&
      standingMs > 0 &&
      standingMs <= MAX_STANDING_MS &&
      Number.isInteger(standingUses) &&
      standingUses > 0 &&
      standingUses <= MAX_STANDING_USES
    )
  )
    throw new DecisionRefused('not in that form');
  const state = await parts.transactions.deciding(reviewer, (client) =>
    decideLocked(parts, client, id, reviewer, decision),
  );
  // Thrown once what was found of its row holds.
  if (state === 'not pending') throw new DecisionRefused(state, await get(parts, id));
  parts.left.leave(id, state);
  const after = await get(parts, id);
  if (!after) throw new DecisionRefused('not found');
  return after;
}

async function decideLocked(
  parts: ApprovalParts,
  client: PoolClient,
  id: string,
  reviewer: Reviewer,
  given: Decision,
): Promise<ApprovalState | 'not pending'> {
  const now = await nowOf(client);
  // The lock makes two reviewers at once wait for each other, so that N of M counts right.
  const locked = await lock(parts, client, id, now);
  if (!locked) throw new DecisionRefused('not found');
  const { approval, row } = locked;
  const { requirements } = approval;
  if (isOwn(approval.persons, reviewer)) throw new DecisionRefused('own statement');
  if (!mayDecide(requirements, reviewer)) throw new DecisionRefused('not a reviewer');
  if (approval.state !== 'pending') return 'not pending';
  // Who can't be told from others may still say no: that lets nothing run.
  const missing = given.decision === 'approve' ? missingOf(approval, reviewer) : undefined;
  if (missing !== undefined) throw new DecisionRefused(missing);
  const word = wordOf(parts, approval, row, reviewer, given, now);
  const said = await saidOf(client, approval, parts.store.keys);
  if (said.words.some(({ names }) => names.some((name) => word.names.includes(name))))
    throw new DecisionRefused('decided before');
  const { decision, reason, standingMs, standingUses = STANDING_USES, via } = given;
  // Words whose gateway lost the store before their rows held: they count by the record, and are shown from now on.
  for (const earlier of said.words.filter((one) => !isShown(approval, one)))
    await parts.store.rows.insert(client, 'approval_decision', {
      approval_id: id,
      reviewer: `${earlier.issuer} ${earlier.reviewer}`,
      issuer: earlier.issuer,
      persons: reviewerNames({ issuer: earlier.issuer, subject: earlier.reviewer, claims: {} }),
      decided_at: now,
      decision: earlier.decision,
      reason: null,
      groups: earlier.groups,
      standing_ms: null,
      standing_uses: null,
    });
  const name = `${reviewer.issuer} ${reviewer.subject}`;
  await parts.store.rows.insert(client, 'approval_decision', {
    approval_id: id,
    reviewer: name,
    issuer: reviewer.issuer,
    persons: reviewerNames(reviewer),
    decided_at: now,
    decision,
    reason: sealedReason(parts.store.vault, approval, name, reason),
    groups: reviewer.groups,
    standing_ms: standingMs ?? null,
    standing_uses: standingMs === undefined ? null : standingUses,
  });
  const words = [...said.words, word];
  const state = decision === 'deny' ? 'denied' : isGranted(words, requirements) ? 'approved' : 'pending';
  if (state !== 'pending') await move(parts, client, row, state, now);
  if (state === 'denied') await endStanding(parts, client, approval, reviewer, via);
  const standing = state === 'approved' ? standingOf(words, requirements) : null;
  if (standing)
    await parts.store.rows.insert(
      client,
      'standing_approval',
      standingRowOf({
        id: randomUUID(),
        approvalId: id,
        terms: termsIn(approval),
        binding: Buffer.from(standing.binding, 'hex'),
        until: standing.until,
        uses: standing.uses,
        now,
      }),
    );
  await record(parts, 'approval_decided', approval, {
    ...word,
    signature: signed(word, parts.store.keys),
    reason: reason ?? null,
    state,
    rules: requirements.map(({ rule }) => rule),
    via,
    standing_ms: standing ? Date.parse(standing.until) - Date.parse(now) : null,
  });
  return state;
}

/** A no is a no: what was said before, and may let this very statement pass in some form, ends with it. */
async function endStanding(
  parts: ApprovalParts,
  client: PoolClient,
  approval: Approval,
  reviewer: Reviewer,
  via: Decision['via'],
): Promise<void> {
  const { rows } = parts.store;
  const now = await nowOf(client);
  let after: string | undefined;
  for (;;) {
    const page = await standingOfAgent(client, rows, approval, after, READ_AT_ONCE);
    const ids = page.map(({ approval_id: of }) => of);
    const given = new Map(
      (await readAll(parts, client, await rows.select(client, 'approval', BY_IDS, [ids]), now)).map((one) => [
        one.id,
        one,
      ]),
    );
    for (const { id, approval_id: of } of page) {
      const one = given.get(of);
      if (!one || !mayPass(one, approval) || !(await revoke(client, rows, id))) continue;
      await record(parts, 'standing_revoked', one, {
        standing: id,
        approval: of,
        denied: approval.id,
        reviewer: reviewer.subject,
        issuer: reviewer.issuer,
        via,
      });
    }
    if (page.length < READ_AT_ONCE) return;
    after = page.at(-1)?.id;
  }
}

function wordOf(
  parts: ApprovalParts,
  approval: Approval,
  row: JsonRow,
  reviewer: Reviewer,
  { decision, standingMs, standingUses }: Decision,
  now: string,
): Word {
  const { rows } = parts.store;
  return {
    approval: approval.id,
    binding: approval.binding,
    decision,
    issuer: reviewer.issuer,
    reviewer: reviewer.subject,
    groups: [...reviewer.groups],
    // A mail address is nobody's business in the record: only whether two are the same is. By every key that reads: a word that was said
    // before a rotation has the digests of the keys of then.
    names: reviewerNames(reviewer).flatMap((name) =>
      rows.digests('person', name).map((digest) => digest.toString('hex')),
    ),
    standing:
      standingMs === undefined
        ? null
        : {
            binding: String(row['standing']).slice(2),
            until: new Date(Date.parse(now) + standingMs).toISOString(),
            uses: standingUses ?? STANDING_USES,
          },
  };
}

/** Whether one of the groups that are asked is this person's. */
export const mayDecide = (
  requirements: readonly Requirement[],
  reviewer: Pick<Reviewer, 'issuer' | 'groups'>,
): boolean => requirements.some((requirement) => isAsked(requirement, reviewer));

const isShown = ({ decisions }: Pick<Approval, 'decisions'>, { issuer, reviewer }: Word): boolean =>
  decisions.some((shown) => shown.reviewer === `${issuer} ${reviewer}`);

/** Whether this person has decided on it, under whatever name of theirs. */
export const hasDecided = ({ decisions }: Pick<Approval, 'decisions'>, reviewer: Reviewer): boolean =>
  decisions.some(({ persons }) => reviewerNames(reviewer).some((name) => persons.includes(name)));

/** Whether the statement is this person's own, or sent for them. */
export const isOwn = (persons: readonly string[], reviewer: Reviewer): boolean =>
  reviewerNames(reviewer).some((name) => persons.includes(name));
