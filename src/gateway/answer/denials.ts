/**
 * What snowfence says no with, beside what policies say: each with its code, in words for the agent. Steps tell them apart by which one it is,
 * so each stands here once.
 */
import type { Approval, Outcome } from '../../approval/index.js';
import type { Denial, Verdict } from '../../policy/index.js';
import { moment } from '../../times/index.js';
import type { EndedApproval, Problem } from './answer.js';

const ASK_ANEW = 'Send the statement again to ask anew.';

/** Rules, views or tables changed since: what was approved is not what would run. */
export const CHANGED_APPROVAL: Denial = {
  code: 'APPROVAL_EXPIRED',
  message: 'Rules, or what the statement reads, have changed since it was asked for.',
  hint: ASK_ANEW,
};

/** What could not be reached once an approval was used: that one lets nothing run any more. */
export const usedUp = (denial: Denial): Denial => ({
  ...denial,
  hint: `${denial.hint ?? ''} Its approval is used up: send the statement again to ask anew.`.trimStart(),
});

/** Its use came to nothing, and the record has no end of it. */
export const UNUSABLE_APPROVAL: Denial = {
  code: 'APPROVAL_EXPIRED',
  message: 'This approval can not be used: the record does not bear it out.',
  hint: ASK_ANEW,
};

/** What its agent hears of an approval, where that is over. */
export const endedOf = ({ id, statement_id, ended }: Approval): EndedApproval | undefined =>
  ended ? { id, statement_id, ...ended } : undefined;

const RAN: Readonly<Record<Outcome['state'], string>> = {
  ok: 'has run',
  failed: 'failed',
  cancelled: 'was cancelled',
  refused: 'was refused all the same',
  unknown: 'was sent, and nobody knows whether it ran',
};

/** What came of the statement of one that was used; what Snowflake said of it stands in the record alone, since it may quote rows. */
function ranWords(outcome: Outcome | undefined): string {
  if (!outcome) return 'its statement was begun, and has no outcome yet';
  const { state, rows_changed: changed, query_id: query, code } = outcome;
  const facts = [
    ...(state !== 'ok' && code !== null ? [code] : []),
    ...(changed === null ? [] : [`${changed} ${changed === 1 ? 'row' : 'rows'} changed`]),
    ...(query === null ? [] : [`query ${query}`]),
  ];
  return `its statement ${RAN[state]}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}

/** How to go on where nobody knows whether a change was made. */
export const LOOK = 'Look at the data before you repeat a change.';

/** Rules let it run without anybody's word, and the same statement, which waited, has run under one. */
export const RAN_MEANWHILE: Denial = {
  code: 'APPROVAL_EXPIRED',
  message: 'The same statement waited for a reviewer, and runs or has run under its approval, so this one has not run.',
  hint: `${LOOK} ${ASK_ANEW}`,
};

/** How to go on after one that was used. */
function afterUse(outcome: Outcome | undefined): string {
  if (!outcome) return `It may be running: ask for this approval again in a minute. ${LOOK}`;
  if (outcome.state === 'ok') return `It lets nothing run again. ${LOOK} ${ASK_ANEW}`;
  return outcome.state === 'unknown' ? `${LOOK} ${ASK_ANEW}` : ASK_ANEW;
}

const ENDS: Readonly<Record<NonNullable<EndedApproval['why']>, string>> = {
  undecided: 'Nobody decided in time.',
  uncalled: 'It was approved, and not called for in time.',
  changed: CHANGED_APPROVAL.message,
  ran: 'Its statement has ended already.',
  erased: 'What was asked was erased from the record, so nobody can decide on it or let it run.',
  agent: 'You have withdrawn this statement.',
  standing: 'You have sent this statement once more, and a standing approval stands for that.',
  allowed: 'You have sent this statement once more, and that ran as the rules allow, without asking.',
};

/** What the agent hears of an approval that is over: which end it took, when, what came of its statement, and how to go on. */
export function overDenial({ state, at, why, instead, outcome }: EndedApproval, said: Approval['decisions']): Denial {
  const when = at === undefined ? '' : ` ${moment(at)}`;
  switch (state) {
    case 'denied': {
      const reason = said.find(({ decision }) => decision === 'deny')?.reason;
      return {
        code: 'APPROVAL_DENIED',
        message: reason ? `A reviewer denied this statement: ${reason}` : 'A reviewer denied this statement.',
      };
    }
    case 'used':
      return {
        code: 'APPROVAL_EXPIRED',
        message: `This approval has been used${when}: ${ranWords(outcome)}.`,
        hint: afterUse(outcome),
      };
    default: {
      const hint =
        instead === undefined
          ? ASK_ANEW
          : `The answer of that call, statement ${instead}, says what came of it. ${LOOK}`;
      return { code: 'APPROVAL_EXPIRED', message: why ? ENDS[why] : `It is ${state}.`, hint };
    }
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
  hint: hasRun ? LOOK : 'Try again later.',
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
const OVERTAKEN: ReadonlySet<Denial> = new Set([RULES_CHANGED, TOKEN_ENDED, STANDING_ENDED, UNHEARD, RAN_MEANWHILE]);
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
