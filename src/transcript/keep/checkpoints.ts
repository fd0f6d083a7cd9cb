/**
 * Checkpoints: every minute, and at the end, the heads of all chains that have moved become leaves of one tree, and its root is signed.
 * From then on no event up to there can be changed, left out or put in without the signature telling. Nothing is signed unread: see
 * notary.ts.
 */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { type RecordKeys, trustedKeys } from '../form/keys.js';
import { type Leaf, leafText } from '../form/leaf.js';
import { openCheckpoint, signCheckpoint } from '../form/note.js';
import { Frontier, leafHash } from '../form/tree.js';
import { LEAF_COLUMNS } from '../read/columns.js';
import { isKeptOut } from '../store/client.js';
import { alone } from '../store/lock.js';
import { inSnapshot, rowsOf } from '../store/snapshot.js';
import type { Recorder } from '../write/recorder.js';
import {
  coveredWriters,
  Difference,
  knowsWriters,
  type NewHead,
  readHeads,
  readWriters,
  rememberWriters,
} from './notary.js';
import { type NotaryHead, readNotaryState, writeNotaryState } from './notary-state.js';

const HEADS_AT_ONCE = 5000;

const LAST = 'SELECT c.size::float8 AS size, c.note, c.frontier FROM checkpoint c ORDER BY c.size DESC LIMIT 1';
const LEAVES = `SELECT ${LEAF_COLUMNS} FROM leaf l WHERE l.position >= $1 AND l.position < $2 ORDER BY l.position`;
const LEAF_COUNT = 'SELECT coalesce(max(l.position) + 1, 0)::float8 AS n FROM leaf l';
const TAKE = 'SELECT take_heads($1, $2, $3)';
const COVER = 'SELECT cover_heads($1)';
const SAVE = 'INSERT INTO checkpoint (size, note, frontier) VALUES ($1, $2, $3)';
const HEADS = `
  SELECT e.session_id AS session, encode(e.hash, 'hex') AS hash
  FROM unnest($1::uuid[], $2::bigint[]) AS known (session, length)
  JOIN event e ON e.session_id = known.session AND e.position = known.length - 1`;

const leavesRow = z.object({ n: z.number() });
const lastRow = z.object({ size: z.number(), note: z.string(), frontier: z.instanceof(Buffer) });

export interface CheckpointPlace {
  /** Takes a signed checkpoint to where the database can't reach it. */
  readonly put: (note: string) => Promise<void>;
  readonly name: string;
}

