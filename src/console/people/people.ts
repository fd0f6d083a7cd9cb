/**
 * Sessions of people: a random token in the browser's cookie, its HMAC and what it stands for in PostgreSQL, for all replicas. Whoever may
 * write there is nobody by that: the token's HMAC and the row's go by a key that is not in the store. That a session ended, and each change
 * of its token, is in the record before it holds: a row that is put back as it was opens nothing.
 */
import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Pool } from 'pg';
import { z } from 'zod';
import { isAsked, type Requirement } from '../../approval/index.js';
import type { Person } from '../../identity/index.js';
import { asBytes, type EventKind, type JsonRow, ownRows, type SealedRows, withClient } from '../../transcript/index.js';

export type Role = 'reviewer' | 'auditor' | 'administrator';

export interface PeopleOptions {
  readonly pool: Pool;
  readonly rows: SealedRows;
  /** Writes into the record. */
  readonly record: (kind: EventKind & `person_${string}`, body: Readonly<Record<string, unknown>>) => Promise<unknown>;
  /** A session ends so long after sign-in, and after so long without a request. */
  readonly lifetimeMs: number;
  readonly idleMs: number;
  /** Groups that give a role, each with the issuer whose they are. */
  readonly roles: Readonly<Record<Role, readonly Pick<Requirement, 'issuers' | 'groups'>[]>>;
  /** Of the kind that the transcript's texts are encrypted with: known to all replicas. */
  readonly secret: Uint8Array;
}

/** Somebody who is signed in. */
export interface SignedIn {
  readonly id: string;
  readonly person: Person;
  readonly roles: readonly Role[];
  readonly expiresAt: Date;
}

/** Cookies get a new token this often; the one before holds for a moment, for requests that are under way. */
const ROTATE_AFTER_MS = 10 * 60_000;
const FORMER_FOR_MS = 60_000;
/** Of one person at once; the oldest ends when another begins. */
const MAX_SESSIONS = 20;

const moment = z.string().transform((text) => new Date(text));
const sessionRow = z.object({
  id: z.string(),
  token: z.string(),
  former: z.string().nullable(),
  former_until: moment.nullable(),
  issuer: z.string(),
  subject: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  claims: z.record(z.string(), z.unknown()),
  opened_at: moment,
  seen_at: moment,
  rotated_at: moment,
  rotations: z.number(),
  expires_at: moment,
});

/** That somebody is still there is written down no more often than this. */
const SEEN_EVERY_MS = 10_000;

const FIND = `(t.token = ANY($1) OR (t.former = ANY($1) AND t.former_until > now())) AND t.expires_at > now() AND t.seen_at > now() - $2 * interval '1 millisecond'`;

/** As many of one person's are looked at. */
const MAX_FOUND = 200;

/**
 * What the record has of a sign-in since: that it ended, or a change of its token that its row does not know. Found by the index
 * event_of_sign_in. For a moment the one before holds, since requests are under way.
 */
const SINCE = `
  SELECT date_trunc('milliseconds', now()) AS now, coalesce(bool_or(e.kind = 'person_signed_out' OR e.at < c.moment), false) AS is_over,
         coalesce(bool_or(e.at < c.moment), false) AS is_old
  FROM (SELECT now() - ${FORMER_FOR_MS} * interval '1 millisecond' AS moment) c
  LEFT JOIN event e ON e.kind IN ('person_signed_out', 'person_token_changed') AND left(e.body->>'sign_in', 36) = $1
    AND e.at >= $2::timestamptz - interval '1 day'
    AND (e.kind = 'person_signed_out' OR CASE WHEN e.body->>'n' ~ '^[0-9]{1,9}$' THEN (e.body->>'n')::integer > $3 END)`;
const sinceRow = z.object({ now: z.date(), is_over: z.boolean(), is_old: z.boolean() });

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
const newToken = (): string => randomBytes(32).toString('base64url');

/** The store's clock: all replicas go by it. */
async function nowOf(pool: Pool): Promise<Date> {
  const { rows } = await pool.query<{ now: Date }>(`SELECT date_trunc('milliseconds', now()) AS now`);
  return rows[0]?.now ?? new Date(Number.NaN);
}

