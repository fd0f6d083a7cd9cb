/** What the process itself is told of statements, beside the record: its counters and its log. */
import type { DenialCode } from '../../policy/index.js';

export interface Counters {
  readonly verdict: (decision: 'allow' | 'deny' | 'approve', code: DenialCode | undefined) => void;
  /** `rows`: those that were answered, as the record counts them: none of a change, and none of a cell that is read whole. */
  readonly ran: (durationMs: number, rows: number, bytes: number) => void;
  readonly disagreement: (parser: string) => void;
}

export interface Log {
  readonly warn: (data: object, message: string) => void;
  readonly error: (data: object, message: string) => void;
}
