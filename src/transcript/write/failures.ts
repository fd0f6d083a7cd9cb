/** What keeps an event from being written: as callers hear of it, and as PostgreSQL tells it. */
import { codeOf } from '../form/error-code.js';

/** The store does not take events: no statement may run. */
export class RecorderUnavailable extends Error {
  constructor(cause: unknown) {
    super('The transcript store is not reachable.', { cause });
    this.name = 'RecorderUnavailable';
  }
}

/** The store is not what was written: nothing is run until somebody has looked into it. */
export class RecordInDoubt extends RecorderUnavailable {
  constructor(problem: string) {
    super(new Error(problem));
    this.name = 'RecordInDoubt';
  }
}

/**
 * It lies with an event, not with the store: data exceptions, integrity, limits, and what append() itself refuses (classes of SQLSTATE,
 * PostgreSQL's appendix A). Nothing was written then. With any other failure that stays open, and the store counts as unreachable.
 */
export const isOfAnEvent = (error: unknown): boolean => /^(?:22|23|54|SF)[0-9A-Z]{3}$/.test(codeOf(error) ?? '');

/**
 * It took longer than a statement may, and PostgreSQL has taken it back (query_canceled): nothing was written. One event may be what took
 * so long, or the store.
 */
export const isTooLong = (error: unknown): boolean => codeOf(error) === '57014';

/** What append() itself refuses, by an SQLSTATE of its own. */
export const isOfAppend = (error: unknown): boolean => codeOf(error)?.startsWith('SF') === true;

/** An SQLSTATE that append() raises: others took this writer for dead. */
export const isTakenForDead = (error: unknown): boolean => codeOf(error) === 'SF001';
