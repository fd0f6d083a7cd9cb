/**
 * Approvals, people's words and standing approvals are made again from their events, and compared with the rows that people are shown.
 * An event is written before its change holds, by one transaction. So a row may be behind its last event as long as such a transaction
 * runs. One that a gateway left so when it died is mended by the next that runs; one that is behind for longer was put back as it was.
 */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import type { Breaks } from '../checks/breaks.js';
import type { SealedRows } from '../rows/sealed.js';
import { rowsOf } from '../store/snapshot.js';
import { tableRows } from './rows.js';

const EVENTS = `
  SELECT e.session_id AS session, e.position::float8 AS position, e.statement_id AS statement, e.kind, e.body::text AS body,
         e.at > now() - interval '1 minute' AS is_young
  FROM event e
  WHERE e.kind IN ('approval_asked', 'approval_decided', 'approval_used', 'approval_released', 'approval_expired', 'approval_withdrawn',
                   'standing_used', 'standing_revoked')
  ORDER BY e.session_id, e.position`;

const eventRow = z.object({
  session: z.string(),
  position: z.number(),
  statement: z.string().nullable(),
  kind: z.string(),
  body: z.string(),
  is_young: z.boolean(),
});

const text = z.string().optional().catch(undefined);
const bodyShape = z.object({
  approval: text,
  binding: text,
  decision: text,
  issuer: text,
  reviewer: text,
  state: text,
  /** The statement whose approval another one waits for: it asks for nothing. */
  waiting: text,
  unkept: z.boolean().optional().catch(undefined),
  standing: z
    .union([z.string(), z.object({ binding: z.string() })])
    .nullish()
    .catch(undefined),
});

interface Known {
  readonly session: string;
  readonly statement: string | null;
  readonly position: number;
  readonly binding: string;
  /** After each event, the last one behind. */
  readonly states: string[];
  /** Its last event is that of a transaction that may be under way. */
  isYoung: boolean;
  wasGivenBack: boolean;
  /** Its gateway says that it never had a row. */
  isUnkept: boolean;
  /** `reviewer decision`, in the order of the words. */
  readonly words: string[];
  hasStandingWord: boolean;
}

const AFTER: Readonly<Record<string, string>> = {
  approval_used: 'used',
  approval_released: 'approved',
  approval_expired: 'expired',
  approval_withdrawn: 'withdrawn',
};

/** Whether a row may say so. One that says used where its approval was given back only takes away, and is used from there. */
function maySay({ states, isYoung, wasGivenBack }: Known, state: string): boolean {
  const [before, last] = [states.at(-2), states.at(-1)];
  return state === last || (isYoung && state === before) || (wasGivenBack && state === 'used');
}

class Approvals {
  readonly known = new Map<string, Known>();
  readonly uses = new Map<string, number>();
  readonly revoked = new Set<string>();
  /** A moment ago. */
  readonly justRevoked = new Set<string>();

  learn(row: unknown): void {
    const { session, position, statement, kind, body: json, is_young: isYoung } = eventRow.parse(row);
    const {
      approval: id,
      binding,
      decision,
      issuer,
      reviewer,
      state,
      standing,
      waiting,
      unkept,
    } = bodyShape.catch({}).parse(JSON.parse(json));
    if (id === undefined) return;
    if (kind === 'standing_used' && typeof standing === 'string')
      this.uses.set(standing, (this.uses.get(standing) ?? 0) + 1);
    if (kind === 'standing_revoked' && typeof standing === 'string')
      (isYoung && !this.revoked.has(standing) ? this.justRevoked : this.revoked).add(standing);
    if (kind === 'approval_asked' && binding !== undefined && waiting === undefined && !this.known.has(id))
      this.known.set(id, {
        session,
        statement,
        position,
        binding,
        states: ['pending'],
        isYoung,
        wasGivenBack: false,
        isUnkept: false,
        words: [],
        hasStandingWord: false,
      });
    const known = this.known.get(id);
    // A standing approval's use is told in the session of the statement that it let run.
    if (known?.session !== session || known.statement !== statement) return;
    if (kind === 'approval_decided') {
      known.words.push(`${issuer} ${reviewer} ${decision}`);
      known.hasStandingWord ||= typeof standing === 'object' && standing !== null;
    }
    const after = kind === 'approval_decided' ? state : AFTER[kind];
    if (after === undefined) return;
    known.states.push(after);
    known.isYoung = isYoung;
    known.wasGivenBack = kind === 'approval_released';
    known.isUnkept ||= kind === 'approval_expired' && unkept === true;
  }
}

