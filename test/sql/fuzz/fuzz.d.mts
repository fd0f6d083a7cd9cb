export interface FuzzResult {
  readonly count: number;
  readonly understood: number;
  readonly refused: number;
  /** Understood statements that DuckDB's parser could read as well. */
  readonly witnessed: number;
  readonly slowestMs: number;
  readonly heapMb: number;
  readonly failures: readonly { readonly why: string; readonly sql: string }[];
}
export function fuzz(
  count: number,
  seed: number,
  onProgress?: (done: number, result: FuzzResult) => void,
  hangMs?: number,
): Promise<FuzzResult>;
