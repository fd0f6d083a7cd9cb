/** Statements, as drivers ask for them: run, waited for, looked after, cancelled. */
import {
  COMPILER_CODES,
  type Envelope,
  failure,
  inProgress,
  notRunning,
  queryAnswer,
  readAbort,
  readQuery,
  SnowflakeError,
  success,
} from '../../../protocol/index.js';
import { asSnowflakeError } from '../engine/errors.js';
import { splitStatements } from '../syntax/parse.js';
import type { WarehouseOptions } from './options.js';
import type { Queries } from './queries.js';
import type { Query } from './query.js';
import type { OpenSession } from './session.js';

/** What a request about statements works with. */
export interface QueryHouse {
  readonly options: WarehouseOptions;
  readonly queries: Queries;
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function split(sql: string): string[] {
  try {
    return splitStatements(sql);
  } catch {
    // What can't be split is one statement; running it gives the syntax error with a query id.
    return [sql];
  }
}

/** `begun`: told once the request is known to be a statement. `base`: where the client reaches us. */
export async function runQuery(
  house: QueryHouse,
  session: OpenSession,
  requestId: string | undefined,
  body: unknown,
  base: string,
  begun: () => void,
): Promise<Envelope> {
  const { sql, binds, parameters, isDescribed, isDetached, isStaged } = readQuery(body);
  if (isStaged)
    return failure(
      new SnowflakeError(COMPILER_CODES.unsupportedFeature, "Unsupported feature 'bind through a stage'."),
    );
  begun();
  const { latencyMs } = house.options;
  if (latencyMs > 0) await delay(latencyMs);
  const query = house.queries.start(
    session,
    requestId ?? crypto.randomUUID(),
    { sql, binds, parameters, describeOnly: isDescribed },
    split(sql),
  );
  return isDetached ? inProgress(query.id, 'detached') : outcome(house, query, base);
}

/** The result, or that it is still to come: the driver asks again without a pause. */
export async function outcome({ options }: QueryHouse, query: Query, base: string): Promise<Envelope> {
  const pending = Symbol('pending');
  let timer: NodeJS.Timeout | undefined;
  try {
    const result = await Promise.race([
      query.done,
      new Promise<typeof pending>((resolve) => {
        timer = setTimeout(() => resolve(pending), options.syncWaitMs);
      }),
    ]);
    if (result === pending) return inProgress(query.id, 'waiting');
    const { id, session, children } = query;
    return queryAnswer({ id, result, parts: children.map((child) => child.id) }, session, session.parameters, base);
  } catch (error) {
    return failure(asSnowflakeError(error), { queryId: query.id });
  } finally {
    clearTimeout(timer);
  }
}

/** Queries of a user are visible to that user's sessions only. */
export function ownQuery({ queries }: QueryHouse, session: OpenSession, id: string): Query | undefined {
  const query = queries.byId(id);
  return query?.session.user === session.user ? query : undefined;
}

export const abortByRequest = (house: QueryHouse, session: OpenSession, body: unknown): Envelope =>
  abort(house, house.queries.byRequest(session, readAbort(body)));

export const abort = ({ queries }: QueryHouse, query: Query | undefined): Envelope =>
  query && queries.cancel(query) ? success(null) : failure(notRunning());
