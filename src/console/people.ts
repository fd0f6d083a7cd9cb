/** Sessions of people: a random token in the browser's cookie, its hash and what it stands for in PostgreSQL, for all replicas. */
import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Person } from '../identity/index.js';

export type Role = 'reviewer' | 'auditor' | 'administrator';

export interface PeopleOptions {
  readonly pool: Pool;
  /** A session ends so long after sign-in, and after so long without a request. */
  readonly lifetimeMs: number;
  readonly idleMs: number;
  /** Groups that give a role. */
  readonly roles: Readonly<Record<Role, readonly string[]>>;
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

const sessionRow = z.object({
  id: z.string(),
  issuer: z.string(),
  subject: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  claims: z.record(z.string(), z.unknown()),
  expires_at: z.date(),
  is_current: z.boolean(),
  is_old: z.boolean(),
});

const FIND = `
  UPDATE person_session SET seen_at = now()
  WHERE (token = $1 OR (former = $1 AND former_until > now())) AND expires_at > now() AND seen_at > now() - $2 * interval '1 millisecond'
  RETURNING id, issuer, subject, name, groups, claims, expires_at, token = $1 AS is_current,
            rotated_at < now() - $3 * interval '1 millisecond' AS is_old`;

const ROTATE = `
  UPDATE person_session SET token = $3, former = $2, former_until = now() + $4 * interval '1 millisecond', rotated_at = now()
  WHERE id = $1 AND token = $2`;

const EXCESS = `
  DELETE FROM person_session WHERE id IN (
    SELECT id FROM person_session WHERE issuer = $1 AND subject = $2 ORDER BY opened_at DESC OFFSET ${MAX_SESSIONS - 1})`;

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
const newToken = (): string => randomBytes(32).toString('base64url');

export class People {
  readonly #options: PeopleOptions;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  rolesOf({ groups }: Pick<Person, 'groups'>): readonly Role[] {
    const { roles } = this.#options;
    return (['reviewer', 'auditor', 'administrator'] as const).filter((role) =>
      roles[role].some((group) => groups.includes(group)),
    );
  }

  /** A new session with a token of its own: what the browser held before sign-in is worth nothing after it. */
  async open(person: Person): Promise<string> {
    const { pool, lifetimeMs } = this.#options;
    const token = newToken();
    const { issuer, subject, name, groups, claims } = person;
    await pool.query('DELETE FROM person_session WHERE expires_at < now()');
    await pool.query(EXCESS, [issuer, subject]);
    await pool.query(
      `INSERT INTO person_session (id, token, issuer, subject, name, groups, claims, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 millisecond')`,
      [randomUUID(), hashOf(token), issuer, subject, name, groups, JSON.stringify(claims), lifetimeMs],
    );
    return token;
  }

  /** Who holds this token, and the token to hold from now on if it is time for another; undefined for nobody. */
  async find(token: string): Promise<{ readonly who: SignedIn; readonly next: string | undefined } | undefined> {
    if (!/^[\w-]{43}$/.test(token)) return undefined;
    const { pool, idleMs } = this.#options;
    const hash = hashOf(token);
    const { rows } = await pool.query(FIND, [hash, idleMs, ROTATE_AFTER_MS]);
    if (rows[0] === undefined) return undefined;
    const row = sessionRow.parse(rows[0]);
    const { issuer, subject, name, groups, claims } = row;
    const person: Person = { issuer, subject, name, groups, claims };
    const who = { id: row.id, person, roles: this.rolesOf(person), expiresAt: row.expires_at };
    if (!(row.is_current && row.is_old)) return { who, next: undefined };
    const next = newToken();
    const { rowCount } = await pool.query(ROTATE, [row.id, hash, hashOf(next), FORMER_FOR_MS]);
    return { who, next: rowCount === 1 ? next : undefined };
  }

  /** Whether nobody has ended it meanwhile. */
  async isOpen(id: string): Promise<boolean> {
    const { rows } = await this.#options.pool.query('SELECT FROM person_session WHERE id = $1 AND expires_at > now()', [
      id,
    ]);
    return rows.length > 0;
  }

  async close(id: string): Promise<void> {
    await this.#options.pool.query('DELETE FROM person_session WHERE id = $1', [id]);
  }

  /** What a page of this session sends along with whatever changes something. */
  csrfOf({ id }: Pick<SignedIn, 'id'>): string {
    return createHmac('sha256', this.#options.secret).update(`snowfence csrf ${id}`).digest('base64url');
  }

  isCsrf(who: Pick<SignedIn, 'id'>, given: string): boolean {
    return timingSafeEqual(hashOf(this.csrfOf(who)), hashOf(given));
  }
}
