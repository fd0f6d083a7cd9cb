/** Calls under way, for clients that have no session of their own: which one another request means to end. */
import { z } from 'zod';
import type { Principal } from '../identity/index.js';

const cancelled = z.object({
  method: z.literal('notifications/cancelled'),
  params: z.object({ requestId: z.union([z.string(), z.number()]) }),
});

const keyOf = (principal: Principal, address: string | undefined, id: string | number): string =>
  JSON.stringify([principal.issuer, principal.subject, principal.clientId, address, id]);

export class CallsUnderWay {
  readonly #calls = new Map<string, Set<AbortController>>();

  register(
    principal: Principal,
    address: string | undefined,
    id: string | number,
    controller: AbortController,
  ): Disposable {
    const key = keyOf(principal, address, id);
    const set = this.#calls.get(key) ?? new Set();
    set.add(controller);
    this.#calls.set(key, set);
    return {
      [Symbol.dispose]: () => {
        set.delete(controller);
        if (set.size === 0) this.#calls.delete(key);
      },
    };
  }

  /** An older client says in another request which call it no longer wants. Where two calls could be meant, none is ended. */
  cancel(principal: Principal, address: string | undefined, body: unknown): void {
    const parsed = cancelled.safeParse(body);
    if (!parsed.success) return;
    const set = this.#calls.get(keyOf(principal, address, parsed.data.params.requestId));
    if (set?.size === 1) for (const controller of set) controller.abort();
  }
}
