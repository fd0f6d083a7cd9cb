/**
 * Where reading a result goes on. A cursor names a result and a row; what it needs is in PostgreSQL, so that any replica can serve
 * it, and it serves nobody but the principal that it was made for.
 */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Bind } from './answer.js';
import type { Principal } from './identity/index.js';
import { RecorderUnavailable, type TranscriptStore } from './transcript/index.js';

const row = z.object({
  id: z.string(),
  session_id: z.string(),
  statement_id: z.string(),
  query_id: z.string(),
  sealed: z.instanceof(Buffer),
  granted: z.instanceof(Buffer),
  end_row: z.number(),
  bytes_left: z.coerce.number(),
});

const statementOf = z.object({
  statement: z.string(),
  binds: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])),
  purpose: z.string().nullable(),
});

export type Cursor = Omit<z.infer<typeof row>, 'sealed'> & z.infer<typeof statementOf> & { readonly position: number };

/** Snowflake keeps a result for 24 hours; who has not asked for an hour has lost interest. */
const LIFE = `interval '1 hour'`;
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

const hashOf = (grant: string): Buffer => createHash('sha256').update(grant).digest();

/** Whether what is allowed now is what was allowed when the statement ran. */
export const isSame = (cursor: Cursor, grant: string): boolean => hashOf(grant).equals(cursor.granted);

export const cursorAt = (id: string, position: number): string => `${id}.${position}`;

export class Cursors {
  readonly #store: TranscriptStore;

  constructor(store: TranscriptStore) {
    this.#store = store;
  }

  async #query(sql: string, values: unknown[]): Promise<unknown[]> {
    try {
      return (await this.#store.pool.query(sql, values)).rows;
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  /** Throws RecorderUnavailable. */
  async make(principal: Principal, cursor: NewCursor): Promise<string> {
    const id = randomUUID();
    const { statement, binds, purpose } = cursor;
    await this.#query(
      `WITH old AS (DELETE FROM cursor WHERE expires_at < now())
       INSERT INTO cursor (id, issuer, subject, client_id, session_id, statement_id, query_id, sealed, granted, end_row, bytes_left, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() + ${LIFE})`,
      [
        id,
        principal.issuer,
        principal.subject,
        principal.clientId,
        cursor.sessionId,
        cursor.statementId,
        cursor.queryId,
        this.#store.vault.sealText(
          cursor.sessionId,
          `cursor ${id}`,
          JSON.stringify({ statement, binds, purpose: purpose ?? null }),
        ),
        hashOf(cursor.grant),
        cursor.endRow,
        cursor.bytesLeft,
      ],
    );
    return cursorAt(id, cursor.position);
  }

  /** undefined where there is none such, it is over, or it is somebody else's. Throws RecorderUnavailable. */
  async find(principal: Principal, text: string): Promise<Cursor | undefined> {
    const [, id, position] = SHAPE.exec(text) ?? [];
    if (id === undefined || position === undefined) return undefined;
    const [found] = await this.#query(
      `UPDATE cursor SET expires_at = now() + ${LIFE}
       WHERE id = $1 AND issuer = $2 AND subject = $3 AND client_id = $4 AND expires_at > now() RETURNING *`,
      [id, principal.issuer, principal.subject, principal.clientId],
    );
    if (found === undefined) return undefined;
    const { sealed, ...cursor } = row.parse(found);
    const { sessions, vault } = this.#store;
    await sessions.learnKey(cursor.session_id);
    // A key that was erased takes the statement with it, and with that the right to read on.
    if (!vault.knows(cursor.session_id)) return undefined;
    const statement = statementOf.parse(JSON.parse(vault.openText(cursor.session_id, `cursor ${id}`, sealed)));
    return { ...cursor, ...statement, position: Number(position) };
  }

  /** Sets bytes aside for a page, before it is read: pages asked for at once share what is left. 0 where nothing is. */
  async takeBytes(id: string, most: number): Promise<number> {
    const [taken] = await this.#query(
      `UPDATE cursor c SET bytes_left = c.bytes_left - t.size
       FROM (SELECT id, least(bytes_left, $2::bigint) AS size FROM cursor WHERE id = $1 FOR UPDATE) t
       WHERE c.id = t.id RETURNING t.size`,
      [id, most],
    );
    return z.object({ size: z.coerce.number() }).parse(taken ?? { size: 0 }).size;
  }

  /** What a page did not use. */
  async giveBack(id: string, bytes: number): Promise<void> {
    if (bytes > 0) await this.#query('UPDATE cursor SET bytes_left = bytes_left + $2 WHERE id = $1', [id, bytes]);
  }
}
