/**
 * A session of the transcript: what one principal does with one client in one go. The protocol has none since 2026-07-28, so
 * ours goes by the handle that an answer gave, else by the token's id, else by principal and client within a time of quiet.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Actor, ClientInfo } from './event.js';
import { type Recorder, RecorderUnavailable } from './recorder.js';

const QUIET_MS = 30 * 60_000;
const REMEMBERED = 10_000;

interface Known {
  readonly id: string;
  lastSeen: number;
}

const keyOf = (actor: Actor, client: ClientInfo): string =>
  createHash('sha256')
    .update(JSON.stringify([actor.issuer, actor.subject, actor.clientId, actor.tokenId ?? client.name ?? '']))
    .digest('base64url');

/** Of the same principal and client, unless the last event is too long ago. */
const FIND_BY_KEY = `
  SELECT s.id FROM session s
  WHERE s.key = $1 AND greatest(s.opened_at, (SELECT max(e.at) FROM event e WHERE e.session_id = s.id)) > now() - $2 * interval '1 millisecond'
  ORDER BY s.opened_at DESC LIMIT 1`;

/** A handle serves its own principal only. */
const FIND_BY_HANDLE = 'SELECT id FROM session WHERE id = $1 AND issuer = $2 AND subject = $3 AND client_id = $4';

const OPEN = `
  INSERT INTO session (id, issuer, subject, client_id, groups, token_id, transport, client, address, key)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;

export class Sessions {
  readonly #pool: Pool;
  readonly #recorder: Recorder;
  readonly #known = new Map<string, Known>();
  readonly #opening = new Map<string, Promise<string>>();

  constructor(pool: Pool, recorder: Recorder) {
    this.#pool = pool;
    this.#recorder = recorder;
  }

  /** The session's id. An unknown handle, or one of somebody else, is passed over. Throws RecorderUnavailable. */
  async find(actor: Actor, client: ClientInfo, handle: string | undefined): Promise<string> {
    const key = keyOf(actor, client);
    const now = Date.now();
    if (handle !== undefined) {
      const held = await this.#byHandle(actor, handle);
      if (held) return held;
    }
    const known = this.#known.get(key);
    if (known && now - known.lastSeen < QUIET_MS) {
      known.lastSeen = now;
      return known.id;
    }
    const opening = this.#opening.get(key) ?? this.#open(key, actor, client);
    this.#opening.set(key, opening);
    try {
      const id = await opening;
      if (this.#known.size >= REMEMBERED) this.#known.clear();
      this.#known.set(key, { id, lastSeen: now });
      return id;
    } finally {
      this.#opening.delete(key);
    }
  }

  async #byHandle(actor: Actor, handle: string): Promise<string | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(handle)) return undefined;
    try {
      const values = [handle, actor.issuer, actor.subject, actor.clientId];
      const { rows } = await this.#pool.query<{ id: string }>({
        name: 'session_by_handle',
        text: FIND_BY_HANDLE,
        values,
      });
      return rows[0]?.id;
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  async #open(key: string, actor: Actor, client: ClientInfo): Promise<string> {
    try {
      const { rows } = await this.#pool.query<{ id: string }>({
        name: 'session_by_key',
        text: FIND_BY_KEY,
        values: [key, QUIET_MS],
      });
      const found = rows[0]?.id;
      if (found) return found;
      const id = randomUUID();
      const about = { name: client.name ?? null, version: client.version ?? null };
      const values = [
        id,
        actor.issuer,
        actor.subject,
        actor.clientId,
        actor.groups,
        actor.tokenId ?? null,
        client.transport,
        about,
        client.address ?? null,
        key,
      ];
      await this.#pool.query({ name: 'session_open', text: OPEN, values });
      await this.#recorder.append({
        kind: 'session_opened',
        sessionId: id,
        statementId: undefined,
        body: {
          issuer: actor.issuer,
          subject: actor.subject,
          client_id: actor.clientId,
          groups: actor.groups,
          token_id: actor.tokenId ?? null,
          transport: client.transport,
          client: about,
          address: client.address ?? null,
        },
      });
      return id;
    } catch (error) {
      throw error instanceof RecorderUnavailable ? error : new RecorderUnavailable(error);
    }
  }
}
