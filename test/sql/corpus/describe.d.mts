import type { CatalogReader } from '../../../dist/sql/index.js';

export interface Entry {
  readonly page: string;
  readonly sql: string;
  readonly expected: string;
}
export const catalog: CatalogReader;
export function describe(sql: string): Promise<string>;
export function read(): readonly Entry[];
