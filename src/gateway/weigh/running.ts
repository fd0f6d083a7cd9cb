/** Statements under way in this process: how many a principal has at a time, and how all of them are ended. */
import type { Principal } from '../../identity/index.js';
import type { Verdict } from '../../policy/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import { nameOf } from '../judge/whose.js';
import type { Intent } from '../record/intent.js';

export class Running {
  /** By statement. What is asked of the warehouse about a statement before it runs stands under the statement's own name. */
  readonly #underWay = new Map<string, { readonly principal: string; readonly controller: AbortController }>();
  readonly #byPrincipal = new Map<string, number>();

  /**
   * A signal that ends what the statement does, `signal` included; undefined where the principal has `limit` others under way. Whoever
   * enters leaves.
   */
  enter(
    statement: string,
    principal: string,
    limit: number | undefined,
    signal: AbortSignal | undefined,
  ): AbortSignal | undefined {
    let entry = this.#underWay.get(statement);
    if (!entry) {
      const others = this.#byPrincipal.get(principal) ?? 0;
      if (limit !== undefined && others >= limit) return undefined;
      entry = { principal, controller: new AbortController() };
      this.#underWay.set(statement, entry);
      this.#byPrincipal.set(principal, others + 1);
    }
    return signal ? AbortSignal.any([signal, entry.controller.signal]) : entry.controller.signal;
  }

  leave(statement: string): void {
    const entry = this.#underWay.get(statement);
    if (!entry) return;
    this.#underWay.delete(statement);
    const left = (this.#byPrincipal.get(entry.principal) ?? 1) - 1;
    if (left > 0) this.#byPrincipal.set(entry.principal, left);
    else this.#byPrincipal.delete(entry.principal);
  }

  get count(): number {
    return this.#underWay.size;
  }

  /** Ends whatever runs. */
  abort(): void {
    for (const { controller } of this.#underWay.values()) controller.abort();
  }
}

/** A place among the principal's statements at the warehouse, to be left; undefined where they have as many as they may. */
export function placeFor(
  running: Running,
  { statementId, request }: Intent,
  principal: Principal,
  { limits }: Verdict,
): AbortSignal | undefined {
  request.onWaiting?.();
  return running.enter(statementId, nameOf(principal), limits.concurrent, request.signal);
}

/** This process no longer runs it. */
export function leave(
  { running, transcript }: { readonly running: Running; readonly transcript: TranscriptStore },
  statementId: string,
): void {
  running.leave(statementId);
  transcript.recorder.leave(statementId);
}
