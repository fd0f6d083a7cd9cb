/**
 * Checkpoints: every minute, and at the end, the heads of all chains that have moved become leaves of one tree, and its root is signed.
 * From then on no event up to there can be changed, left out or put in without the signature telling.
 */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { canonical } from './canonical.js';
import type { RecordKeys, VerifierKey } from './keys.js';
import { alone } from './lock.js';
import { encodeVerifierKey, openCheckpoint, signCheckpoint } from './note.js';
import { timeText } from './reader.js';
import type { Recorder } from './recorder.js';
import { Frontier, leafHash } from './tree.js';

const LOCK = 7_016_645;
/** More than a store has sessions that moved in a minute; what is left over is taken up by the next checkpoint. */
const HEADS_AT_ONCE = 1_000_000;
const LEAVES_AT_ONCE = 50_000;

export interface Leaf {
  readonly session: string;
  readonly length: number;
  /** Hexadecimal. */
  readonly hash: string;
  readonly at: string;
}

/** A leaf's bytes: canonical JSON. */
export const leafText = ({ session, length, hash, at }: Leaf): string => canonical({ at, hash, length, session });

const LAST = 'SELECT c.size::float8 AS size, c.note, c.frontier FROM checkpoint c ORDER BY c.size DESC LIMIT 1';
/** Of `leaf l`; as with events, whoever orders names the column by its table. */
export const LEAF_COLUMNS = `l.position::float8 AS position, l.session_id AS session, l.length::float8 AS length, encode(l.hash, 'hex') AS hash, ${timeText('l.at')} AS at`;
const LEAVES = `SELECT ${LEAF_COLUMNS} FROM leaf l WHERE l.position >= $1 ORDER BY l.position LIMIT $2`;
const SAVE = 'INSERT INTO checkpoint (size, note, frontier) VALUES ($1, $2, $3)';
const HEADS = `
  SELECT e.session_id AS session, encode(e.hash, 'hex') AS hash
  FROM unnest($1::uuid[], $2::bigint[]) AS known (session, length)
  JOIN event e ON e.session_id = known.session AND e.position = known.length - 1`;

const lastRow = z.object({ size: z.number(), note: z.string(), frontier: z.instanceof(Buffer) });

export interface CheckpointPlace {
  /** Takes a signed checkpoint to where the database can't reach it. */
  readonly put: (note: string) => Promise<void>;
  readonly name: string;
}

export interface CheckpointsOptions {
  readonly pool: Pool;
  readonly keys: RecordKeys;
  readonly recorder: Recorder;
  readonly places: readonly CheckpointPlace[];
  readonly onProblem: (problem: string, error?: unknown) => void;
  readonly onIntegrityProblem: (problem: string) => void;
}

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  /** The last that was put into each place. */
  readonly #put = new Map<string, string>();

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** The newest checkpoint: a new one if anything has happened; undefined if another process is at it, or nothing ever happened. */
  async make(): Promise<string | undefined> {
    const { pool } = this.#options;
    await this.#compare();
    const note = await alone(pool, LOCK, (client) => this.#inTransaction(client));
    if (note !== undefined) await this.#publish(note);
    return note;
  }

  /** What this process has written is still there. */
  async #compare(): Promise<void> {
    const { pool, recorder, onIntegrityProblem } = this.#options;
    const known = recorder.takeHeads();
    if (known.length === 0) return;
    const { rows } = await pool.query<{ session: string; hash: string }>(HEADS, [
      known.map(([session]) => session),
      known.map(([, { length }]) => length),
    ]);
    const stored = new Map(rows.map(({ session, hash }) => [session, hash]));
    for (const [session, { length, hash }] of known)
      if (stored.get(session) !== hash)
        onIntegrityProblem(`Event ${length - 1} of session ${session} is not what this gateway wrote, or is gone.`);
  }

  /** Heads are taken up and signed at once, or not at all. */
  async #inTransaction(client: PoolClient): Promise<string | undefined> {
    await client.query('BEGIN');
    try {
      const note = await this.#advance(client);
      await client.query(note === undefined ? 'ROLLBACK' : 'COMMIT');
      return note;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  async #advance(client: PoolClient): Promise<string | undefined> {
    const { keys, onIntegrityProblem } = this.#options;
    const last = (await client.query(LAST)).rows[0];
    const before = last === undefined ? undefined : lastRow.parse(last);
    const frontier = before ? Frontier.decode(before.size, before.frontier) : Frontier.empty();
    if (before && !this.#isOurs(before.note, frontier)) {
      // Never sign what does not continue what was signed.
      onIntegrityProblem(
        'The last checkpoint in the store is not one that was signed with our key, so no new one is signed.',
      );
      return undefined;
    }
    await client.query('SELECT count(*) FROM take_heads($1)', [HEADS_AT_ONCE]);
    for (;;) {
      const { rows } = await client.query<Leaf & { position: number }>(LEAVES, [frontier.size, LEAVES_AT_ONCE]);
      for (const leaf of rows) {
        if (leaf.position !== frontier.size) {
          onIntegrityProblem(`Leaf ${frontier.size} of the tree is gone, so no checkpoint is signed.`);
          return undefined;
        }
        frontier.push(leafHash(leafText(leaf)));
      }
      if (rows.length < LEAVES_AT_ONCE) break;
    }
    if (before && frontier.size === before.size) return before.note;
    if (frontier.size === 0) return undefined;
    const note = signCheckpoint({ origin: keys.origin, size: frontier.size, root: frontier.root() }, keys.signing);
    await client.query(SAVE, [frontier.size, note, frontier.encode()]);
    return note;
  }

  #isOurs(note: string, frontier: Frontier): boolean {
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

/** Our own key, and those before it. */
export const trustedKeys = (keys: RecordKeys): readonly VerifierKey[] => [
  { name: keys.origin, key: keys.signing },
  ...keys.formerly,
];

/** The public key that verifies what these keys sign. */
export const verifierKeyOf = (keys: RecordKeys): string => encodeVerifierKey(keys.origin, keys.signing);
