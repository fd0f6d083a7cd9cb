/** What a text names is looked up, and the views among it are opened down to their base tables. */

import { type CatalogReader, type ObjectName, objectKey, type RelationInfo } from '../analysis/catalog.js';
import type { Count } from '../analysis/effort.js';
import { Relations } from '../scope/relations.js';
import { Refusal } from '../text/refusal.js';
import { parseStatement } from '../text/statement.js';
import { finish } from './assemble.js';
import { mapAtOnce } from './at-once.js';
import type { Opened } from './opened.js';
import { notOpened, understood, viewQuery } from './view-text.js';
import { namesOf, walk } from './walked.js';

const MAX_VIEW_DEPTH = 16;
/** Different tables and views of a statement and all the views that it reads: each may be a question to the warehouse. */
const MAX_OBJECTS = 256;
/**
 * Steps for one that is looked up, and for each of its columns: waiting for the warehouse is no work, to ask it and to read its answer is. They
 * count whether somebody has asked before or not, so that a statement costs the same each time.
 */
const LOOKED_UP = 1000;
const COLUMN_READ = 2;
/** A role's connections are few, and others wait for them. */
const LOOKED_UP_AT_ONCE = 4;

/** Whether something may be looked up that only a view's text names; `through`: the views on the way to it, outermost first. */
export type MayBeRead = (object: ObjectName, through: readonly ObjectName[]) => boolean;

interface LookUp {
  readonly reader: CatalogReader;
  readonly mayBeRead: MayBeRead;
  readonly opened: Opened;
  /** Steps taken, for the statement that was sent. */
  readonly spend: Count;
}

/** Looks up what a text names, some at a time, and opens the views among it. `through`: the views whose text it is, one within the other. */
export async function load(
  names: ReadonlyMap<string, ObjectName>,
  lookUp: LookUp,
  through: readonly ObjectName[] = [],
): Promise<void> {
  const { reader, opened, spend } = lookUp;
  const wanted = [...names].filter(([key]) => !opened.asked.has(key));
  if (opened.asked.size + wanted.length > MAX_OBJECTS)
    throw new Refusal('NOT_UNDERSTOOD', `The statement reads more than ${MAX_OBJECTS} objects.`);
  for (const [key] of wanted) opened.asked.add(key);
  const looking = mapAtOnce(wanted, LOOKED_UP_AT_ONCE, async ([key, object]) => {
    const relation = through.length > 0 && reader.behind ? await reader.behind(object) : await reader.relation(object);
    if (relation) opened.relations.set(key, relation);
  });
  await opened.effort.waitFor(looking);
  const read = wanted.reduce((sum, [key]) => sum + (opened.relations.get(key)?.columns.length ?? 0), 0);
  spend(LOOKED_UP * wanted.length + COLUMN_READ * read);
  for (const key of names.keys()) {
    const relation = opened.relations.get(key);
    if (relation?.kind === 'view' && !opened.begun.has(key)) await open(relation, lookUp, through);
  }
}

async function open(relation: RelationInfo, lookUp: LookUp, through: readonly ObjectName[]): Promise<void> {
  const { opened, mayBeRead } = lookUp;
  const key = objectKey(relation);
  opened.begun.add(key);
  try {
    if (through.length >= MAX_VIEW_DEPTH)
      throw notOpened(relation, `views are nested more than ${MAX_VIEW_DEPTH} deep`);
    const query = viewQuery(relation);
    // Names in a view's text are completed by the view's own place (documentation page sql/create-view).
    const own = { database: relation.database, schema: relation.schema };
    const inside = understood(relation, () => parseStatement(query));
    const names = understood(relation, () => namesOf(walk(inside, new Relations(), own, opened.effort)));
    const way = [...through, relation];
    const barred = [...names.values()].filter((object) => !mayBeRead(object, way));
    if (barred.length > 0) {
      opened.barred.set(key, barred);
      return;
    }
    await load(names, lookUp, way);
    opened.views.set(
      key,
      understood(relation, () => finish(inside, own, opened, [relation])),
    );
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    opened.closed.set(key, error);
  }
}
