/** Things that are each about one column, found by it: a table may have thousands of columns, and a statement may use each in several ways. */
import { type ObjectName, objectKey } from '../../sql/index.js';

interface OfColumn {
  readonly object: ObjectName;
  readonly column: string;
}

export class ByColumn<T extends OfColumn> {
  readonly #found = new Map<string, Map<string, T>>();
  /** Objects are shared, so each is looked up by its name once. */
  readonly #objects = new Map<ObjectName, ReadonlyMap<string, T> | undefined>();

  /** Of several about one column the first counts. */
  constructor(all: Iterable<T>) {
    const known = new Map<ObjectName, Map<string, T>>();
    for (const one of all) {
      const columns = known.get(one.object) ?? this.#columnsOf(one.object);
      known.set(one.object, columns);
      if (!columns.has(one.column)) columns.set(one.column, one);
    }
  }

  of({ object, column }: OfColumn): T | undefined {
    if (this.#found.size === 0) return undefined;
    if (!this.#objects.has(object)) this.#objects.set(object, this.#found.get(objectKey(object)));
    return this.#objects.get(object)?.get(column);
  }

  #columnsOf(object: ObjectName): Map<string, T> {
    const key = objectKey(object);
    const columns = this.#found.get(key) ?? new Map<string, T>();
    this.#found.set(key, columns);
    return columns;
  }
}
