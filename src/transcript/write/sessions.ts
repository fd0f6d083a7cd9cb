/**
 * A session of the transcript: what one principal does with one client in one go. The protocol has none since 2026-07-28, so
 * ours goes by the handle that an answer gave, else by the token's id and the client, within a time of quiet.
 */
import type { Pool, PoolClient } from 'pg';
import { storable } from '../form/canonical.js';
import type { Actor, ClientInfo } from '../form/event.js';
import { timeOrderedId } from '../form/ids.js';
import { clientOf, sessionKey } from '../form/projection.js';
import type { BatchesOptions } from '../read/batches.js';
import { endsWithOurs } from '../read/signed-events.js';
import { RecorderUnavailable } from './failures.js';
import { type Owner, ownerOf } from './opening.js';
import type { Recorder } from './recorder.js';
import type { ClientNames, Vault } from './vault.js';

const QUIET_MS = 30 * 60_000;
const REMEMBERED = 10_000;
/** Quiet sessions that are looked at in one go. */
const AT_ONCE = 500;
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

type Whom = Pick<Actor, 'issuer' | 'subject' | 'clientId' | 'tokenId'>;

interface Known {
  readonly id: string;
  lastSeen: number;
}

const keyOfOwner = ({ issuer, subject, clientId, tokenId, client }: Owner): string =>
  sessionKey(issuer, subject, clientId, clientOf(tokenId, client));

const isOwner = (owner: Owner, actor: Pick<Actor, 'issuer' | 'subject' | 'clientId'>): boolean =>
  owner.issuer === storable(actor.issuer) &&
  owner.subject === storable(actor.subject) &&
  owner.clientId === storable(actor.clientId);

/** Of the same principal and client, unless it is closed or its last event too long ago. */
const FIND_BY_KEY = `
  SELECT s.id FROM session s JOIN chain c ON c.session_id = s.id
  WHERE s.key = $1 AND c.is_open AND c.last_at > now() - $2 * interval '1 millisecond'
  ORDER BY s.opened_at DESC LIMIT 5`;

/** A handle serves its own principal only: of rows that say so, the signed event has to. */
const FIND_BY_HANDLE = `
  SELECT s.id FROM session s JOIN chain c ON c.session_id = s.id
  WHERE s.id = $1 AND s.issuer = $2 AND s.subject = $3 AND s.client_id = $4 AND c.is_open`;

const KEYS = 'SELECT session_id, key_id, wrapped FROM session_key WHERE session_id = ANY($1)';

/** Open sessions without an event for so long, the gateway's and operators' own left out: these end with their process. */
const QUIET = `
  SELECT c.session_id AS id FROM chain c JOIN session s ON s.id = c.session_id
  WHERE c.is_open AND s.actor = 'agent' AND c.last_at < now() - $1 * interval '1 millisecond'
    AND NOT EXISTS (SELECT FROM running r WHERE r.session_id = c.session_id) AND c.session_id > $2
  ORDER BY c.session_id LIMIT ${AT_ONCE}`;

/** Who opened a session is believed by the signatures of our keys alone. */
export interface SessionsOptions extends BatchesOptions {
  /** Hears of sessions that are not what they pass for; these are passed over. */
  readonly onForged: (problem: string) => void;
}

export class Sessions {
  readonly #pool: Pool;
  readonly #recorder: Recorder;
  readonly #vault: Vault;
  readonly #known = new Map<string, Known>();
  readonly #opening = new Map<string, Promise<string>>();
  /** Whose sessions are, as signed events say; undefined for those that nothing is written into. */
  readonly #owners = new Map<string, Owner | undefined>();
  readonly #options: SessionsOptions;
  /** Up to here sessions were looked at for quiet ones. */
  #quietUpTo = BEFORE_ALL;

  constructor(pool: Pool, recorder: Recorder, vault: Vault, options: SessionsOptions) {
    this.#pool = pool;
    this.#recorder = recorder;
    this.#vault = vault;
    this.#options = options;
  }

