/**
 * What people typed, as the hooks of their clients report it: written down in a session of the principal's own, and found again for the
 * statements that come after it, by whichever gateway these come to. Only signed events are believed.
 */
import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Actor, RawEvent } from '../form/event.js';
import { timeOrderedId } from '../form/ids.js';
import type { BatchesOptions } from '../read/batches.js';
import { EVENT_COLUMNS } from '../read/columns.js';
import { TIED_MS } from '../read/reader.js';
import { isOursHere } from '../read/signed-events.js';
import { RecorderUnavailable } from './failures.js';
import type { Recorder } from './recorder.js';
import type { Sessions } from './sessions.js';
import type { Vault } from './vault.js';

/** Whose places are compared, and those that are looked at. */
const COMPARED = 1000;
const LOOKED_AT = 5;
const REMEMBERED = 1000;
/** Characters that are remembered of one: more than a statement's event keeps, so that it is cut there after it was looked through. */
const MAX_REMEMBERED_TEXT = 8000;

/** Stands where the client's name does. */
const CLIENT = { transport: 'hook', name: 'reported prompts', version: undefined };

/** What a hook says. */
export interface PromptReport {
  readonly text: string;
  /** Where its client works, as a digest: tells the prompts of two projects from each other that go by one name. */
  readonly place: string | undefined;
  /** What the client calls its session. */
  readonly conversation: string | undefined;
  /** It came by the `connect` that the client has started: nothing but that says its place, and no other client can be meant. */
  readonly isByConnect?: boolean;
}

/** One that was reported. */
export interface PromptFound {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  /** Its beginning. */
  readonly text: string;
  /** UTF-16 units of the whole. */
  readonly length: number;
}

/** Why none of several is tied: they come from several conversations of one place, or from several places. */
export type Untied = 'conversations' | 'places';

/** What a statement says of where it comes from: its place as the hook says it, and what the client calls the conversation. */
export interface Whence {
  readonly place: string | undefined;
  readonly conversation: string | undefined;
}

/**
 * Of the newest those that may be meant, with how many places and conversations they come from; those without one are one of their own. What
 * came by a `connect` is of its folder: whoever says no place is another client.
 */
const NEWEST = `
  WITH told AS (
    SELECT e.session_id, e.position, e.sequence, e.body ->> 'place' AS place, e.body ->> 'conversation' AS conversation
    FROM session s JOIN chain c ON c.session_id = s.id JOIN event e ON e.session_id = s.id
    WHERE s.key = $1 AND c.last_at > now() - $2 * interval '1 millisecond'
      AND e.kind = 'prompt_reported' AND e.at > now() - $2 * interval '1 millisecond'
      AND ($3::text IS NOT NULL OR e.body ->> 'via' IS DISTINCT FROM 'connect')
      AND ($4::text IS NULL OR e.body ->> 'conversation' = $4)
    ORDER BY e.sequence DESC LIMIT ${COMPARED}
  ), places AS (SELECT count(DISTINCT coalesce(place, '')) AS n, coalesce(bool_or(place IS NULL), false) AS has_none FROM told),
  meant AS (SELECT t.* FROM told t, places p WHERE t.place = $3 OR (p.n = 1 AND ($3::text IS NULL OR p.has_none)))
  SELECT m.session_id AS session, m.position::float8 AS position,
    p.n > 1 AND ($3::text IS NULL OR p.has_none) AS is_of_places,
    (SELECT count(DISTINCT coalesce(conversation, '')) > 1 FROM meant) AS is_of_conversations
  FROM places p LEFT JOIN LATERAL (SELECT * FROM meant ORDER BY sequence DESC LIMIT ${LOOKED_AT}) m ON true
  ORDER BY m.sequence DESC`;
const meantRow = z.object({
  session: z.string().nullable(),
  position: z.number().nullable(),
  is_of_places: z.boolean(),
  is_of_conversations: z.boolean(),
});

