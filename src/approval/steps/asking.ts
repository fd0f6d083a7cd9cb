/** Asking: the approval that a statement waits for, new or there already. */
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { asBytes, type JsonRow, RecorderUnavailable } from '../../transcript/index.js';
import { type ApprovalParts, expire, hold, isOpen, type Locked, openAll, readAll, record } from '../rows/opened.js';
import { ENDS } from '../rows/recorded.js';
import { nowOf, reading } from '../rows/transactions.js';
import { bindingsOf, standingBindingsOf, termsAsked } from '../values/binding.js';
import { personsOf } from '../values/persons.js';
import type { Approval, Request, TooManyApprovals } from '../values/state.js';
import { tooMany } from './bounds.js';

const OPEN = `WHERE t.state IN ('pending', 'approved') AND t.issuer = $1 AND t.subject = $2 AND t.client_id = $3 AND t.digest = $4`;

/** What a statement waits for. */
export interface Asked {
  readonly approval: Approval;
  readonly isNew: boolean;
}

/**
 * The approval that this very statement waits for, or that it may run under: a new one, or the one there is already. One that was asked
 * under other rules, or of other objects, is over. TooManyApprovals where another would be one too many of this principal's. `record`
 * writes down that it was asked for, before anybody else can know: where it fails, nothing was. Throws RecorderUnavailable.
 */
export async function ask(
  parts: ApprovalParts,
  request: Request,
  record: (asked: Asked) => Promise<unknown>,
): Promise<Asked | TooManyApprovals> {
  let asked: Asked | undefined;
  try {
    return await askLocked(parts, request, (found) => {
      asked = found;
      return record(found);
    });
  } catch (error) {
    if (asked?.isNew) await takeBack(parts, asked.approval);
    throw error;
  }
}

/** The record may have it as asked for, and there is no row of it: it says so itself, if it can, and is mended by nobody. */
async function takeBack(parts: ApprovalParts, approval: Approval): Promise<void> {
  const body = { approval: approval.id, was: 'pending', reason: 'it could not be kept', unkept: true };
  try {
    await record(parts, 'approval_expired', approval, body);
  } catch (error) {
    if (!(error instanceof RecorderUnavailable)) throw error;
  }
}

/** Whose statement, and which: all that are the same have one such name, however they are written. */
export interface Sought {
  readonly issuer: string;
  readonly subject: string;
  readonly client_id: string;
  readonly door: string;
  readonly same: string;
}

const soughtIn = ({ actor, text, same }: Request): Sought => ({
  issuer: actor.issuer,
  subject: actor.subject,
  client_id: actor.clientId,
  door: text.door,
  same,
});

/** By what the open approval of a statement is found, and the digest of what it is about. */
function soughtBy(vault: ApprovalParts['store']['vault'], { issuer, subject, client_id, door, same }: Sought) {
  const digest = vault.digest(JSON.stringify([same, door]));
  return { digest, whose: [issuer, subject, client_id, digest] };
}

const isSame = (approval: Approval, { policyVersion, fits }: Pick<Request, 'policyVersion' | 'fits'>): boolean =>
  approval.policy_version === policyVersion && approval.fits === fits && approval.state !== 'expired';

/**
 * The open approval of this very statement, under whichever rules it was asked for; changes nothing. Throws RecorderUnavailable.
 */
export function openFor(parts: ApprovalParts, sought: Sought): Promise<Approval | undefined> {
  const { vault, rows, pool } = parts.store;
  return reading(async () => {
    const found = await rows.select(pool, 'approval', OPEN, soughtBy(vault, sought).whose);
    if (found.length === 0) return undefined;
    const opened = await openAll(parts, pool, found, await nowOf(pool));
    return opened.find(({ approval, recorded }) => isOpen(recorded) && isOpen(approval))?.approval;
  });
}

