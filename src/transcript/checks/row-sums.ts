/** Sets of rows that are compared without being kept: by a sum over all of each. */
import { hash } from 'node:crypto';

/** Rows as numbers that can be added up: equal sums, equal sets. With a key of the moment nobody can prepare rows that cancel out. */
export interface RowSumState {
  readonly sum: readonly number[];
  readonly count: number;
}

export class RowSum {
  readonly #key: string;
  readonly #sum = new Uint8Array(32);
  #count = 0;

  constructor(key: string) {
    this.#key = key;
  }

  add(row: string): void {
    // A text rather than a buffer: this is done for millions of rows, and a buffer is memory of its own each time.
    const digest = hash('sha256', this.#key + row, 'binary');
    for (let index = 0; index < 32; index++) this.#sum[index] = (this.#sum[index] ?? 0) ^ digest.charCodeAt(index);
    this.#count++;
  }

  /** With the same key: for what is to be compared. */
  twin(): RowSum {
    return new RowSum(this.#key);
  }

  /** For another thread, which has the same key. */
  get state(): RowSumState {
    return { sum: [...this.#sum], count: this.#count };
  }

  merge({ sum, count }: RowSumState): void {
    for (const [index, part] of sum.entries()) this.#sum[index] = (this.#sum[index] ?? 0) ^ part;
    this.#count += count;
  }

  equals(other: RowSum): boolean {
    return this.#count === other.#count && this.#sum.every((part, index) => part === other.#sum[index]);
  }
}

/** A row as one text: each part with its length before it, so that none can pass for another. */
export function joinedRow(parts: readonly (string | number | null)[]): string {
  let text = '';
  for (const part of parts) text += part === null ? '-' : `${String(part).length}:${part}`;
  return text;
}
