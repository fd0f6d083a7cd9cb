/** The store is not there, or does not answer in time: no fault of whoever asks, nor of ours. */
import pg from 'pg';

/**
 * Classes of SQLSTATE (PostgreSQL's appendix A): no connection (08), no resources such as connections (53), stopped, starting or out of
 * time (57, of which 57014 is a statement's own timeout), trouble below it (58).
 */
const OF_THE_SERVER = /^(?:08|53|57|58)[0-9A-Z]{3}$/;
/** As `net`, `dns` and `tls` tell of a connection: `ECONNREFUSED`, `ENOTFOUND`, … */
const OF_A_CONNECTION = /^E[A-Z_]+$/;
/** What pg 8 says by its text alone (its files client.js and query.js, and pg-pool's index.js). */
const IN_WORDS = [
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Query read timeout',
];

export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error instanceof pg.DatabaseError) return OF_THE_SERVER.test(code);
  // Of a name with several addresses, all of which fail.
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isUnreachable);
  return ('syscall' in error && OF_A_CONNECTION.test(code)) || IN_WORDS.includes(error.message);
}

/** Who asks, or for which database: invalid authorization (28) and invalid catalog name (3D). Nobody mends that by waiting. */
const FOR_GOOD = /^(?:28|3D)[0-9A-Z]{3}$/;

/** What PostgreSQL says where it lets a role in at no time; undefined for an error that may pass. */
export const refusedForGood = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError && FOR_GOOD.test(error.code ?? '')
    ? `${error.message} (${error.code ?? ''})`
    : undefined;
