/** What an export is asked for. */

type ExportFormat = 'jsonl' | 'ocsf' | 'asciicast';

export interface ExportRequest {
  readonly sessions: readonly string[];
  readonly format: ExportFormat;
  readonly out: string | undefined;
  readonly follow: boolean;
  /** With `follow`: from after this event on. */
  readonly after: bigint;
  readonly speed: number;
  readonly maxPauseMs: number;
}