const ONE = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position = $2`;
const promptBody = z.object({
  id: z.string(),
  prompt: z.string(),
  prompt_length: z.number(),
  principal: z.object({ issuer: z.string(), subject: z.string(), client_id: z.string() }),
});

type Whose = Pick<Actor, 'issuer' | 'subject' | 'clientId'>;

const nameOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

export class Prompts {
  readonly #pool: Pool;
  readonly #recorder: Recorder;
  readonly #sessions: Sessions;
  readonly #vault: Vault;
  readonly #proving: BatchesOptions;
  readonly #known = new Map<string, PromptFound | undefined>();

  constructor(pool: Pool, recorder: Recorder, sessions: Sessions, vault: Vault, proving: BatchesOptions) {
    this.#pool = pool;
    this.#recorder = recorder;
    this.#sessions = sessions;
    this.#vault = vault;
    this.#proving = proving;
  }

  /** Durable once this resolves: its id. `mayOpen` as for sessions. Throws RecorderUnavailable. */
  async report(
    actor: Actor,
    address: string | undefined,
    { text, place, conversation, isByConnect = false }: PromptReport,
    mayOpen: () => Promise<void>,
  ): Promise<string> {
    // One session for all tokens of a principal: a hook's is another than its client's.
    const session = await this.#sessions.find(
      { ...actor, tokenId: undefined },
      { ...CLIENT, address },
      undefined,
      mayOpen,
    );
    const id = timeOrderedId();
    const { issuer, subject, clientId } = actor;
    await this.#recorder.append({
      kind: 'prompt_reported',
      sessionId: session,
      statementId: undefined,
      body: {
        id,
        source: 'hook',
        prompt: text,
        prompt_length: text.length,
        // As one of the conversation: a client says which place it is, and whatever it says is no text that is kept.
        place: place === undefined ? null : nameOf(place),
        ...(isByConnect ? { via: 'connect' } : {}),
        // What the client calls it is a name for the same, and no text of anybody's.
        conversation: conversation === undefined ? null : nameOf(conversation),
        principal: { issuer, subject, client_id: clientId },
      },
    });
    return id;
  }

  /**
   * The newest that belongs to what a principal does now; undefined where there is none. Where it can't be told which of several is meant,
   * why: a caller that does not say its place while prompts come from more than one, or not its conversation while those of its place do.
   * Throws RecorderUnavailable.
   */
  async newest(whose: Whose, { place, conversation }: Whence): Promise<PromptFound | Untied | undefined> {
    try {
      const { rows } = await this.#pool.query({
        name: 'newest_prompts',
        text: NEWEST,
        values: [
          this.#sessions.keyOf({ ...whose, tokenId: undefined }, CLIENT),
          TIED_MS,
          place === undefined ? null : nameOf(place),
          conversation === undefined ? null : nameOf(conversation),
        ],
      });
      const meant = rows.map((row) => meantRow.parse(row));
      for (const { session, position, is_of_places: isOfPlaces, is_of_conversations: isOfConversations } of meant) {
        if (isOfConversations) return 'conversations';
        if (session === null || position === null) return isOfPlaces ? 'places' : undefined;
        const found = await this.#read(whose, session, position);
        if (found) return found;
      }
      return undefined;
    } catch (error) {
      throw error instanceof RecorderUnavailable ? error : new RecorderUnavailable(error);
    }
  }

  /** undefined where nothing proves that this principal reported it. */
  async #read(whose: Whose, session: string, position: number): Promise<PromptFound | undefined> {
    const key = `${session} ${position}`;
    await this.#sessions.learnKey(session);
    // What was opened while its key was there is not given on once that was erased.
    if (!this.#vault.knows(session)) this.#known.delete(key);
    else if (this.#known.has(key)) return this.#known.get(key);
    const { rows } = await this.#pool.query<RawEvent>({ name: 'one_event', text: ONE, values: [session, position] });
    const [event] = rows;
    const isTheirs = (await this.#sessions.isOf(whose, session)) && event && event.kind === 'prompt_reported';
    if (!isTheirs || !(await isOursHere(this.#pool, event, this.#proving))) return undefined;
    const opened = this.#vault.open(session, null, JSON.parse(event.body) as Readonly<Record<string, unknown>>);
    const { data } = promptBody.safeParse(opened.body);
    const found = data && {
      id: data.id,
      at: event.at,
      text: data.prompt.slice(0, MAX_REMEMBERED_TEXT),
      length: data.prompt_length,
    };
    const [oldest] = this.#known.keys();
    if (this.#known.size >= REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(key, found);
    return found;
  }
}
