/** Snowflake's compiler has to see no object beyond the verdict's (documentation page sql-reference/sql/explain). */
import { createHash } from 'node:crypto';
import type { Principal } from '../../identity/index.js';
import { HASH_KEY, isHashed } from '../../masking/index.js';
import type { Denial } from '../../policy/index.js';
import { namesNoTable, objectKey } from '../../sql/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { Bind } from '../answer/answer.js';
import { BEYOND_VERDICT } from '../answer/denials.js';
import { keyOf } from '../judge/whose.js';
import type { Log } from '../record/counters.js';
import type { Intent } from '../record/intent.js';

/** As long as the catalog is believed (warehouse/catalog/catalog.ts): a view that was made anew is seen by then. */
const CONFIRMED_MS = 60_000;
const CONFIRMED_CACHE = 2000;

/** What was confirmed a short while ago: Snowflake is asked again for a text as often as its catalog is read again. */
export class Confirmed {
  /** Until when, by what was confirmed. */
  readonly #until = new Map<string, number>();

  has(key: string): boolean {
    return (this.#until.get(key) ?? 0) > Date.now();
  }

  add(key: string): void {
    this.#until.delete(key);
    const [oldest] = this.#until.keys();
    if (this.#until.size >= CONFIRMED_CACHE && oldest !== undefined) this.#until.delete(oldest);
    this.#until.set(key, Date.now() + CONFIRMED_MS);
  }
}

export interface ConfirmParts {
  readonly warehouse: Warehouse;
  readonly confirmed: Confirmed;
  readonly log: Log;
}

/** A denial where it would read more. Throws what the warehouse says of the text. */
export async function confirm(
  parts: ConfirmParts,
  intent: Intent,
  principal: Principal,
  binds: readonly Bind[],
): Promise<Denial | undefined> {
  const { warehouse, confirmed, log } = parts;
  const { analysis, verdict, sent } = intent.judged;
  const mode = warehouse.options.confirm;
  if (mode === 'off' || !analysis || !verdict || analysis.kind === 'describe') return undefined;
  // Where nothing seems to be read, that is what has to be confirmed, unless no table can be named there at all.
  if (namesNoTable(analysis)) return undefined;
  const key = createHash('sha256')
    .update(JSON.stringify([verdict.version, warehouse.catalog.version, verdict.role, sent]))
    .digest('base64');
  if (mode === 'cached' && confirmed.has(key)) return undefined;
  const plan =
    sent === undefined
      ? undefined
      : await warehouse.explain(keyOf(verdict, principal), sent, binds, intent.tagOf('explain'));
  const secure = verdict.rows.flatMap(({ secureView }) => secureView ?? []);
  // Our own function reads its key there; that no statement names it was judged before.
  const keys = verdict.masks.some(({ method }) => isHashed(method)) ? [HASH_KEY] : [];
  const allowed = new Set([...analysis.objects.map((use) => use.object), ...secure, ...keys].map(objectKey));
  const beyond = plan?.objects.find((object) => {
    const [database, schema, name, ...more] = splitName(object);
    // A name whose parts can't be told apart is none of the verdict's.
    if (database === undefined || schema === undefined || name === undefined || more.length > 0) return true;
    return !allowed.has(objectKey({ database, schema, name }));
  });
  if (beyond !== undefined) {
    log.error(
      { statement: intent.statementId, fingerprint: intent.fingerprint },
      'Snowflake would read an object beyond the verdict',
    );
    return BEYOND_VERDICT;
  }
  confirmed.add(key);
  return undefined;
}

/** The parts of a dotted name as EXPLAIN prints it: quoted where it has to be. */
const splitName = (text: string): string[] =>
  [...text.matchAll(/"((?:[^"]|"")*)"|[^".]+/g)].map((match) => match[1]?.replaceAll('""', '"') ?? match[0]);
