/** What a process runs, and under which of its names that was begun; and what it has lost. */
import type { Event } from '../form/event.js';

/** Events that say how a statement that ran has ended: they are written later if they can't be now. */
export const OUTCOMES: ReadonlySet<string> = new Set([
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
]);
const ENDS: ReadonlySet<string> = new Set([...OUTCOMES, 'statement_refused', 'statement_settled']);

export class UnderWay {
  /** Statements that this process runs, and under which of its ids they were begun. */
  readonly #running = new Map<string, string>();
  /** Of these names, those that others took for dead: what was begun under them they have settled, or will. */
  readonly #dead = new Set<string>();
  /** Statements that this process has begun and lost: nobody will say how they ended. */
  #left = new Set<string>();

  /** An event that `writer` has written. */
  written({ statementId, runs, kind }: Event, writer: string): void {
    if (statementId !== undefined && runs === 'begins') this.#running.set(statementId, writer);
    else if (statementId !== undefined && (runs === 'pauses' || ENDS.has(kind))) this.#running.delete(statementId);
  }

  has(statementId: string): boolean {
    return this.#running.has(statementId);
  }

  /** This process no longer runs a statement that has no outcome: it has to be settled. */
  lose(statementId: string): void {
    this.#running.delete(statementId);
    this.#left.add(statementId);
  }

  /** Statements that were lost since this was last asked. */
  takeLeft(): readonly string[] {
    const left = [...this.#left];
    this.#left = new Set();
    return left;
  }

  /** One of those that could not be settled yet. */
  leaveAgain(statementId: string): void {
    this.#left.add(statementId);
  }

  /** Those that statements were begun under. */
  names(): readonly string[] {
    return [...this.#running.values()];
  }

  /** Others have taken this name for dead. */
  dies(name: string): void {
    this.#dead.add(name);
  }

  /** Hears which of the names that still count others have taken for dead. */
  takenForDead(names: ReadonlySet<string>, known: ReadonlySet<string>): void {
    for (const name of this.#dead) if (!known.has(name)) this.#dead.delete(name);
    for (const name of known) if (names.has(name)) this.#dead.add(name);
  }

  /** Whether this process runs the statement, and nobody took it for dead under the name that it was begun with. */
  isHeard(statementId: string): boolean {
    const name = this.#running.get(statementId);
    return name !== undefined && !this.#dead.has(name);
  }
}