export interface CheckpointsOptions {
  /** Of the notary's role; lends two connections at a time. */
  readonly pool: Pool;
  readonly keys: RecordKeys;
  readonly recorder: Recorder;
  readonly places: readonly CheckpointPlace[];
  /** Where the notary keeps its last head; undefined for nowhere but in memory. */
  readonly state?: string | undefined;
  /** Hashes of events that are known to be none of ours. */
  readonly forged?: ReadonlySet<string>;
  readonly onProblem: (problem: string, error?: unknown) => void;
  /** From then on nothing is signed any more by this process. */
  readonly onIntegrityProblem: (problem: string) => void;
  /** There was a store with checkpoints, and no word of an earlier notary: what is there is taken for true. */
  readonly onTrusted?: (size: number) => void;
}

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  /** The last that was put into each place. */
  readonly #put = new Map<string, string>();
  /** The last that was signed or followed; undefined before the first, or before the file was read. */
  #head: NotaryHead | undefined;
  #isLoaded = false;
  /** The note that the file has. */
  #kept: string | undefined;
  #stopped: string | undefined;
  #pulse = 0;
  /** The last look did not come to its end: reading the same once more is no progress. */
  #hasFailed = false;
  #isKeptWaiting = false;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** Why nothing is signed any more; undefined where all is well. */
  get stopped(): string | undefined {
    return this.#stopped;
  }

  readonly #beat = (): void => {
    if (!this.#hasFailed) this.#pulse++;
  };

  /** Changes as long as this process gets on with reading. */
  get pulse(): number {
    return this.#pulse;
  }

  /** Another process had the turn when this one wanted it last. */
  get isKeptWaiting(): boolean {
    return this.#isKeptWaiting;
  }

  /** Of a checkpoint that was signed with our key; undefined for one that was not. */
  sizeOf(note: string): number | undefined {
    try {
      return openCheckpoint(note, trustedKeys(this.#options.keys)).size;
    } catch {
      return undefined;
    }
  }

  /**
   * The newest checkpoint: a new one if anything has happened; undefined if another process is at it, nothing ever happened, or the store
   * is not what was written.
   */
  async make(): Promise<string | undefined> {
    this.#isKeptWaiting = false;
    if (this.#stopped !== undefined) return undefined;
    try {
      await this.#load();
      await this.#compare();
      let hasTurn = false;
      const head = await alone(this.#options.pool, 'notary_turn', (client) => {
        hasTurn = true;
        return inSnapshot(this.#options.pool, (snapshot) => this.#advance(snapshot, client));
      });
      // It holds: only now is it what others are held against.
      if (head) await this.#remember(head);
      this.#isKeptWaiting = !hasTurn;
      this.#hasFailed = false;
      if (head) await this.#publish(head.note);
      return head?.note;
    } catch (error) {
      this.#hasFailed = true;
      // Who may not read the record can't sign it: somebody hides rows, or took rights away.
      if (isKeptOut(error)) this.#stopped = `The notary is kept out: ${error.message}.`;
      else if (error instanceof Difference) this.#stopped = error.message;
      else throw error;
      this.#options.onIntegrityProblem(this.#stopped);
      return undefined;
    }
  }

  async #load(): Promise<void> {
    const { state } = this.#options;
    if (this.#isLoaded || state === undefined) return;
    let head: NotaryHead | undefined;
    try {
      head = await readNotaryState(state);
    } catch (error) {
      throw new Difference(
        `What the notary kept in ${state} can not be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    if (head && !this.#isOurs(head)) throw new Difference(`What the notary kept in ${state} is not what it signed.`);
    this.#head = head;
    this.#kept = head?.note;
    this.#isLoaded = true;
  }

  /** What this process has written is still there. Throws Difference. */
  async #compare(): Promise<void> {
    const { pool, recorder } = this.#options;
    const known = recorder.takeHeads();
    if (known.length === 0) return;
    const { rows } = await pool.query<{ session: string; hash: string }>(HEADS, [
      known.map(([session]) => session),
      known.map(([, { length }]) => length),
    ]);
    const stored = new Map(rows.map(({ session, hash }) => [session, hash]));
    for (const [session, { length, hash }] of known)
      if (stored.get(session) !== hash)
        throw new Difference(`Event ${length - 1} of session ${session} is not what this gateway wrote, or is gone.`);
  }

  /** What is new is read in the snapshot, and taken up and signed in the client's transaction, or not at all. Throws Difference. */
  async #advance(snapshot: PoolClient, client: PoolClient): Promise<NotaryHead | undefined> {
    const before = await this.#continued(snapshot);
    const writers = await this.#writers(snapshot, client, before);
    return this.#sign(snapshot, client, before, writers);
  }

  /** The newest checkpoint of the store, which continues what was signed or followed last. Throws Difference. */
  async #continued(snapshot: PoolClient): Promise<NotaryHead | undefined> {
    const known = this.#head;
    const last = lastRow.optional().parse((await snapshot.query(LAST)).rows[0]);
    const leaves = leavesRow.parse((await snapshot.query(LEAF_COUNT)).rows[0]).n;
    const covered = last?.size ?? 0;
    if (leaves > covered)
      throw new Difference(`There are ${leaves} leaves in the tree, and the newest checkpoint covers ${covered}.`);
    if (last === undefined) {
      if (known) throw new Difference(`The store has no checkpoint, and there was one of size ${known.frontier.size}.`);
      return undefined;
    }
    const { size, note, frontier } = last;
    const head = { note, frontier: Frontier.decode(size, frontier) };
    if (!this.#isOurs(head))
      throw new Difference('The last checkpoint in the store is not one that was signed with our key.');
    if (known === undefined) {
      this.#options.onTrusted?.(size);
      return head;
    }
    if (size < known.frontier.size)
      throw new Difference(
        `The store was rolled back: its newest checkpoint is of size ${size}, and there was one of size ${known.frontier.size}.`,
      );
    const grown = known.frontier.copy();
    await this.#grow(snapshot, grown, size);
    if (!grown.root().equals(head.frontier.root()))
      throw new Difference(
        `The store was rolled back and went on differently: its tree of size ${size} does not continue the one of size ${known.frontier.size}.`,
      );
    return head;
  }

  /** By the leaves that the store has, up to a size. Throws Difference. */
  async #grow(client: PoolClient, frontier: Frontier, size: number): Promise<void> {
    if (frontier.size === size) return;
    for await (const rows of rowsOf<Leaf & { position: number }>(client, LEAVES, [frontier.size, size]))
      for (const { position, ...leaf } of rows) {
        this.#beat();
        if (position !== frontier.size) throw new Difference(`Leaf ${frontier.size} of the tree is gone.`);
        frontier.push(leafHash(leafText(leaf)));
      }
    if (frontier.size !== size) throw new Difference(`Leaf ${frontier.size} of the tree is gone.`);
  }

  async #writers(
    snapshot: PoolClient,
    client: PoolClient,
    before: NotaryHead | undefined,
  ): Promise<ReadonlyMap<string, number>> {
    const { keys, forged = new Set() } = this.#options;
    if (before && !(await knowsWriters(client))) {
      // A store of before there was such a list; from then on it is never empty.
      if (this.#head !== undefined) throw new Difference('What was read of each writer is gone from the store.');
      await rememberWriters(client, await coveredWriters(snapshot), keys);
    }
    return readWriters(snapshot, client, { keys: trustedKeys(keys), forged, onRead: this.#beat });
  }

  /** `before` where there is nothing new. */
  async #sign(
    snapshot: PoolClient,
    client: PoolClient,
    before: NotaryHead | undefined,
    writers: ReadonlyMap<string, number>,
  ): Promise<NotaryHead | undefined> {
    const { keys } = this.#options;
    const first = before?.frontier.size ?? 0;
    const frontier = before?.frontier.copy() ?? Frontier.empty();
    const at = new Date().toISOString();
    let some: NewHead[] = [];
    const take = async (): Promise<void> => {
      if (some.length === 0) return;
      const heads = some.map(({ session, length, hash }) => ({ s: session, l: length, h: hash }));
      await client.query(TAKE, [frontier.size, JSON.stringify(heads), at]);
      // The leaves that are signed are those that were read here, whatever the store makes of them.
      for (const head of some) frontier.push(leafHash(leafText({ ...head, at })));
      some = [];
    };
    for await (const head of readHeads(snapshot, this.#beat)) {
      some.push(head);
      if (some.length === HEADS_AT_ONCE) await take();
    }
    await take();
    if (frontier.size === first) return before;
    const note = signCheckpoint({ origin: keys.origin, size: frontier.size, root: frontier.root() }, keys.signing);
    await client.query(SAVE, [frontier.size, note, frontier.encode()]);
    await rememberWriters(client, writers, keys);
    await client.query(COVER, [first]);
    await this.#readBack(client, before, { note, frontier });
    return { note, frontier };
  }

  /** A trigger or a rule may have changed what was written, or left it out. Throws Difference. */
  async #readBack(client: PoolClient, before: NotaryHead | undefined, head: NotaryHead): Promise<void> {
    const grown = before?.frontier.copy() ?? Frontier.empty();
    await this.#grow(client, grown, head.frontier.size);
    const row = (await client.query(LAST)).rows[0];
    const last = row === undefined ? undefined : lastRow.parse(row);
    if (!grown.root().equals(head.frontier.root()) || last?.note !== head.note)
      throw new Difference('The store has written another checkpoint than it was given.');
  }

  async #remember(head: NotaryHead): Promise<void> {
    this.#head = head;
    const { state, onProblem } = this.#options;
    if (state === undefined || this.#kept === head.note) return;
    try {
      await writeNotaryState(state, head);
      this.#kept = head.note;
    } catch (error) {
      onProblem(`The notary could not keep its last head in ${state}; it is tried again.`, error);
    }
  }

  #isOurs({ note, frontier }: NotaryHead): boolean {
    try {
      const { size, root } = openCheckpoint(note, trustedKeys(this.#options.keys));
      return size === frontier.size && root.equals(frontier.root());
    } catch {
      return false;
    }
  }

  async #publish(note: string): Promise<void> {
    for (const place of this.#options.places) {
      if (this.#put.get(place.name) === note) continue;
      try {
        await place.put(note);
        this.#put.set(place.name, note);
      } catch (error) {
        this.#options.onProblem(`A checkpoint could not be put into ${place.name}; the next one covers it.`, error);
      }
    }
  }
}
