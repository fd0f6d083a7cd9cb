/** The one procedure that is there: SYSTEM$WAIT. */
import { setTimeout } from 'node:timers/promises';
import { cancelled, localResult, type Result, STATEMENT_TYPE } from '../../../protocol/index.js';
import { unsupported } from '../engine/errors.js';
import type { Execution } from './execution.js';

const MILLISECONDS: Readonly<Record<string, number>> = {
  DAYS: 86_400_000,
  HOURS: 3_600_000,
  MINUTES: 60_000,
  SECONDS: 1000,
  MILLISECONDS: 1,
  MICROSECONDS: 1e-3,
  NANOSECONDS: 1e-6,
};

/** `CALL SYSTEM$WAIT(amount [, 'unit'])`, which looks for a cancellation now and then (sql-reference/functions/system_wait). */
export async function wait(rest: string, execution: Execution): Promise<Result> {
  const match = /^SYSTEM\$WAIT\s*\(\s*(\d{1,9})\s*(?:,\s*'(\w+)'\s*)?\)$/i.exec(rest);
  if (!match) throw unsupported('CALL');
  const unit = (match[2] ?? 'SECONDS').toUpperCase();
  const length = MILLISECONDS[unit];
  if (length === undefined) throw unsupported(`SYSTEM$WAIT with ${unit}`);
  const until = Date.now() + Number(match[1]) * length;
  while (Date.now() < until) {
    if (execution.isCancelled()) throw cancelled();
    await setTimeout(Math.min(50, until - Date.now()));
  }
  return localResult(['SYSTEM$WAIT'], [[`waited ${match[1] ?? ''} ${unit.toLowerCase()}`]], STATEMENT_TYPE.select);
}
