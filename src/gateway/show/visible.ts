/** What a principal may see without running anything: its standing, the objects that it may describe, their columns and masks. */

import type { Principal } from '../../identity/index.js';
import { Scrubber } from '../../masking/index.js';
import {
  type Denial,
  decideStanding,
  describeStanding,
  detectRules,
  type InForce,
  masksOf,
  mayHold,
  mayRead,
  type Policy,
  rowsFor,
  standing,
  type Verdict,
} from '../../policy/index.js';
import { FairGate } from '../../turns/index.js';
import type { CatalogObject, PoolKey, Warehouse } from '../../warehouse/index.js';
import { keyOf, nameOf, type Rules, rulesFor } from '../judge/whose.js';

export interface VisibleParts extends Rules {
  readonly warehouse: Pick<Warehouse, 'catalog'>;
}

/** Questions to the catalog at a time, and of these one principal's: they count against no limit on statements. */
const LOOKED_AT_ONCE = 4;
const LOOKED_OF_ONE = LOOKED_AT_ONCE / 2;

export class Visible {
  readonly #parts: VisibleParts;
  readonly #looking = new FairGate(LOOKED_AT_ONCE, LOOKED_OF_ONE);

  constructor(parts: VisibleParts) {
    this.#parts = parts;
  }

  #inForce(principal: Principal): InForce {
    return rulesFor(this.#parts, principal);
  }

  /** The principal's standing in words. */
  whoami(principal: Principal): {
    policies: readonly string[];
    words: readonly string[];
    /** Why nothing is allowed; undefined where something may be. */
    denial: Denial | undefined;
    version: string;
    limits: Verdict['limits'];
  } {
    const rules = this.#inForce(principal);
    const { set, policies } = rules;
    return {
      policies: policies.map((policy) => policy.name),
      words: describeStanding(policies),
      denial: decideStanding(rules),
      version: set.version,
      limits: standing(policies).limits,
    };
  }

  /** Why nothing is allowed to the principal, whatever it asks for; undefined where something may be. */
  nothing(principal: Principal): Denial | undefined {
    return decideStanding(this.#inForce(principal));
  }

  /**
   * Objects that the principal may describe, at most `limit`; in one schema, one database, or all that the policies name. By the policies
   * of now, or those that a verdict was made by.
   */
  async objects(
    principal: Principal,
    database: string | undefined,
    schema: string | undefined,
    limit: number,
    { policies }: InForce = this.#inForce(principal),
  ): Promise<{ objects: readonly CatalogObject[]; isTruncated: boolean }> {
    const stands = standing(policies);
    if (policies.length === 0) return { objects: [], isTruncated: false };
    const { catalog } = this.#parts.warehouse;
    const key = keyOf(stands, principal);
    const found = await this.#inTurn(principal, async () => {
      const databases = database === undefined ? await this.#databasesOf(policies, key) : [database];
      const objects: CatalogObject[] = [];
      // Where no rule lets them see anything, nothing is asked: whether it is there can't be told by how long the answer takes.
      for (const name of databases)
        if (mayHold(policies, name, schema)) objects.push(...(await catalog.objects(key, name, schema)));
      return objects;
    });
    const readable = found.filter((object) => mayRead(policies, object));
    const comments = new Scrubber(detectRules(stands.detect));
    const objects = readable.slice(0, limit).map((object) => ({
      ...object,
      rows: shownRowCount(policies, object, principal),
      comment: comments.text(object.comment),
    }));
    return { objects, isTruncated: readable.length > limit };
  }

  /** All that the catalog has of a database, whether it may be read or not; nothing where no rule lets them see any of it. */
  async catalogued(principal: Principal, database: string, { policies }: InForce): Promise<readonly CatalogObject[]> {
    if (!mayHold(policies, database, undefined)) return [];
    const key = keyOf(standing(policies), principal);
    return this.#inTurn(principal, () => this.#parts.warehouse.catalog.objects(key, database, undefined));
  }

  async #inTurn<T>(principal: Principal, look: () => Promise<T>): Promise<T> {
    const place = await this.#looking.enter(nameOf(principal));
    try {
      return await look();
    } finally {
      place[Symbol.dispose]();
    }
  }

  /** Those that the rules name; all of them where a rule leaves the database open. */
  async #databasesOf(policies: readonly Policy[], key: PoolKey): Promise<readonly string[]> {
    const globs = policies.flatMap((policy) => policy.rules.flatMap((rule) => (rule.effect === 'deny' ? [] : rule.on)));
    const names = globs.map((glob) => /^"?([^".]+)"?\./.exec(glob.source)?.[1] ?? '*');
    if (names.some((name) => name.includes('*'))) return this.#parts.warehouse.catalog.databases(key);
    return [...new Set(names.map((name) => name.toUpperCase()))];
  }

  /** One table or view with its columns and how each is masked; undefined where it isn't there or isn't visible. */
  async relation(principal: Principal, database: string, schema: string, name: string) {
    const { policies } = this.#inForce(principal);
    const object = { database, schema, name };
    if (!mayRead(policies, object)) return undefined;
    const stands = standing(policies);
    const { catalog } = this.#parts.warehouse;
    const key = keyOf(stands, principal);
    const relation = await this.#inTurn(principal, () => catalog.relation(key, object));
    if (!relation) return undefined;
    const rowRules = rowsFor(policies, object, principal);
    const source = rowRules.find(({ secureView }) => secureView !== undefined)?.secureView;
    const masks = masksOf(policies, { object, columns: relation.columns, isExternal: relation.isExternal }, source);
    const comments = new Scrubber(detectRules(stands.detect));
    const columns = relation.columns.map((column) => ({
      ...column,
      comment: comments.text(column.comment),
      mask: masks.get(column.name),
    }));
    return {
      ...relation,
      rows: shownRowCount(policies, relation, principal),
      comment: comments.text(relation.comment),
      columns,
      rowRules,
    };
  }
}

/** How many rows a table has, where none of them is hidden. Of a view nobody knows. */
const shownRowCount = (policies: readonly Policy[], object: CatalogObject, principal: Principal): number | undefined =>
  object.kind === 'view' || rowsFor(policies, object, principal).length > 0 ? undefined : object.rows;
