/**
 * What snowfence says no with, beside what policies say: each with its code, in words for the agent. Steps tell them apart by which one it is,
 * so each stands here once.
 */
import type { Approval, ApprovalState } from '../../approval/index.js';
import type { Denial, Verdict } from '../../policy/index.js';
import type { Problem } from './answer.js';

const ASK_ANEW = 'Send the statement again to ask anew.';

/** Rules, views or tables changed since: what was approved is not what would run. */
export const CHANGED_APPROVAL: Denial = {
  code: 'APPROVAL_EXPIRED',
  message: 'Rules, or what the statement reads, have changed since it was asked for.',
  hint: ASK_ANEW,
};

/** What the agent hears of an approval that is over. */
export function overDenial(
  state: ApprovalState,
  approval: Pick<Approval, 'decisions' | 'withdrawal'> | undefined,
): Denial {
  const reason = approval?.decisions.find(({ decision }) => decision === 'deny')?.reason;
  switch (state) {
    case 'denied':
      return {
        code: 'APPROVAL_DENIED',
        message: reason ? `A reviewer denied this statement: ${reason}` : 'A reviewer denied this statement.',
      };
    case 'used':
      return {
        code: 'APPROVAL_EXPIRED',
        message: 'This approval has been used: its statement runs or has run.',
        hint: 'Look at the data before you repeat a change.',
      };
    case 'withdrawn':
      if (approval?.withdrawal?.by === 'gateway')
        return {
          code: 'APPROVAL_EXPIRED',
          message: `This statement waits no more: ${approval.withdrawal.words}.`,
          hint: 'Look at the data before you repeat a change.',
        };
      return { code: 'APPROVAL_EXPIRED', message: 'You have withdrawn this statement.', hint: ASK_ANEW };
    default:
      return { code: 'APPROVAL_EXPIRED', message: 'Nobody decided in time.', hint: ASK_ANEW };
  }
}

export const IN_DOUBT: Denial = {
  code: 'RECORD_IN_DOUBT',
  message:
    'The record of statements was changed by somebody who may not, so nothing is run until that was looked into.',
  hint: 'Tell whoever operates snowfence; trying again does not help.',
};

export const UNHEARD: Denial = {
  code: 'APPROVAL_EXPIRED',
  message: 'This gateway stood still for too long, so the statement has not run.',
  hint: 'Ask for the approval again in a minute: it is given back.',
};

export const STILL: Denial = {
  code: 'RECORDER_UNAVAILABLE',
  message: 'This gateway stood still for too long, so the statement has not run.',
  hint: 'Try again in a minute.',
};

export const RULES_CHANGED: Denial = {
  code: 'NOT_VERIFIED',
  message: 'The policies have changed while this statement waited, so it has not run.',
  hint: 'Send the statement again.',
};

export const TOKEN_ENDED: Denial = {
  code: 'NOT_VERIFIED',
  message: 'Your token has ended while this waited, so it has not run.',
  hint: 'Get a new token and ask again.',
};

export const STANDING_ENDED: Denial = {
  code: 'APPROVAL_EXPIRED',
  message: 'The standing approval was ended while this statement waited, so it has not run.',
  hint: 'Send the statement again to ask anew.',
};

/** `hasRun`: Snowflake has run it to its end. */
export const unrecordedDenial = (hasRun: boolean): Denial => ({
  code: 'RECORDER_UNAVAILABLE',
  message: hasRun
    ? 'The statement has run, but its outcome can not be recorded at the moment, so its result is not shown.'
    : 'The statement can not be recorded at the moment, so it is not run.',
  hint: hasRun ? 'Look at the data before you repeat a change.' : 'Try again later.',
});

export const NO_REVIEWER: Denial = {
  code: 'APPROVAL_DENIED',
  message: 'No reviewer is named for this statement.',
};

export const BEYOND_VERDICT: Denial = {
  code: 'NOT_VERIFIED',
  message: 'Snowflake would read more than was judged, so the statement is not run.',
  hint: 'Write it more plainly.',
};

export const STOOD_STILL: Denial = {
  code: 'RECORDER_UNAVAILABLE',
  message: 'This gateway stood still for too long, so the change was rolled back: nothing is changed.',
  hint: 'Try again in a minute.',
};

export const COMMIT_UNKNOWN: Denial = {
  code: 'WAREHOUSE_UNAVAILABLE',
  message: 'Snowflake did not answer whether this change was committed.',
  hint: 'Look at the data before you repeat it.',
};

