/** Snowflake's compiler has to see no object beyond the verdict's (documentation page sql-reference/sql/explain). */
import type { Principal } from '../../identity/index.js';
import { HASH_KEY, isHashed } from '../../masking/index.js';
import type { Denial } from '../../policy/index.js';
import { namesNoTable, type ObjectName, type ObjectUse, objectKey, viewReads } from '../../sql/index.js';
import { type CatalogRelation, planName, type Warehouse } from '../../warehouse/index.js';
import type { Bind } from '../answer/answer.js';
import { BEYOND_VERDICT } from '../answer/denials.js';
import { keyOf } from '../judge/whose.js';
import type { Log } from '../record/counters.js';
import type { Intent } from '../record/intent.js';
import { CONFIRMED_MS, type Plans, planKey } from '../weigh/plans.js';

const CONFIRMED_CACHE = 2000;
const INFORMATION_SCHEMA = 'INFORMATION_SCHEMA';

/** What was confirmed a short while ago: Snowflake is asked again for a text as often as its catalog is read again. */
export class Confirmed {
  /** Until when, by what was confirmed. */
  readonly #until = new Map<string, number>();

  has(key: string): boolean {
    return (this.#until.get(key) ?? 0) > Date.now();
  }

  add(key: string, until: number): void {
    this.#until.delete(key);
    const [oldest] = this.#until.keys();
    if (this.#until.size >= CONFIRMED_CACHE && oldest !== undefined) this.#until.delete(oldest);
    this.#until.set(key, until);
  }
}

export interface ConfirmParts {
  readonly warehouse: Warehouse;
  readonly confirmed: Confirmed;
  readonly plans: Plans;
  readonly log: Log;
}

/** A denial where it would read more. Throws what the warehouse says of the text. */
export async function confirm(
  parts: ConfirmParts,
  intent: Intent,
  principal: Principal,
  binds: readonly Bind[],
): Promise<Denial | undefined> {
  const { warehouse, confirmed, plans, log } = parts;
  const { analysis, verdict, sent } = intent.judged;
  const mode = warehouse.options.confirm;
  if (mode === 'off' || !analysis || !verdict || analysis.kind === 'describe') return undefined;
  // Where nothing seems to be read, that is what has to be confirmed, unless no table can be named there at all.
  if (namesNoTable(analysis)) return undefined;
  const key = planKey(warehouse, verdict, sent);
  if (mode === 'cached' && confirmed.has(key)) return undefined;
  const pool = keyOf(verdict, principal);
  const ask = async (text: string, given: readonly Bind[]): Promise<readonly string[]> =>
    (await warehouse.explain(pool, text, given, intent.tagOf('explain'))).objects;
  const secure = verdict.rows.flatMap(({ secureView }) => secureView ?? []);
  // Our own function reads its key there; that no statement names it was judged before.
  const keys = verdict.masks.some(({ method }) => isHashed(method)) ? [HASH_KEY] : [];
  const named = analysis.objects.map((use) => use.object);
  // Of what the compiler takes by itself, the agent's role need not see anything.
  const { metadataRole } = warehouse.options;
  const seeing = metadataRole === undefined ? pool : { ...pool, role: metadataRole };
  /** Believed for as long as what was confirmed. */
  const printsAs = async (object: ObjectName, text: string): Promise<boolean> => {
    const printed = JSON.stringify(['printed', verdict.role, objectKey(object), text, warehouse.catalog.version]);
    if (mode === 'cached' && confirmed.has(printed)) return true;
    const since = Date.now();
    const isSo = (await ask(wholeOf(object), [])).includes(text);
    if (isSo) confirmed.add(printed, since);
    return isSo;
  };
  const allowed = new Allowed(
    [...named, ...secure, ...keys],
    (name) => warehouse.catalog.relation(seeing, name),
    printsAs,
  );
  // Of INFORMATION_SCHEMA nothing can be explained (sql/explain). Its views are Snowflake's own, and what they are made of nobody can change;
  // what is read beside them is compiled by itself.
  const explained = analysis.objects.filter(({ object }) => object.schema !== INFORMATION_SCHEMA);
  const others = explained.map(({ object }) => object);
  const isExplained = others.length === named.length;
  const askedAt = Date.now();
  // Its size may have been weighed a moment ago, by the very plan that is asked for here.
  const weighed = mode === 'cached' && isExplained ? plans.of(key) : undefined;
  const texts = sent === undefined ? [] : isExplained ? [sent] : others.map((object) => wholeOf(object));
  const beyond = new Set<string>();
  for (const text of texts)
    for (const object of weighed?.objects ?? (await ask(text, isExplained ? binds : [])))
      if (!(await allowed.has(object))) beyond.add(object);
  if (beyond.size > 0 && !(await isBelowTrusted(beyond, explained, allowed, (object) => ask(wholeOf(object), [])))) {
    log.error(
      { statement: intent.statementId, fingerprint: intent.fingerprint },
      'Snowflake would read an object beyond the verdict',
    );
    return BEYOND_VERDICT;
  }
  confirmed.add(key, weighed?.until ?? askedAt + CONFIRMED_MS);
  return undefined;
}

/**
 * Whether all of this is what trusted views are made of: one that is not secure shows that in a plan (sql/explain), and it is let through with the
 * view. What else the statement names is explained by itself, so that nothing of it comes through beside a trusted view.
 */
async function isBelowTrusted(
  beyond: ReadonlySet<string>,
  uses: readonly ObjectUse[],
  allowed: Allowed,
  planOf: (object: ObjectName) => Promise<readonly string[]>,
): Promise<boolean> {
  const below = new Map<ObjectUse, ReadonlySet<string>>();
  for (const use of uses) if (use.relation?.isTrusted) below.set(use, new Set(await planOf(use.object)));
  if (![...beyond].every((object) => [...below.values()].some((plan) => plan.has(object)))) return false;
  for (const { object, access, relation, via } of uses) {
    if (via.length > 0 || access !== 'read' || relation?.isTrusted) continue;
    const key = objectKey(object);
    const own = [...below].filter(([{ by }]) => by.some((named) => objectKey(named) === key));
    for (const read of await planOf(object))
      if (!(await allowed.has(read)) && !own.some(([, plan]) => plan.has(read))) return false;
  }
  return true;
}

const wholeOf = ({ database, schema, name }: ObjectName): string =>
  `SELECT * FROM ${[database, schema, name].map((part) => `"${part.replaceAll('"', '""')}"`).join('.')}`;

/** What a plan may name: the verdict's objects, and what the compiler reads in their places. */
class Allowed {
  readonly #objects: readonly ObjectName[];
  readonly #keys: ReadonlySet<string>;
  readonly #printsAs: (object: ObjectName, text: string) => Promise<boolean>;
  readonly #relation: (name: ObjectName) => Promise<CatalogRelation | undefined>;

  constructor(
    objects: readonly ObjectName[],
    relation: (name: ObjectName) => Promise<CatalogRelation | undefined>,
    printsAs: (object: ObjectName, text: string) => Promise<boolean>,
  ) {
    this.#objects = objects;
    this.#printsAs = printsAs;
    this.#keys = new Set(objects.map(objectKey));
    this.#relation = relation;
  }

  async has(text: string): Promise<boolean> {
    const { parts, isShort } = planName(text);
    // Under a row access policy Snowflake prints the last name alone; which rows are there is its own affair. Another table may have that
    // name: one of the verdict's has to be printed so by itself.
    if (isShort && parts.length === 1) {
      for (const object of this.#objects)
        if (object.name === parts[0] && (await this.#printsAs(object, text))) return true;
      return false;
    }
    const [database, schema, name, ...more] = parts;
    // A name whose parts can't be told apart is none of the verdict's.
    if (database === undefined || schema === undefined || name === undefined) return false;
    const object = { database, schema, name };
    if (more.length === 0) return this.#keys.has(objectKey(object)) || this.#isMadeOfThem(object);
    // An index of a hybrid table goes by its table's name.
    return more.length === 1 && this.#keys.has(objectKey(object)) && (await this.#relation(object))?.isHybrid === true;
  }

  /** A materialized view that reads nothing but these: the compiler takes it in its table's place, and needs no right of the role's for it. */
  async #isMadeOfThem(object: ObjectName): Promise<boolean> {
    const relation = await this.#relation(object);
    if (!relation?.isMaterialized) return false;
    const reads = await viewReads(relation, { relation: this.#relation, constraints: async () => undefined });
    return reads?.every((read) => this.#keys.has(objectKey(read))) ?? false;
  }
}
