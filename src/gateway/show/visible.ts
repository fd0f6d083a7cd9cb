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
import { FairGate, Moment } from '../../turns/index.js';
import type { CatalogObject, PoolKey, Warehouse } from '../../warehouse/index.js';
import { keyOf, nameOf, type Rules, rulesFor } from '../judge/whose.js';

export interface VisibleParts extends Rules {
  readonly warehouse: Pick<Warehouse, 'catalog'>;
}

/** Questions to the catalog at a time, and of these one principal's: they count against no limit on statements. */
const LOOKED_AT_ONCE = 4;
const LOOKED_OF_ONE = LOOKED_AT_ONCE / 2;
/** Pages of the catalog that one answer goes through, each of them one statement where it is not known. */
const MOST_PAGES = 16;

/** What an answer goes on after; an empty name stands before all of its schema. */
export interface VisiblePlace {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

interface Asked {
  readonly database: string | undefined;
  readonly schema: string | undefined;
  readonly after: VisiblePlace | undefined;
}

const placeOf = ({ database, schema, name }: CatalogObject): VisiblePlace => ({ database, schema, name });

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
   * Objects that the principal may describe, at most `limit`, by database, schema and name; in one schema, one database, or all that the policies
   * name. `next`: where those after these are; undefined where there are none. An answer costs so much and no more: where few of many may be seen
   * it may hold less than `limit`, or nothing, and go on nevertheless. By the policies of now.
   */
  async objects(
    principal: Principal,
    database: string | undefined,
    schema: string | undefined,
    { limit, after }: { readonly limit: number; readonly after?: VisiblePlace | undefined },
  ): Promise<{ objects: readonly CatalogObject[]; next: VisiblePlace | undefined }> {
    const { policies } = this.#inForce(principal);
    if (policies.length === 0) return { objects: [], next: undefined };
    const stands = standing(policies);
    const { found, next } = await this.#inTurn(principal, () =>
      this.#readable(policies, keyOf(stands, principal), { database, schema, after }, limit),
    );
    const comments = new Scrubber(detectRules(stands.detect));
    const objects = found.map((object) => ({
      ...object,
      rows: shownRowCount(policies, object, principal),
      comment: comments.text(object.comment),
    }));
    return { objects, next };
  }

  async #readable(
    policies: readonly Policy[],
    key: PoolKey,
    { database, schema, after }: Asked,
    limit: number,
  ): Promise<{ found: readonly CatalogObject[]; next: VisiblePlace | undefined }> {
    const { catalog } = this.#parts.warehouse;
    const databases = database === undefined ? await this.#databasesOf(policies, key) : [database];
    const found: CatalogObject[] = [];
    const moment = new Moment();
    let pages = 0;
    let last: CatalogObject | undefined;
    for (const name of databases) {
      // Where no rule lets them see anything, nothing is asked: whether it is there can't be told by how long the answer takes.
      if ((after && name < after.database) || !mayHold(policies, name, schema)) continue;
      for await (const { objects, end } of catalog.pages(key, name, schema, {
        after: after?.database === name ? after : undefined,
        mayHold: (one) => mayHold(policies, name, one),
      })) {
        for (const object of objects) {
          if (moment.isOver) await moment.next();
          if (!mayRead(policies, object)) continue;
          if (found.length === limit) return { found, next: last && placeOf(last) };
          found.push(object);
          last = object;
        }
        if (++pages >= MOST_PAGES) return { found, next: { database: name, ...end } };
      }
    }
    return { found, next: undefined };
  }

  /** What a mistyped name of a database may have been meant for, whether it may be read or not; nothing where no rule lets them see any of it. */
  async near(
    principal: Principal,
    { database, name }: { readonly database: string; readonly name: string },
    { policies }: InForce,
  ): Promise<readonly CatalogObject[]> {
    if (!mayHold(policies, database, undefined)) return [];
    const key = keyOf(standing(policies), principal);
    return this.#inTurn(principal, () => this.#parts.warehouse.catalog.near(key, database, name));
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
    const all = names.some((name) => name.includes('*'))
      ? await this.#parts.warehouse.catalog.databases(key)
      : new Set(names.map((name) => name.toUpperCase()));
    return [...all].sort();
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
