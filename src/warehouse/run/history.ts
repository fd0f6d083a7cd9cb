/**
 * What the warehouse itself remembers of the gateway's user. Everybody may see their own statements there, with any role, for seven
 * days (documentation page functions/query_history: "Returns queries run by the current user").
 */
import { z } from 'zod';
import { moment } from '../../times/index.js';
import type { WarehouseConnection } from '../connection/connection.js';
import { HISTORY, HISTORY_PAGE, HISTORY_UNTIL } from '../connection/own-questions.js';

const row = z.object({
  QUERY_ID: z.string(),
  QUERY_TEXT: z.string().nullable(),
  QUERY_TAG: z.string().nullable(),
  EXECUTION_STATUS: z.string(),
  ERROR_CODE: z.coerce.string().nullable(),
  STARTED: z.coerce.number(),
  ENDED: z.coerce.number(),
  TOTAL_ELAPSED_TIME: z.coerce.number().nullable(),
  ROWS_PRODUCED: z.coerce.number().nullable(),
  ROLE_NAME: z.string().nullable(),
});

export interface HistoryEntry {
  readonly queryId: string;
  readonly text: string;
  readonly tag: string;
  readonly state: 'ok' | 'failed' | 'running';
  readonly errorCode: string | null;
  readonly startedAt: Date;
  readonly durationMs: number | null;
  readonly rows: number | null;
  readonly role: string | null;
}

export interface HistoryRange {
  /** Statements that ended from here on, and those that run. Within the last seven days. */
  readonly since: Date;
  /** Statements that ended up to here; without it those that run, too. */
  readonly until?: Date | undefined;
}

function stateOf(status: string): HistoryEntry['state'] {
  if (/^success$/i.test(status)) return 'ok';
  return /^(?:fail|incident)/i.test(status) ? 'failed' : 'running';
}

/** Newest first. `database`: any that the role may use, since the function is in each one's INFORMATION_SCHEMA. */
export async function readHistory(
  connection: WarehouseConnection,
  database: string,
  { since, until }: HistoryRange,
  tag: string,
): Promise<readonly HistoryEntry[]> {
  const found = new Map<string, HistoryEntry>();
  for (let end = until; ; ) {
    const rows = z
      .array(row)
      .parse(
        await connection.simple(
          end
            ? HISTORY_UNTIL.of(database, since.toISOString(), end.toISOString())
            : HISTORY.of(database, since.toISOString()),
          tag,
        ),
      );
    for (const entry of rows)
      found.set(entry.QUERY_ID, {
        queryId: entry.QUERY_ID,
        text: entry.QUERY_TEXT ?? '',
        tag: entry.QUERY_TAG ?? '',
        state: stateOf(entry.EXECUTION_STATUS),
        errorCode: entry.ERROR_CODE,
        startedAt: new Date(entry.STARTED),
        durationMs: entry.TOTAL_ELAPSED_TIME,
        rows: entry.ROWS_PRODUCED,
        role: entry.ROLE_NAME,
      });
    if (rows.length < HISTORY_PAGE) return [...found.values()];
    // Those that run end in 1970.
    const ended = rows.map(({ ENDED }) => ENDED).filter((time) => time > since.getTime());
    const oldest = new Date(Math.min(...ended));
    if (end && oldest.getTime() >= end.getTime())
      throw new Error(
        `More than ${HISTORY_PAGE} statements ended at ${moment(oldest)}: the history can not be read past them.`,
      );
    end = oldest;
  }
}
