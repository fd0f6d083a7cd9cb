/**
 * Results that may be downloaded as a file, once. As with cursors, what is needed to read one stands in PostgreSQL, so that any replica can
 * give it out and no two can, and its rows stay in Snowflake. A row carries an HMAC: whoever may write there can neither point one at another
 * result nor give it to somebody else; one that was opened and is put back as unopened is found by the event of its opening.
 */
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { FORMATS, type Format } from '../../formats/index.js';
import type { Principal } from '../../identity/index.js';
import {
  asBytes,
  asTime,
  bytesOf,
  type JsonRow,
  ownRows,
  type Read,
  RecorderUnavailable,
  type SealedRows,
  type TranscriptStore,
  withClient,
} from '../../transcript/index.js';
import { FairGate } from '../../turns/index.js';
import type { Bind } from './answer.js';
import { hashOf } from './cursors.js';

const bytes = z.unknown().transform((text) => bytesOf(text) ?? Buffer.alloc(0));
const row = z.object({
  id: z.string(),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  session_id: z.string(),
  statement_id: z.string(),
  query_id: z.string(),
  format: z.enum(FORMATS),
  sealed: bytes,
  granted: bytes,
  end_row: z.number(),
  bytes: z.number(),
  opened_at: z.string().nullable(),
  expires_at: z.string(),
});
type Row = z.infer<typeof row>;

const statementOf = z.object({
  statement: z.string(),
  binds: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])),
  purpose: z.string().nullable(),
});

/** A result that is there to be opened. `client_id`: with which client it was asked for. */
export type KeptResult = Omit<Row, 'sealed' | 'opened_at' | 'expires_at' | 'issuer' | 'subject'> &
  z.infer<typeof statementOf>;

/** Whether somebody may open it, and why not: `unknown` where it is not theirs either. */
export type FoundResult =
  | { readonly state: 'kept'; readonly kept: KeptResult }
  | { readonly state: 'unknown' | 'opened' | 'expired' };

export interface NewDownload {
  readonly sessionId: string;
  readonly statementId: string;
  readonly queryId: string;
  readonly format: Format;
  readonly statement: string;
  readonly binds: readonly Bind[];
  readonly purpose: string | undefined;
  readonly grant: string;
  readonly endRow: number;
  readonly bytes: number;
}

/** Snowflake keeps a result for 24 hours; a link is for whoever asks now. */
const LIFE_MS = 3_600_000;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const OPENED = `SELECT FROM event e WHERE e.statement_id = $1 AND e.kind = 'download_opened' AND e.body->>'download' = $2 LIMIT 1`;
const UNOPENED = 't.issuer = $1 AND t.subject = $2 AND t.opened_at IS NULL AND t.expires_at > now()';
/** Of these statements what was opened. */
const OPENED_OF = `
  SELECT e.body->>'download' AS id FROM event e WHERE e.statement_id = ANY($1) AND e.kind = 'download_opened'`;
/** As those who ask people for something (approval/steps/bounds.ts): one at a time of each principal, over all replicas. */
const ALONE = `SELECT FROM approval_turn t WHERE t.n = hashtextextended($1 || ' ' || $2, 0) & 255 FOR UPDATE`;
/** Of transactions that wait for such a turn: each holds a connection meanwhile, and what others write needs some. */
const MADE_AT_ONCE = 2;
/** For so long whoever comes too late is told so. */
const FORGET = `DELETE FROM download WHERE expires_at < now() - interval '1 day'`;

/** Of one principal's, more than anybody may have. */
const MOST_COUNTED = 10_000;

/** In whole seconds: what is signed is what PostgreSQL prints. */
const inSeconds = (ms: number): string => asTime(new Date(Math.ceil(ms / 1000) * 1000));

interface Made {
  readonly id: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** Rows of nobody's count for nothing, and none of ours that was opened and put back as it was. */
async function secondsToRoom(
  sealed: SealedRows,
  client: Pick<PoolClient, 'query'>,
  { issuer, subject }: Principal,
  most: number,
): Promise<number | undefined> {
  const open = await ownRows(sealed, client, 'download', {
    condition: UNOPENED,
    values: [issuer, subject],
    order: 't.expires_at, t.id',
    most: MOST_COUNTED,
  });
  if (open.length < most) return undefined;
  const { rows } = await client.query<{ id: string }>(OPENED_OF, [open.map((own) => own['statement_id'])]);
  const opened = new Set(rows.map(({ id }) => id));
  const left = open.filter((own) => !opened.has(String(own['id'])));
  const [first] = left;
  if (!first || left.length < most) return undefined;
  return Math.max(1, Math.ceil((Date.parse(String(first['expires_at'])) - Date.now()) / 1000));
}

export class Downloads {
  readonly #store: TranscriptStore;
  readonly #making = new FairGate(MADE_AT_ONCE, 1);
  /** The row behind each as it was found. */
  readonly #found = new WeakMap<KeptResult, Read & { readonly own: JsonRow }>();

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