/** `verdict`: its time was over. */
export const cutOffDenial = (verdict: Verdict | undefined): Denial => ({
  code: 'LIMIT_REACHED',
  message: verdict
    ? `The change ran longer than the ${verdict.limits.timeoutMs / 1000} s that you have, and was told to stop.`
    : 'The change was told to stop.',
  hint: 'It may have been made all the same: look at the data before you repeat it.',
});

export const tooSlow = ({ limits }: Verdict): Denial => ({
  code: 'LIMIT_REACHED',
  message: `The statement ran longer than the ${limits.timeoutMs / 1000} s that you have.`,
  hint: 'Narrow it, for example by a WHERE.',
});

export const tooMany = ({ limits }: Verdict): Denial => ({
  code: 'LIMIT_REACHED',
  message: `You may run ${limits.concurrent} statements at a time.`,
  hint: 'Wait for one to end.',
});

export const CHANGED_RULES: Denial = {
  code: 'NOT_VERIFIED',
  message: 'Rules or views have changed since this statement ran, so its result is not read on.',
  hint: 'Send the statement again.',
};

/** Of what waited too long: no refusal of theirs. */
const OVERTAKEN: ReadonlySet<Denial> = new Set([RULES_CHANGED, TOKEN_ENDED, STANDING_ENDED, UNHEARD]);
/** After these an approval holds again once it is known for certain that nothing was sent. */
export const GIVEN_BACK: ReadonlySet<Denial> = new Set([UNHEARD, TOKEN_ENDED]);

/** It lies with us: no refusal of theirs. */
const NOT_THEIRS: ReadonlySet<string> = new Set(['RECORDER_UNAVAILABLE', 'WAREHOUSE_UNAVAILABLE', 'MISCONFIGURED']);

/** Whether a refusal counts against whoever hears it. */
export const isTheirs = (denial: Denial): boolean => !NOT_THEIRS.has(denial.code) && !OVERTAKEN.has(denial);

// --- what is no denial: something went wrong, or is not there

export const INTERNAL: Problem = {
  code: 'INTERNAL',
  message: 'Something went wrong inside snowfence; it has been logged.',
  isOurs: true,
};

export const NO_APPROVAL: Problem = {
  code: 'UNKNOWN_APPROVAL',
  message: 'There is no such approval of yours.',
  isOurs: true,
};

export const NO_CURSOR: Problem = {
  code: 'UNKNOWN_CURSOR',
  message: 'There is no such cursor of yours, or it is over. Send the statement again.',
  isOurs: true,
};

export const RESULT_GONE = {
  code: 'RESULT_GONE',
  message: 'Snowflake no longer has this result. Send the statement again.',
};

export const SLOW_RESULT = {
  code: 'CANCELLED',
  message: 'The result did not come in time. Nothing was given out, and the link can be opened again.',
};

export const NO_DOWNLOADS: Problem = {
  code: 'NO_DOWNLOADS',
  message:
    'A file is downloaded over HTTP, and this gateway answers its one client over standard input and output alone. Nothing has run. Ask without format and read on with the fetch tool, or connect to a gateway that serves HTTP (snowfence serve without --stdio).',
  isOurs: true,
};

export const NO_CELL: Problem = {
  code: 'UNKNOWN_CELL',
  message:
    'That cell is not in this result. Rows count from 1 at the row that the cursor names, columns from 1; a name that two columns have means none of them.',
  isOurs: true,
};

/** `count`: rows from the one on that the cursor names, as far as they may be read; there may be fewer unless `isExact`. */
export const noRow = (row: number, count: number, isExact: boolean) => ({
  code: NO_CELL.code,
  message: `There is no row ${row} here: there ${count === 1 ? 'is 1 row' : `are ${count} rows`}${isExact ? '' : ' at most'}, counted from 1 at the row that the cursor names.`,
});

/** What a page of a result was to be taken from is with others that are read at this moment, or used up. */
export const NOTHING_LEFT: Problem = {
  code: 'LIMIT_REACHED',
  message:
    'Nothing is left of what you may read of this result, or another call has it just now. Ask again when that has ended; else select less.',
  isOurs: true,
};

export const largeRow = (left: number): Denial => ({
  code: 'LIMIT_REACHED',
  message: `The row of this cell is larger than the ${Math.floor(left / 1000)} KB that may still be read of this result.`,
  hint: 'Select the cell alone, or a part of it by SUBSTR or by a path.',
});

export const SLOW_ROWS: Problem = {
  code: 'CANCELLED',
  message: 'The rows did not come in time. Ask again with the same cursor.',
  isOurs: true,
};
