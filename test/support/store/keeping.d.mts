import type { Pool } from 'pg';
import type {
  archive,
  Checkpoints,
  RecordKeys,
  TranscriptStore,
  VerifyReport,
  verifyStore,
} from '../../../dist/transcript/index.js';

export function fail(problem: string, error?: unknown): never;
export function checkpointsOf(
  store: TranscriptStore,
  more?: Partial<ConstructorParameters<typeof Checkpoints>[0]>,
): Checkpoints;
export function verified(
  pool: Pool,
  keys: RecordKeys,
  more?: Partial<Parameters<typeof verifyStore>[1]>,
): Promise<VerifyReport>;
export function archiveBefore(
  before: string,
  of: { readonly admin: Pool; readonly store: TranscriptStore; readonly folder: string },
): ReturnType<typeof archive>;
