/**
 * Plans that Snowflake gave a short while ago, by what is sent: a size is taken from the same EXPLAIN that names what would be read, so that one
 * does for both where a plan may be a minute old (`confirm: cached`).
 */
import { createHash } from 'node:crypto';
import type { Verdict } from '../../policy/index.js';
import type { Warehouse } from '../../warehouse/index.js';

/** As long as the catalog is believed (warehouse/catalog/remembered.ts): a view that was made anew is seen by then. */
export const CONFIRMED_MS = 60_000;
const PLANS_SIZE = 2000;

interface Held {
  readonly objects: readonly string[];
  readonly until: number;
}

export class Plans {
  readonly #held = new Map<string, Held>();

  /** The objects that it names, and until when that may be believed; undefined where nothing is known. */
  of(key: string): Held | undefined {
    const held = this.#held.get(key);
    return held && held.until > Date.now() ? held : undefined;
  }

  /** `askedAt`: when the question left, for it may have been answered by what was there then. */
  keep(key: string, objects: readonly string[], askedAt: number): void {
    this.#held.delete(key);
    const [oldest] = this.#held.keys();
    if (this.#held.size >= PLANS_SIZE && oldest !== undefined) this.#held.delete(oldest);
    this.#held.set(key, { objects, until: askedAt + CONFIRMED_MS });
  }
}

/** What a plan is of: the text as it is sent, under a verdict and a role, as the catalog is. */
export const planKey = (
  { catalog }: Pick<Warehouse, 'catalog'>,
  { version, role }: Pick<Verdict, 'version' | 'role'>,
  sent: string | undefined,
): string =>
  createHash('sha256')
    .update(JSON.stringify([version, catalog.version, role, sent]))
    .digest('base64');
