/** The answer to a statement, and what is told of one that runs (the driver's `lib/connection/result/result.js`). */
import { type Envelope, success } from './envelope.js';
import type { SnowflakeError } from './errors.js';
import type { Parameters } from './parameters.js';
import type { Result } from './result.js';
import type { Place } from './session.js';

/** Of a part of several statements: each has a result of its own, asked for by its id. */
const RESULT_TYPE_OF_PART = '4096';

interface Answered {
  readonly id: string;
  readonly result: Result;
  /** Ids of the parts of several statements. */
  readonly parts: readonly string[];
}

/** `base`: the address that the parts of a large result are below. `place`, `parameters`: the session's after the statement. */
export const queryAnswer = (
  { id, result, parts }: Answered,
  place: Place,
  parameters: Parameters,
  base: string,
): Envelope =>
  success({
    parameters: parameters.toWire(),
    rowtype: result.columns,
    rowset: result.rows,
    total: result.total,
    returned: result.total,
    queryId: id,
    version: 1,
    statementTypeId: result.statementType,
    databaseProvider: null,
    finalDatabaseName: place.database || null,
    finalSchemaName: place.schema || null,
    finalWarehouseName: place.warehouse,
    finalRoleName: place.role,
    numberOfBinds: 0,
    arrayBindSupported: false,
    queryResultFormat: 'json',
    sendResultTime: Date.now(),
    ...(parts.length > 0
      ? { resultIds: parts.join(','), resultTypes: parts.map(() => RESULT_TYPE_OF_PART).join(',') }
      : {}),
    ...(result.chunks.length > 0
      ? {
          chunks: result.chunks.map((chunk) => ({
            url: `${base}${chunk.path}`,
            rowCount: chunk.rowCount,
            uncompressedSize: chunk.uncompressedSize,
            compressedSize: chunk.body.length,
          })),
          chunkHeaders: {},
          qrmk: null,
        }
      : {}),
  });

export type QueryStatus = 'RUNNING' | 'SUCCESS' | 'FAILED_WITH_ERROR' | 'ABORTED';

interface Monitored {
  readonly id: string;
  readonly sql: string;
  readonly status: QueryStatus;
  /** In milliseconds since 1970. */
  readonly started: number;
  readonly ended: number | undefined;
  readonly error: SnowflakeError | undefined;
}

/** undefined: there is no such statement. */
export const statusAnswer = (query: Monitored | undefined): Envelope =>
  success({
    queries: query
      ? [
          {
            id: query.id,
            status: query.status,
            state: query.status,
            sqlText: query.sql,
            startTime: query.started,
            endTime: query.ended ?? 0,
            errorCode: query.error?.code ?? null,
            errorMessage: query.error?.message ?? null,
          },
        ]
      : [],
  });