  /** A link, unless the principal has `most` already: then in how many seconds there is room for one. Throws RecorderUnavailable. */
  async make(principal: Principal, made: NewDownload, most: number): Promise<Made | number> {
    const id = randomUUID();
    const expiresAt = inSeconds(Date.now() + LIFE_MS);
    const { pool, rows, vault } = this.#store;
    const { statement, binds, purpose } = made;
    const text = JSON.stringify({ statement, binds, purpose: purpose ?? null });
    const seconds = await this.#alone(principal, async (client) => {
      const full = await secondsToRoom(rows, client, principal, most);
      if (full === undefined)
        await rows.put(client, 'download', {
          id,
          issuer: principal.issuer,
          subject: principal.subject,
          client_id: principal.clientId,
          session_id: made.sessionId,
          statement_id: made.statementId,
          query_id: made.queryId,
          format: made.format,
          sealed: asBytes(vault.sealText(made.sessionId, `download ${id}`, text)),
          granted: asBytes(hashOf(made.grant)),
          end_row: made.endRow,
          bytes: made.bytes,
          opened_at: null,
          expires_at: expiresAt,
        });
      return full;
    });
    if (seconds !== undefined) return seconds;
    await this.#do(() => pool.query(FORGET));
    return { id, expiresAt: new Date(expiresAt).toISOString() };
  }

  /** A transaction during which nobody else makes a link of this principal's. */
  async #alone<T>({ issuer, subject }: Principal, work: (client: PoolClient) => Promise<T>): Promise<T> {
    using _place = await this.#making.enter(`${issuer} ${subject}`);
    return await this.#do(() =>
      withClient(this.#store.pool, async (client) => {
        await client.query('BEGIN');
        if ((await client.query(ALONE, [issuer, subject])).rowCount !== 1)
          throw new Error('A row of approval_turn is gone.');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      }),
    );
  }

  /** How long until a principal that has as many links as they may have one less; undefined where they may have more. Throws RecorderUnavailable. */
  secondsToRoom(principal: Principal, most: number): Promise<number | undefined> {
    return this.#do(() => secondsToRoom(this.#store.rows, this.#store.pool, principal, most));
  }

  /** What somebody may open under an id. Somebody else's is unknown to them. Throws RecorderUnavailable. */
  async find({ issuer, subject }: Principal, id: string): Promise<FoundResult> {
    if (!ID.test(id)) return { state: 'unknown' };
    const { pool, rows, sessions, vault } = this.#store;
    const [read] = await this.#do(() => rows.read(pool, 'download', 'WHERE t.id = $1', [id]));
    if (!read?.own) return { state: 'unknown' };
    const { sealed, opened_at: openedAt, expires_at: expiresAt, ...found } = row.parse(read.own);
    if (found.issuer !== issuer || found.subject !== subject) return { state: 'unknown' };
    if (openedAt !== null) return { state: 'opened' };
    if (Date.parse(expiresAt) <= Date.now()) return { state: 'expired' };
    const { session_id: session, statement_id: statement, client_id: clientId } = found;
    const { rowCount } = await this.#do(() =>
      pool.query({ name: 'download_opened', text: OPENED, values: [statement, id] }),
    );
    if (rowCount !== 0) {
      rows.tellOld('download', read.own, 'it was opened since');
      return { state: 'opened' };
    }
    // What is given out is recorded in its session: whatever the row says, that is the principal's own.
    if (!(await sessions.isOf({ issuer, subject, clientId }, session))) return { state: 'unknown' };
    await sessions.learnKey(session);
    // A key that was erased takes the statement with it, and with that its result.
    if (!vault.knows(session)) return { state: 'unknown' };
    const opened = statementOf.parse(JSON.parse(vault.openText(session, `download ${id}`, sealed)));
    const { issuer: _issuer, subject: _subject, ...rest } = found;
    const kept: KeptResult = { ...rest, ...opened };
    this.#found.set(kept, { found: read.found, own: read.own });
    return { state: 'kept', kept };
  }

  /** Uses it up, for exactly one caller. False where another was quicker, or its time is over. Throws RecorderUnavailable. */
  async open(kept: KeptResult): Promise<boolean> {
    const found = this.#found.get(kept);
    if (!found) return false;
    this.#found.delete(kept);
    const own = { ...found.own, opened_at: inSeconds(Date.now()) };
    const { pool, rows } = this.#store;
    const still = 'AND t.opened_at IS NULL AND t.expires_at > now()';
    return (await this.#do(() => rows.swap(pool, 'download', found.found, own, still))) !== undefined;
  }
}
