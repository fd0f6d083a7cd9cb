/** What a statement finds of its session, and may change of it. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Parameters } from '../../../protocol/index.js';

export interface Session {
  readonly id: number;
  readonly user: string;
  readonly account: string;
  readonly connection: DuckDBConnection;
  readonly parameters: Parameters;
  readonly variables: Map<string, string | number | boolean>;
  /** Tables made with TEMPORARY: dropped at log-out. */
  readonly temporary: Set<string>;
  database: string;
  schema: string;
  role: string;
  warehouse: string;
  secondaryRoles: string;
  inTransaction: boolean;
}