export class People {
  readonly #options: PeopleOptions;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  rolesOf(person: Pick<Person, 'issuer' | 'groups'>): readonly Role[] {
    const { roles } = this.#options;
    return (['reviewer', 'auditor', 'administrator'] as const).filter((role) =>
      roles[role].some((given) => isAsked(given, person)),
    );
  }

  /** By each of our keys; the first is for new ones. */
  #tokensOf(token: string): readonly [Buffer, ...Buffer[]] {
    return this.#options.rows.digests('person session', token);
  }

  /**
   * A new session with a token of its own: what the browser held before sign-in is worth nothing after it. `about` goes into the record
   * as well.
   */
  async open(person: Person, about: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const { pool, rows, lifetimeMs, record } = this.#options;
    const token = newToken();
    const { issuer, subject, name, groups, claims } = person;
    await pool.query('DELETE FROM person_session WHERE expires_at < now()');
    const open = await ownRows(rows, pool, 'person_session', {
      condition: 't.issuer = $1 AND t.subject = $2',
      values: [issuer, subject],
      order: 't.opened_at DESC, t.id',
      most: MAX_FOUND,
    });
    for (const row of open.slice(MAX_SESSIONS - 1)) await this.close({ id: String(row['id']), person }, 'too many');
    const now = await nowOf(pool);
    const at = now.toISOString();
    const id = randomUUID();
    const roles = this.rolesOf(person);
    await record('person_signed_in', { sign_in: id, subject, issuer, groups, roles, ...about });
    await rows.insert(pool, 'person_session', {
      id,
      token: asBytes(this.#tokensOf(token)[0]),
      former: null,
      former_until: null,
      issuer,
      subject,
      name,
      groups,
      claims,
      opened_at: at,
      seen_at: at,
      rotated_at: at,
      expires_at: new Date(now.getTime() + lifetimeMs).toISOString(),
      rotations: 0,
    });
    return token;
  }

  /** Who holds this token, and the token to hold from now on if it is time for another; undefined for nobody. */
  async find(token: string): Promise<{ readonly who: SignedIn; readonly next: string | undefined } | undefined> {
    if (!/^[\w-]{43}$/.test(token)) return undefined;
    const { pool, rows, idleMs } = this.#options;
    const tokens = this.#tokensOf(token);
    const [found] = await ownRows(rows, pool, 'person_session', {
      condition: FIND,
      values: [tokens, idleMs],
      // Of the tokens there is one row each, of those before them there may be others that somebody put in.
      order: '(t.token = ANY($1)) DESC, t.id',
      most: 1,
    });
    if (!found) return undefined;
    const row = sessionRow.parse(found);
    const now = await this.#stillOpen(found);
    if (!now) return undefined;
    const { issuer, subject, name, groups, claims } = row;
    const person: Person = { issuer, subject, name, groups, claims };
    const who = { id: row.id, person, roles: this.rolesOf(person), expiresAt: row.expires_at };
    const isCurrent = tokens.some((hash) => asBytes(hash) === row.token);
    const isOld = now.getTime() - row.rotated_at.getTime() > ROTATE_AFTER_MS;
    const at = now.toISOString();
    if (!(isCurrent && isOld)) {
      if (now.getTime() - row.seen_at.getTime() > SEEN_EVERY_MS) await this.#change(found, { seen_at: at });
      return { who, next: undefined };
    }
    const next = newToken();
    const rotations = row.rotations + 1;
    const changes = {
      token: asBytes(this.#tokensOf(next)[0]),
      former: row.token,
      former_until: new Date(now.getTime() + FORMER_FOR_MS).toISOString(),
      rotated_at: at,
      seen_at: at,
      rotations,
    };
    const { record } = this.#options;
    // Two requests at once say the same number.
    await record('person_token_changed', { sign_in: row.id, subject, issuer, n: rotations });
    const isRotated = await this.#change(found, changes);
    return { who, next: isRotated ? next : undefined };
  }

  /** The store's time, if the record does not say that this row is over or was another since. */
  async #stillOpen(found: JsonRow): Promise<Date | undefined> {
    const { pool, rows } = this.#options;
    const { id, opened_at: opened, rotations } = sessionRow.parse(found);
    const since = sinceRow.parse((await pool.query(SINCE, [id, opened, rotations])).rows[0]);
    if (!since.is_over) return since.now;
    if (since.is_old)
      rows.tellOld(
        'person_session',
        found,
        'the record has its end, or a later token, which a gateway that dies may not have written there',
      );
    return undefined;
  }

  /** False where another request was quicker. */
  #change(row: JsonRow, changes: JsonRow): Promise<boolean> {
    const { pool, rows } = this.#options;
    return withClient(pool, async (client) => {
      await client.query('BEGIN');
      const [locked] = await rows.select(client, 'person_session', 'WHERE t.id = $1 FOR UPDATE', [row['id']]);
      const isSame = locked !== undefined && locked['token'] === row['token'];
      if (isSame) await rows.update(client, 'person_session', locked, changes);
      await client.query('COMMIT');
      return isSame;
    });
  }

  /** Whether nobody has ended it meanwhile. */
  async isOpen(id: string): Promise<boolean> {
    const { pool, rows } = this.#options;
    const [found] = await rows.select(pool, 'person_session', 'WHERE t.id = $1 AND t.expires_at > now()', [id]);
    return found !== undefined && (await this.#stillOpen(found)) !== undefined;
  }

  /** In the record first: from then on its row opens nothing, whoever puts it back. */
  async close({ id, person }: Pick<SignedIn, 'id' | 'person'>, reason: 'asked' | 'again' | 'too many'): Promise<void> {
    const { pool, record } = this.#options;
    const { subject, issuer } = person;
    await record('person_signed_out', { sign_in: id, subject, issuer, reason });
    await pool.query('DELETE FROM person_session WHERE id = $1', [id]);
  }

  /** What a page of this session sends along with whatever changes something. */
  csrfOf({ id }: Pick<SignedIn, 'id'>): string {
    return createHmac('sha256', this.#options.secret).update(`snowfence csrf ${id}`).digest('base64url');
  }

  isCsrf(who: Pick<SignedIn, 'id'>, given: string): boolean {
    return timingSafeEqual(hashOf(this.csrfOf(who)), hashOf(given));
  }
}
