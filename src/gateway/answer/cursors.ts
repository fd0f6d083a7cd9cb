/**
 * Where reading a result goes on. A cursor names a result and a row; what it needs is in PostgreSQL, so that any replica can serve
 * it, and it serves nobody but the principal that it was made for. Its row carries an HMAC: whoever may write there can neither point
 * one at another result nor give it to somebody else.
 */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '../../identity/index.js';
import type { Verdict } from '../../policy/index.js';
import {
  asBytes,
  asTime,
  bytesOf,
  type JsonRow,
  type Read,
  RecorderUnavailable,
  type TranscriptStore,
} from '../../transcript/index.js';
import type { Bind } from './answer.js';

const bytes = z.unknown().transform((text) => bytesOf(text) ?? Buffer.alloc(0));
const row = z.object({
  id: z.string(),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  session_id: z.string(),
  statement_id: z.string(),
  query_id: z.string(),
  sealed: bytes,
  granted: bytes,
  end_row: z.number(),
  bytes_left: z.number(),
  changes: z.number(),
});
type Row = z.infer<typeof row>;

/** A row that is ours. */
interface Known extends Read {
  readonly own: JsonRow;
  readonly row: Row;
}

const statementOf = z.object({
  statement: z.string(),
  binds: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])),
  purpose: z.string().nullable(),
});

export type Cursor = Pick<Row, 'id' | 'session_id' | 'statement_id' | 'query_id' | 'granted' | 'end_row'> &
  z.infer<typeof statementOf> & { readonly position: number };

/** Snowflake keeps a result for 24 hours; who has not asked for an hour has lost interest. */
const LIFE_MS = 3_600_000;
/** Pages of one cursor that are asked for at once are in each other's way: each change is tried so often. */
const TRIES = 20;
/** Cursors whose last state this process knows. */
const REMEMBERED = 10_000;
const SHAPE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(\d{1,9})$/;

export interface NewCursor {
  readonly sessionId: string;
  readonly statementId: string;
  readonly queryId: string;
  readonly statement: string;
  readonly binds: readonly Bind[];
  readonly purpose: string | undefined;
  readonly grant: string;
  readonly position: number;
  readonly endRow: number;
  readonly bytesLeft: number;
}

export const hashOf = (grant: string): Buffer => createHash('sha256').update(grant).digest();

/** What a result was given out for: the text as sent, under which role, how it was allowed, and by whose word where it took one. */
export const grantOf = ({ decision, role, warehouse, approval }: Verdict, sent: string): string => {
  const asked = (approval?.requirements ?? [])
    .map(({ issuers, groups, count }) => JSON.stringify([[...issuers].sort(), [...groups].sort(), count]))
    .sort();
  return JSON.stringify([decision, sent, role, warehouse, asked]);
};

/** Whether what is allowed now is what was allowed when the statement ran. */
export const isSame = (cursor: Pick<Cursor, 'granted'>, grant: string): boolean => hashOf(grant).equals(cursor.granted);

export const cursorAt = (id: string, position: number): string => `${id}.${position}`;

/** Of the same result, another row. */
export const movedTo = (cursor: string, position: number): string => cursorAt(cursor.split('.')[0] ?? '', position);

/** In whole seconds: what is signed is what PostgreSQL prints. */
const inAnHour = (): string => asTime(new Date(Math.ceil((Date.now() + LIFE_MS) / 1000) * 1000));

export class Cursors {
  readonly #store: TranscriptStore;
  /** How often each was changed, as far as this process has seen: a row of before was put back. */
  readonly #changes = new Map<string, number>();
  /** The row behind each as this process has left it: usually it still stands there so, and one round trip changes it. */
  readonly #left = new WeakMap<Cursor, Known>();

