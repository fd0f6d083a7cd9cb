/**
 * In which state approvals are, by the record. A row with a right HMAC may still be one of before that somebody put back, so people are
 * shown, and decide by, what the events say. They are read for a whole page at once; where they say something else than the row, or where
 * a signature decides, the words are proved one by one.
 */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { type RecordKeys, type WithdrawalCode, withdrawalOf } from '../../transcript/index.js';
import type { Requirement } from '../values/enough.js';
import type { ApprovalState, Ended } from '../values/state.js';
import { type About, isGranted, type Said, saidOf } from '../values/words.js';

/** As a row shows it. */
export interface Shown extends About {
  readonly state: ApprovalState;
  readonly requirements: readonly Requirement[];
}

export interface Recorded {
  /** That of the row, unless the record says otherwise. */
  readonly state: ApprovalState;
  /** Of the event that changed the state last; undefined where nothing did. */
  readonly at: Date | undefined;
  /** Why it is over, and which statement was sent in its place, as the event of its end has it. */
  readonly why: Ended['why'];
  readonly instead: string | undefined;
  /** The row calls given what nobody has said yes to. */
  readonly isUnsaid: boolean;
}

/** Why approvals expire, as their events say it. */
export const ENDS = {
  time: 'time',
  changed: 'the rules or what it reads have changed',
  overtaken: 'the rules, what it reads or its time',
  ran: 'its statement has ended',
  erased: 'its texts were erased',
} as const;

const KINDS = ['approval_decided', 'approval_used', 'approval_released', 'approval_expired', 'approval_withdrawn'];

const TOLD = `
  SELECT e.body->>'approval' AS id, e.kind, e.at, e.body->>'decision' AS decision, e.body->>'state' AS state,
         e.body->>'was' AS was, e.body->>'reason' AS reason, e.body->>'instead' AS instead, e.body->>'by' AS by, e.body->>'code' AS code
  FROM unnest($1::uuid[], $2::uuid[]) AS t (session_id, statement_id)
  JOIN event e ON e.session_id = t.session_id AND e.statement_id = t.statement_id
  WHERE e.kind = ANY($3) AND (e.kind <> 'approval_used' OR e.body->>'standing' IS NULL)
  ORDER BY e.session_id, e.position`;
const toldRow = z.object({
  id: z.string().nullable(),
  kind: z.string(),
  at: z.date(),
  decision: z.string().nullable(),
  state: z.string().nullable(),
  was: z.string().nullable(),
  reason: z.string().nullable(),
  instead: z.string().nullable(),
  by: z.string().nullable(),
  code: z.string().nullable(),
});

/** What events say of one, none of them proved. */
interface Told {
  state: ApprovalState;
  at: Date | undefined;
  /** Nothing takes this back. */
  end: 'expired' | 'withdrawn' | undefined;
  wasReleased: boolean;
  why: Ended['why'];
  instead: string | undefined;
}

/** By what the same statement ran otherwise, of what the gateway ended. */
const REPLACED_BY: Readonly<Record<WithdrawalCode, Ended['why']>> = {
  RAN_UNDER_STANDING: 'standing',
  RAN_AS_ALLOWED: 'allowed',
};

/** Why one is over, in the words of `expire` and the codes of the gateway; an agent's own reason is none of these. */
function whyOf({ kind, was, reason, ...body }: z.infer<typeof toldRow>): Ended['why'] {
  if (kind === 'approval_withdrawn') {
    const withdrawal = withdrawalOf(body);
    return withdrawal.by === 'agent' ? 'agent' : withdrawal.code && REPLACED_BY[withdrawal.code];
  }
  if (reason === ENDS.time) return unusedIn(was);
  if (reason === ENDS.erased) return 'erased';
  return reason === ENDS.ran ? 'ran' : 'changed';
}

/** Past its time: nobody had decided, or its agent never called for it. */
export const unusedIn = (state: string | null): 'undecided' | 'uncalled' =>
  state === 'approved' ? 'uncalled' : 'undecided';

function learn(told: Told, row: z.infer<typeof toldRow>): void {
  const { kind, at, decision, state } = row;
  const before = told.state;
  switch (kind) {
    case 'approval_decided':
      if (decision === 'deny') told.state = 'denied';
      else if (state === 'approved' && before === 'pending') told.state = 'approved';
      break;
    case 'approval_used':
      if (before === 'pending' || before === 'approved') told.state = 'used';
      break;
    case 'approval_released':
      told.wasReleased = true;
      if (before === 'used') told.state = 'approved';
      break;
    case 'approval_expired':
      told.end ??= 'expired';
      break;
    default:
      told.end ??= 'withdrawn';
  }
  if (told.end !== undefined && told.why === undefined) {
    told.why = whyOf(row);
    told.instead = row.instead ?? undefined;
  }
  if (told.end !== undefined) told.state = told.end;
  if (told.state !== before) told.at = at;
}

function proved(said: Said, { end }: Told, requirements: readonly Requirement[]): ApprovalState {
  if (end !== undefined) return end;
  if (said.isOver) return 'used';
  if (said.words.some(({ decision }) => decision === 'deny')) return 'denied';
  return isGranted(said.words, requirements) ? 'approved' : 'pending';
}

const isOpen = (state: ApprovalState): boolean => state === 'pending' || state === 'approved';

/** By their ids. */
export async function recordedOf(
  queries: Pick<Pool | PoolClient, 'query'>,
  shown: readonly Shown[],
  keys: RecordKeys,
): Promise<ReadonlyMap<string, Recorded>> {
  const all = new Map<string, Told>();
  for (const { id } of shown)
    all.set(id, {
      state: 'pending',
      at: undefined,
      end: undefined,
      wasReleased: false,
      why: undefined,
      instead: undefined,
    });
  const places = [shown.map(({ session_id }) => session_id), shown.map(({ statement_id }) => statement_id)];
  const { rows } = shown.length === 0 ? { rows: [] } : await queries.query(TOLD, [...places, KINDS]);
  for (const row of z.array(toldRow).parse(rows)) {
    const told = all.get(row.id ?? '');
    if (told) learn(told, row);
  }
  const recorded = new Map<string, Recorded>();
  for (const one of shown) {
    const told = all.get(one.id);
    if (!told) continue;
    // Where a row and its events agree, whoever put one back would have had to take an event away. What gives one back has to be signed.
    const isSame = told.state === one.state && !told.wasReleased;
    const { at, why, instead } = told;
    recorded.set(
      one.id,
      isSame
        ? { state: one.state, at, why, instead, isUnsaid: false }
        : { ...(await proof(queries, one, told, keys)), why, instead },
    );
  }
  return recorded;
}

async function proof(
  queries: Pick<Pool | PoolClient, 'query'>,
  shown: Shown,
  told: Told,
  keys: RecordKeys,
): Promise<Pick<Recorded, 'state' | 'at' | 'isUnsaid'>> {
  const { state } = shown;
  const said = await saidOf(queries, shown, keys);
  const by = proved(said, told, shown.requirements);
  // Of one that is over the record may lack an event: it was archived, or somebody took it away. It stays over.
  const isGivenBack = state === 'used' && by === 'approved' && told.wasReleased;
  if (!isOpen(state) && isOpen(by) && !isGivenBack) return { state, at: told.at, isUnsaid: false };
  return { state: by, at: told.at, isUnsaid: state === 'approved' && by === 'pending' };
}