  /**
   * The session's id. An unknown handle, or one of somebody else, is passed over, and so is a session whose key was erased: what were written
   * into it from then on could be read by nobody. `mayOpen` is asked where a new one has to be opened, and
   * throws where none may. Throws RecorderUnavailable.
   */
  async find(
    actor: Actor,
    client: ClientInfo,
    handle: string | undefined,
    mayOpen: () => Promise<void> = () => Promise.resolve(),
  ): Promise<string> {
    const key = this.keyOf(actor, client);
    const now = Date.now();
    if (handle !== undefined) {
      const held = await this.#byHandle(actor, handle);
      if (held) return held;
    }
    const known = this.#known.get(key);
    if (known && now - known.lastSeen < QUIET_MS && (await this.#hasKey(known.id))) {
      known.lastSeen = now;
      return known.id;
    }
    const opening = this.#opening.get(key) ?? this.#open(key, actor, client, mayOpen);
    this.#opening.set(key, opening);
    try {
      const id = await opening;
      // The oldest alone: whoever has many must not make the others look theirs up again.
      const [oldest] = this.#known.keys();
      if (this.#known.size >= REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
      this.#known.set(key, { id, lastSeen: now });
      return id;
    } finally {
      this.#opening.delete(key);
    }
  }

  /** What finds a session again: by the client's name as the record has it, which may be masked there. */
  keyOf({ issuer, subject, clientId, tokenId }: Whom, client: Pick<ClientInfo, 'name' | 'version'>): string {
    return sessionKey(issuer, subject, clientId, clientOf(tokenId, this.#shown(client).name));
  }

  #shown({ name, version }: Pick<ClientInfo, 'name' | 'version'>): ClientNames {
    return this.#vault.shownClient({ name: name ?? null, version: version ?? null });
  }

  /** As `learnKeys`, of one. */
  learnKey(id: string): Promise<void> {
    return this.learnKeys([id]);
  }

  /**
   * Makes the keys of sessions known to the vault. The store is asked each time: one that was erased meanwhile, by whichever process, is
   * forgotten here as well, and opens nothing more. Throws RecorderUnavailable.
   */
  async learnKeys(ids: readonly string[], queries: Pick<Pool | PoolClient, 'query'> = this.#pool): Promise<void> {
    if (ids.length === 0) return;
    const { rows } = await queries
      .query<{ session_id: string; key_id: string; wrapped: Buffer }>({
        name: 'session_keys',
        text: KEYS,
        values: [[...new Set(ids)]],
      })
      .catch((error: unknown) => {
        throw new RecorderUnavailable(error);
      });
    const kept = new Map(rows.map((row) => [row.session_id, row]));
    for (const id of ids) {
      const row = kept.get(id);
      if (!row) this.#vault.forget(id);
      else if (!this.#vault.knows(id)) this.#vault.learn(id, { keyId: row.key_id, wrapped: row.wrapped });
    }
  }

  /** Throws RecorderUnavailable. */
  async #hasKey(id: string): Promise<boolean> {
    await this.learnKey(id);
    return this.#vault.knows(id);
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
      const id = rows[0]?.id;
      if (id === undefined || !(await this.#belongs(id, (owner) => isOwner(owner, actor)))) return undefined;
      return (await this.#hasKey(id)) ? id : undefined;
    } catch (error) {
      throw error instanceof RecorderUnavailable ? error : new RecorderUnavailable(error);
    }
  }

  async #open(key: string, actor: Actor, client: ClientInfo, mayOpen: () => Promise<void>): Promise<string> {
    const found = await this.#byKey(key);
    if (found !== undefined) return found;
    await mayOpen();
    return this.#begin(key, actor, client);
  }

  async #byKey(key: string): Promise<string | undefined> {
    try {
      const { rows } = await this.#pool.query<{ id: string }>({
        name: 'session_by_key',
        text: FIND_BY_KEY,
        values: [key, QUIET_MS],
      });
      for (const { id } of rows)
        if ((await this.#belongs(id, (owner) => keyOfOwner(owner) === key)) && (await this.#hasKey(id))) return id;
      return undefined;
    } catch (error) {
      throw error instanceof RecorderUnavailable ? error : new RecorderUnavailable(error);
    }
  }

  /** Whether a session is this principal's, as the signed event says that opened it. Throws RecorderUnavailable. */
  isOf(actor: Pick<Actor, 'issuer' | 'subject' | 'clientId'>, id: string): Promise<boolean> {
    return this.#belongs(id, (owner) => isOwner(owner, actor));
  }

  /** Where a row passes a session off as somebody's: whether it is theirs. */
  async #belongs(id: string, isTheirs: (owner: Owner) => boolean): Promise<boolean> {
    const { onForged } = this.#options;
    if (!this.#owners.has(id)) {
      const owner = await ownerOf(this.#pool, id, this.#options, onForged).catch((error: unknown) => {
        throw new RecorderUnavailable(error);
      });
      this.#remember(id, owner);
    }
    const owner = this.#owners.get(id);
    if (!owner || isTheirs(owner)) return owner !== undefined;
    onForged(
      `The row of session ${id} passes it off as somebody else's than ${owner.issuer} ${owner.subject}, who opened it: what others do is not written into it.`,
    );
    return false;
  }

  #remember(id: string, owner: Owner | undefined): void {
    const [oldest] = this.#owners.keys();
    if (this.#owners.size >= REMEMBERED && oldest !== undefined) this.#owners.delete(oldest);
    this.#owners.set(id, owner);
  }

  async #begin(key: string, actor: Actor, client: ClientInfo): Promise<string> {
    try {
      const id = timeOrderedId();
      await this.#recorder.open({
        id,
        actor: 'agent',
        issuer: actor.issuer,
        subject: actor.subject,
        clientId: actor.clientId,
        groups: actor.groups,
        tokenId: actor.tokenId,
        transport: client.transport,
        client: { name: client.name ?? null, version: client.version ?? null },
        address: client.address,
        key,
      });
      this.#remember(id, {
        issuer: storable(actor.issuer),
        subject: storable(actor.subject),
        clientId: storable(actor.clientId),
        tokenId: actor.tokenId ?? null,
        client: this.#shown(client).name,
      });
      return id;
    } catch (error) {
      throw error instanceof RecorderUnavailable ? error : new RecorderUnavailable(error);
    }
  }

  /** Closes one whose client has gone. */
  async close(id: string, reason: string): Promise<void> {
    for (const [key, known] of this.#known) if (known.id === id) this.#known.delete(key);
    await this.#recorder.append({ kind: 'session_closed', sessionId: id, statementId: undefined, body: { reason } });
  }

  /**
   * Closes those that have been quiet for too long; how many. What a session's newest event is has to be signed: whoever may append makes
   * us end nothing. Throws RecorderUnavailable.
   */
  async closeQuiet(): Promise<number> {
    try {
      // A little later than `find` gives one up: nobody who is about to use it is left with a closed one.
      const { rows } = await this.#pool.query<{ id: string }>(QUIET, [QUIET_MS + 60_000, this.#quietUpTo]);
      let closed = 0;
      for (const { id } of rows)
        if (await endsWithOurs(this.#pool, id, this.#options)) {
          await this.close(id, 'quiet');
          closed++;
        }
      // Those that stay open take nobody else's place: the next look goes on behind them.
      this.#quietUpTo = (rows.length === AT_ONCE ? rows.at(-1)?.id : undefined) ?? BEFORE_ALL;
      return closed;
    } catch (error) {
      throw error instanceof RecorderUnavailable ? error : new RecorderUnavailable(error);
    }
  }
}
