/**
 * The transcript's writer. `append` resolves when the event is durable (committed with `synchronous_commit` on), and not before.
 * Sessions are spread over some lanes, each a connection and a name of its own; one session's events always take the same.
 */
import type { Pool } from 'pg';
import type { Event, Lease } from '../form/event.js';
import { ScanBudgets, type Taken } from '../rows/scan-budgets.js';
import type { SealedRows } from '../rows/sealed.js';
import type { Count } from './batch.js';
import { RecorderUnavailable } from './failures.js';
import type { Head } from './heads.js';
import { Lane, type RecorderOptions } from './lane.js';
import type { NewSession } from './new-session.js';

const IS_ALIVE = 'SELECT FROM writer WHERE id = $1 AND settled_at IS NULL';
/** Answers those that nobody took for dead. */
const BEAT = 'UPDATE writer SET seen_at = now() WHERE id = ANY($1) AND settled_at IS NULL RETURNING id';

export class Recorder {
  readonly #pool: Pool;
  readonly #lanes: readonly [Lane, ...Lane[]];
  readonly #budgets: ScanBudgets;
  #heardAt = Date.now();

  constructor(pool: Pool, rows: SealedRows, options: RecorderOptions, lanes: number) {
    this.#pool = pool;
    this.#budgets = new ScanBudgets(pool, rows);
    const more = Array.from({ length: lanes - 1 }, () => new Lane(pool, options));
    this.#lanes = [new Lane(pool, options), ...more];
  }

  /** What belongs to no session of an agent is of the first lane's own. */
  #laneOf(session: string | undefined): Lane {
    const [first] = this.#lanes;
    if (session === undefined) return first;
    return this.#lanes[Number.parseInt(session.slice(-4), 16) % this.#lanes.length] ?? first;
  }

  /** Whether the last writes worked. */
  get isHealthy(): boolean {
    return this.#lanes.every(({ isHealthy }) => isHealthy);
  }

  /** The name under which events of a session are written at present: a session of its own; undefined before the first. */
  writerOf(session: string | undefined): string | undefined {
    return this.#laneOf(session).writer;
  }

  /** Hears which sessions have new events. */
  onWritten(listener: (sessions: readonly string[]) => void): void {
    for (const lane of this.#lanes) lane.onWritten(listener);
  }

  /**
   * Resolves once the event is durable: with the number of statements of this hour where a principal is given to count, else with
   * undefined. Throws RecorderUnavailable.
   */
  append(event: Event, count?: Count): Promise<number | undefined> {
    return this.#laneOf(event.sessionId).append(event, count);
  }

  /** Several events of one session that belong together, written at once. Throws RecorderUnavailable. */
  appendAll(events: readonly Event[]): Promise<void> {
    return this.#laneOf(events[0]?.sessionId).appendAll(events);
  }

  /** A new session with its first event. Throws RecorderUnavailable. */
  open(session: NewSession): Promise<void> {
    return this.#laneOf(session.id).open(session);
  }

  /**
   * Adds to the bytes that the principal scans today (UTC), unless that would pass the limit: then nothing is taken and the answer is
   * undefined. What was taken has to be written down as `bytes_taken`. Throws RecorderUnavailable.
   */
  async takeBytes(principal: string, bytes: number, limit: number): Promise<Taken | undefined> {
    if (!(bytes <= limit)) return undefined;
    try {
      return await this.#budgets.take(principal, bytes, limit);
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  /** Whether what was taken, and is written down, was taken by another as well: then neither counts. Throws RecorderUnavailable. */
  async isTakenTwice(taken: Taken): Promise<boolean> {
    try {
      return await this.#budgets.isTwice(taken);
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  /** Says that this process no longer runs a statement: if it has no outcome by now, or one that waits, it has to be settled. */
  leave(statementId: string): void {
    for (const lane of this.#lanes) lane.leave(statementId);
  }

  /** Statements that were left since this was last asked. */
  takeLeft(): readonly string[] {
    return this.#lanes.flatMap((lane) => lane.takeLeft());
  }

  /** One of those that could not be settled yet. */
  leaveAgain(statementId: string): void {
    this.#lanes[0].leaveAgain(statementId);
  }

  /**
   * Says that this process is alive: whoever is silent for long has its statements settled by others. Hears whether others have done so: a
   * name that was taken for dead stays dead, however often it is said.
   */
  async heartbeat(): Promise<void> {
    const at = Date.now();
    const ids = [...new Set(this.#lanes.flatMap((lane) => lane.names()))];
    if (ids.length > 0) {
      const { rows } = await this.#pool.query<{ id: string }>(BEAT, [ids]);
      const alive = new Set(rows.map(({ id }) => id));
      const dead = new Set(ids.filter((id) => !alive.has(id)));
      for (const lane of this.#lanes) lane.takenForDead(dead);
    }
    this.#heardAt = at;
  }

  /** Whether others have heard of this process within that time, as the one that runs this statement. */
  isHeard(statementId: string, withinMs: number): boolean {
    return Date.now() - this.#heardAt < withinMs && this.#lanes.some((lane) => lane.isHeard(statementId));
  }

  /**
   * Right after an event of a session that begins what goes on for longer: the name that it was written under is said to be alive until it
   * is let go, so that nobody ends meanwhile what this process is at.
   */
  lease(session: string): Lease {
    return this.#laneOf(session).lease();
  }

  /** `isEnded`: the record says how that ended; else others will say so once they miss the name. */
  letGo(lease: Lease, isEnded: boolean): void {
    for (const lane of this.#lanes) lane.letGo(lease, isEnded);
  }

  /** Whether what was begun under it is still this process's to end. Throws RecorderUnavailable. */
  async isOurs(lease: Lease): Promise<boolean> {
    if (lease.isDead) return false;
    try {
      lease.isDead = (await this.#pool.query(IS_ALIVE, [lease.name])).rowCount !== 1;
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
    return !lease.isDead;
  }

  /** Heads that this process has written since it was last asked. */
  takeHeads(): readonly (readonly [string, Head])[] {
    return this.#lanes.flatMap((lane) => [...lane.takeHeads()]);
  }

  /** The last events of this process. What is still owed gets one more try. */
  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }
}