  constructor(store: TranscriptStore) {
    this.#store = store;
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof RecorderUnavailable ? error : new RecorderUnavailable(error);
    }
  }

  /** Throws RecorderUnavailable. */
  async make(principal: Principal, cursor: NewCursor): Promise<string> {
    const id = randomUUID();
    const { statement, binds, purpose } = cursor;
    const { pool, rows, vault } = this.#store;
    const text = JSON.stringify({ statement, binds, purpose: purpose ?? null });
    const sealed = vault.sealText(cursor.sessionId, `cursor ${id}`, text);
    await this.#do(() =>
      Promise.all([
        pool.query('DELETE FROM cursor WHERE expires_at < now()'),
        rows.put(pool, 'cursor', {
          id,
          issuer: principal.issuer,
          subject: principal.subject,
          client_id: principal.clientId,
          session_id: cursor.sessionId,
          statement_id: cursor.statementId,
          query_id: cursor.queryId,
          sealed: asBytes(sealed),
          granted: asBytes(hashOf(cursor.grant)),
          end_row: cursor.endRow,
          bytes_left: cursor.bytesLeft,
          expires_at: inAnHour(),
          changes: 0,
        }),
      ]),
    );
    return cursorAt(id, cursor.position);
  }

  /** undefined where there is none such, it is over, or it is somebody else's. Throws RecorderUnavailable. */
  async find(principal: Principal, text: string): Promise<Cursor | undefined> {
    const [, id, position] = SHAPE.exec(text) ?? [];
    if (id === undefined || position === undefined) return undefined;
    const { issuer, subject, clientId } = principal;
    const known = await this.#do(() => this.#read(id));
    const found = known?.row;
    if (!known || found?.issuer !== issuer || found.subject !== subject || found.client_id !== clientId)
      return undefined;
    const { sealed, ...cursor } = found;
    const { sessions, vault } = this.#store;
    // What is read on is recorded in its session: whatever the row says, that is the principal's own.
    if (!(await sessions.isOf(principal, cursor.session_id))) return undefined;
    await sessions.learnKey(cursor.session_id);
    // A key that was erased takes the statement with it, and with that the right to read on.
    if (!vault.knows(cursor.session_id)) return undefined;
    const statement = statementOf.parse(JSON.parse(vault.openText(cursor.session_id, `cursor ${id}`, sealed)));
    const of: Cursor = { ...cursor, ...statement, position: Number(position) };
    this.#left.set(of, known);
    return of;
  }

  /** A row that is ours and as it was last; undefined for none. */
  async #read(id: string): Promise<Known | undefined> {
    const { pool, rows } = this.#store;
    // As far as it was seen before the row is read: what changes meanwhile is no row of before.
    const seen = this.#changes.get(id) ?? 0;
    const [read] = await rows.read(pool, 'cursor', 'WHERE t.id = $1 AND t.expires_at > now()', [id]);
    if (!read?.own) return undefined;
    const found = row.parse(read.own);
    if (found.changes < seen) {
      rows.tellOld('cursor', read.own, 'pages were read since');
      return undefined;
    }
    this.#saw(id, Math.max(found.changes, this.#changes.get(id) ?? 0));
    return { found: read.found, own: read.own, row: found };
  }

  #saw(id: string, changes: number): void {
    const [oldest] = this.#changes.keys();
    if (this.#changes.size >= REMEMBERED && oldest !== undefined) this.#changes.delete(oldest);
    this.#changes.delete(id);
    this.#changes.set(id, changes);
  }

  /** Changes how many bytes are left; answers by how many, or 0 where it is over. */
  #change(cursor: Cursor, sizeOf: (left: number) => number): Promise<number> {
    return this.#do(async () => {
      const { pool, rows } = this.#store;
      for (let tries = 0; tries < TRIES; tries++) {
        const known = this.#left.get(cursor) ?? (await this.#read(cursor.id));
        if (!known) return 0;
        const { bytes_left: left, changes } = known.row;
        const size = sizeOf(left);
        if (size === 0) return 0;
        const changed = { bytes_left: left + size, changes: changes + 1 };
        const own = { ...known.own, ...changed, expires_at: inAnHour() };
        this.#left.delete(cursor);
        const found = await rows.swap(pool, 'cursor', known.found, own, 'AND t.expires_at > now()');
        if (!found) continue;
        this.#saw(cursor.id, Math.max(changes + 1, this.#changes.get(cursor.id) ?? 0));
        this.#left.set(cursor, { found, own, row: { ...known.row, ...changed } });
        return size;
      }
      throw new Error('Too many read on by one cursor at once.');
    });
  }

  /** Sets bytes aside for a page, before it is read: pages asked for at once share what is left. 0 where nothing is. */
  async takeBytes(cursor: Cursor, most: number): Promise<number> {
    const change = await this.#change(cursor, (left) => -Math.min(Math.max(left, 0), most));
    return Math.abs(change);
  }

  /** What a page did not use. */
  async giveBack(cursor: Cursor, unused: number): Promise<void> {
    if (unused > 0) await this.#change(cursor, () => unused);
  }
}