export interface ApprovalsOptions {
  /** Proves the rows' HMACs as well, where the keys are at hand. */
  readonly rows: SealedRows | undefined;
  /** Sessions whose first events are in archives: what was asked for there is not asked for here. */
  readonly archived: ReadonlySet<string>;
}

export async function checkApprovals(client: PoolClient, breaks: Breaks, options: ApprovalsOptions): Promise<void> {
  const { rows } = options;
  const approvals = new Approvals();
  for await (const events of rowsOf(client, EVENTS)) for (const event of events) approvals.learn(event);
  const words = await checkRows(client, breaks, options, approvals);
  for (const [id, { session, position, words: said }] of approvals.known) {
    const shown = words.get(id) ?? [];
    // The last word may have been written down by a process that died before its row: the next makes up for it.
    const isMissing = said.slice(0, -1).some((word) => !shown.includes(word));
    if (isMissing)
      breaks.report(`A decision on the approval ${id} is in the record and not shown.`, { session, position });
  }
  await checkStanding(client, breaks, rows, approvals);
}

/** The rows of approvals and of decisions; answers the words that are shown, by approval. */
async function checkRows(
  client: PoolClient,
  breaks: Breaks,
  { rows, archived }: ApprovalsOptions,
  { known }: Approvals,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const missing = new Set(known.keys());
  const isElsewhere = new Set<string>();
  for await (const row of tableRows(client, 'approval', breaks, rows)) {
    const id = String(row['id']);
    const found = known.get(id);
    missing.delete(id);
    if (!found) {
      if (archived.has(String(row['session_id']))) {
        isElsewhere.add(id);
        continue;
      }
      breaks.report(`The approval ${id} was asked for by no event: it was put in.`);
      continue;
    }
    const { session, position, binding, states } = found;
    const isSame =
      row['session_id'] === session && row['statement_id'] === found.statement && row['binding'] === `\\x${binding}`;
    if (!isSame)
      breaks.report(`The approval ${id} is not the one that its event asked for: it was changed.`, {
        session,
        position,
      });
    if (!maySay(found, String(row['state'])))
      breaks.report(`The approval ${id} is shown as ${String(row['state'])}, and the record says ${states.at(-1)}.`, {
        session,
        position,
      });
  }
  for (const id of missing) {
    const asked = known.get(id);
    const { session, position } = asked ?? {};
    // Its transaction is under way, or came to nothing: nobody has seen it, or said anything of it.
    const isUntold = asked !== undefined && asked.words.length === 0;
    if (isUntold && (asked.isUnkept || (asked.isYoung && asked.states.length === 1))) continue;
    breaks.report(`The approval ${id} was asked for and is not shown: its row is gone.`, { session, position });
  }
  const words = new Map<string, string[]>();
  for await (const row of tableRows(client, 'approval_decision', breaks, rows)) {
    const id = String(row['approval_id']);
    const word = `${String(row['reviewer'])} ${String(row['decision'])}`;
    const found = known.get(id);
    if (!found?.words.includes(word) && (found || !isElsewhere.has(id)))
      breaks.report(`A decision on the approval ${id} is shown that nobody made: ${String(row['decision'])}.`, {
        session: found?.session,
        position: found?.position,
      });
    const before = words.get(id) ?? [];
    if (before.includes(word))
      breaks.report(`A decision on the approval ${id} is shown twice: ${String(row['decision'])}.`, {
        session: found?.session,
        position: found?.position,
      });
    words.set(id, [...before, word]);
  }
  return words;
}

async function checkStanding(
  client: PoolClient,
  breaks: Breaks,
  rows: SealedRows | undefined,
  { known, uses, revoked, justRevoked }: Approvals,
): Promise<void> {
  for await (const row of tableRows(client, 'standing_approval', breaks, rows)) {
    const id = String(row['id']);
    const given = known.get(String(row['approval_id']));
    const place = { session: given?.session, position: given?.position };
    if (!given?.hasStandingWord)
      breaks.report(`The standing approval ${id} was given by nobody: it was put in.`, place);
    const used = uses.get(id) ?? 0;
    if (typeof row['uses'] !== 'number' || row['uses'] > used || row['uses'] < used - 1)
      breaks.report(
        `The standing approval ${id} is shown as used ${String(row['uses'])} times, and the record says ${used}.`,
        place,
      );
    const isEnded = row['revoked_at'] !== null;
    if (isEnded && !revoked.has(id) && !justRevoked.has(id))
      breaks.report(`The standing approval ${id} is shown as ended, and nobody ended it.`, place);
    const isInForce = !isEnded && Date.parse(String(row['expires_at'])) > Date.now();
    if (isInForce && revoked.has(id))
      breaks.report(`The standing approval ${id} was ended, and is shown as in force: its row was put back.`, place);
  }
}