/** The same under its lock, brought to where the record is. */
export async function lockOpenFor(
  parts: ApprovalParts,
  client: PoolClient,
  sought: Sought,
  now: string,
): Promise<Locked | undefined> {
  const { vault, rows } = parts.store;
  const found = await rows.select(client, 'approval', `${OPEN} FOR UPDATE`, soughtBy(vault, sought).whose);
  let open: Locked | undefined;
  for (const opened of await openAll(parts, client, found, now)) {
    const held = await hold(parts, client, opened, now);
    if (isOpen(opened.recorded) && isOpen(held.approval)) open = held;
  }
  return open;
}

async function askLocked(
  parts: ApprovalParts,
  request: Request,
  record: (asked: Asked) => Promise<unknown>,
): Promise<Asked | TooManyApprovals> {
  const { actor } = request;
  const told = async (asked: Asked): Promise<Asked> => {
    await record(asked);
    return asked;
  };
  const { sessions, vault, rows } = parts.store;
  await reading(() => sessions.learnKey(request.sessionId));
  const { digest, whose } = soughtBy(vault, soughtIn(request));
  return parts.transactions.locking(`${actor.issuer} ${actor.subject}`, async (client) => {
    const now = await nowOf(client);
    const open = await rows.select(client, 'approval', `${OPEN} FOR UPDATE`, whose);
    for (const opened of await openAll(parts, client, open, now)) {
      const held = await hold(parts, client, opened, now);
      const { approval } = held;
      // By the record it waits no longer, and its row says so from now on.
      if (!isOpen(opened.recorded)) continue;
      if (isSame(approval, request)) return told({ approval, isNew: false });
      await expire(parts, client, held, approval.ended?.why === 'erased' ? ENDS.erased : ENDS.overtaken, now);
    }
    const over = await tooMany(parts, client, request);
    if (over) return over;
    const row = newRow(parts, request, digest, now);
    const isIn = await rows.insert(client, 'approval', row, 'ON CONFLICT DO NOTHING');
    if (!isIn) {
      // What keeps its place is none of ours, or another replica's of this moment: the former is out of the way, the latter is found.
      const [other] = await rows.select(client, 'approval', OPEN, whose);
      const [approval] = other ? await readAll(parts, client, [other], now) : [];
      if (approval) return told({ approval, isNew: false });
      await client.query(`UPDATE approval t SET state = 'expired' ${OPEN}`, whose);
      await rows.insert(client, 'approval', row);
    }
    const [approval] = await readAll(parts, client, [row], now);
    if (!approval) throw new Error('An approval that was just asked for is gone.');
    return told({ approval, isNew: true });
  });
}

function newRow(parts: ApprovalParts, request: Request, digest: Buffer, now: string): JsonRow {
  const { actor, text } = request;
  const { rows, vault } = parts.store;
  const id = randomUUID();
  const persons = personsOf(actor);
  const expiresAt = new Date(Date.parse(now) + request.withinMs).toISOString();
  const terms = termsAsked(actor, request);
  const place = { id, statement_id: request.statementId, session_id: request.sessionId };
  const [binding] = bindingsOf(rows, { ...terms, ...place, text, persons, expires_at: expiresAt });
  const [standing] = standingBindingsOf(rows, text.shape.key, terms);
  return {
    ...place,
    asked_at: now,
    changed_at: now,
    expires_at: expiresAt,
    state: 'pending',
    issuer: actor.issuer,
    subject: actor.subject,
    client_id: actor.clientId,
    sealed: asBytes(
      vault.sealText(request.sessionId, `approval ${id}`, JSON.stringify({ ...text, about: request.about })),
    ),
    digest: asBytes(digest),
    policy_version: request.policyVersion,
    requirements: request.requirements,
    fits: asBytes(Buffer.from(request.fits, 'hex')),
    fingerprint: request.fingerprint,
    about: null,
    persons,
    binding: asBytes(binding),
    standing: asBytes(standing),
  };
}
