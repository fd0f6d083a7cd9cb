/** What a statement finds when it is run: its session, the engine, and what it may ask for. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Chunk, Parameters } from '../../../protocol/index.js';
import type { Engine } from '../engine/engine.js';

/** What it may change of its session, too. */
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

export interface Limits {
  /** Rows that stand in the first answer; what follows goes into chunks. */
  readonly inlineRows: number;
  readonly chunkRows: number;
}

export interface Execution {
  readonly session: Session;
  readonly engine: Engine;
  readonly limits: Limits;
  readonly queryId: string;
  readonly describeOnly: boolean;
  readonly maxRows: number;
  readonly isCancelled: () => boolean;
  readonly setRunning: (running: boolean) => void;
  /** Brings the query history into its table. */
  readonly syncHistory: () => Promise<void>;
  readonly makeChunk: (index: number, rows: readonly string[]) => Promise<Chunk>;
}
