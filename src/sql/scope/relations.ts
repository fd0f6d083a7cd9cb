/** The tables and views that a judgement knows, by key: in all its walks a column of one of them is one value. */
import type { OutputColumn } from '../analysis/analysis.js';
import { type ObjectName, objectKey, type RelationInfo } from '../analysis/catalog.js';

export class Relations extends Map<string, RelationInfo> {
  readonly #columns = new Map<string, readonly OutputColumn[]>();

  /** The columns as a source offers them, each made of itself; undefined where nobody knows the table. The list is shared. */
  columnsOf(object: ObjectName): readonly OutputColumn[] | undefined {
    const key = objectKey(object);
    const relation = this.get(key);
    if (!relation) return undefined;
    const known = this.#columns.get(key);
    if (known) return known;
    const made = relation.columns.map(({ name }) => ({ name, origins: [{ object, column: name }] }));
    this.#columns.set(key, made);
    return made;
  }
}
