/** What the text of one view names. */
import type { CatalogReader, ObjectName, RelationInfo } from '../analysis/catalog.js';
import { Refusal } from '../text/refusal.js';
import { analyse } from './analyse.js';
import { viewQuery } from './view-text.js';

/** Tables and views, those behind views included; undefined where its text can't be read. */
export async function viewReads(
  relation: RelationInfo,
  reader: CatalogReader,
): Promise<readonly ObjectName[] | undefined> {
  try {
    const { database, schema } = relation;
    const { objects } = await analyse(viewQuery(relation), reader, { database, schema });
    return objects.length === 0 ? undefined : objects.map(({ object }) => object);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
