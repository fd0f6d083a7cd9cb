/** What an embedded warehouse is started with. */
import type { EngineOptions } from '../engine/engine.js';
import type { User } from './login.js';

export interface WarehouseOptions extends EngineOptions {
  readonly host: string;
  readonly port: number;
  readonly users: readonly User[];
  readonly defaultDatabase: string;
  readonly defaultSchema: string;
  /** The account's: what sessions have that say nothing else. */
  readonly timezone: string;
  /** Other parameters of the account, where it has other values than Snowflake's defaults. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** Added to each query request, in milliseconds: what a warehouse far away would take. */
  readonly latencyMs: number;
  readonly inlineRows: number;
  readonly chunkRows: number;
  /** How long a query request waits before it answers "in progress", in milliseconds; below the driver's 90 s. */
  readonly syncWaitMs: number;
  readonly sessionSeconds: number;
  readonly masterSeconds: number;
}

export const DEFAULT_OPTIONS = {
  host: '127.0.0.1',
  port: 0,
  defaultDatabase: '',
  defaultSchema: 'PUBLIC',
  timezone: 'America/Los_Angeles',
  parameters: {},
  latencyMs: 0,
  inlineRows: 1000,
  chunkRows: 20_000,
  syncWaitMs: 45_000,
  sessionSeconds: 3600,
  masterSeconds: 14_400,
} as const;
