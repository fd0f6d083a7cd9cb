/** A statement that was begun, and how it stands. */
import type { QueryStatus, Result, SnowflakeError } from '../../../protocol/index.js';
import type { OpenSession } from './session.js';

export interface Query {
  readonly id: string;
  readonly session: OpenSession;
  readonly sql: string;
  readonly tag: string;
  readonly started: number;
  readonly database: string;
  readonly schema: string;
  status: QueryStatus;
  ended: number | undefined;
  rows: number;
  error: SnowflakeError | undefined;
  isCancelled: boolean;
  isRunning: boolean;
  readonly children: readonly Query[];
  done: Promise<Result>;
}
