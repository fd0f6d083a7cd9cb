/** A statement as it is sent (the driver's `lib/connection/statement.js`). */
import { z } from 'zod';
import { REQUEST_CODES } from './codes.js';
import { SnowflakeError } from './errors.js';

/** A value for a bind variable, under Snowflake's name for its type. */
export interface Bind {
  readonly type: string;
  readonly value: string | null;
}

const bind = z.object({
  type: z.string(),
  value: z.union([z.string(), z.null(), z.array(z.union([z.string(), z.null()]))]),
});

const queryBody = z.object({
  sqlText: z.string().default(''),
  asyncExec: z.boolean().nullish(),
  describeOnly: z.boolean().nullish(),
  bindings: z.record(z.string(), bind).nullish(),
  bindStage: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
});

type QueryBody = z.infer<typeof queryBody>;

export interface SentQuery {
  readonly sql: string;
  /** Rows of binds: more than one for a bulk insert. */
  readonly binds: readonly (readonly Bind[])[];
  /** Session parameters that hold for this statement. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Only what the columns would be. */
  readonly isDescribed: boolean;
  /** Whoever asks does not wait. */
  readonly isDetached: boolean;
  /** Its binds lie in a stage. */
  readonly isStaged: boolean;
}

/** `{"1": {type, value}}`, or columns of values for a bulk insert, as rows of binds. */
function bindRows(bindings: QueryBody['bindings']): Bind[][] {
  if (!bindings) return [];
  const keys = Object.keys(bindings).sort((a, b) => Number(a) - Number(b));
  const columns = keys.map((key) => bindings[key]).filter((column) => column !== undefined);
  const depth = columns.reduce(
    (most, column) => (Array.isArray(column.value) ? Math.max(most, column.value.length) : most),
    0,
  );
  if (depth === 0)
    return [columns.map((column) => ({ type: column.type, value: Array.isArray(column.value) ? null : column.value }))];
  return Array.from({ length: depth }, (_, row) =>
    columns.map((column) => ({
      type: column.type,
      value: Array.isArray(column.value) ? (column.value[row] ?? null) : column.value,
    })),
  );
}

/** Throws SnowflakeError. */
export function readQuery(body: unknown): SentQuery {
  const parsed = queryBody.safeParse(body);
  if (!parsed.success) throw new SnowflakeError(REQUEST_CODES.malformedRequest, 'The query request is malformed.');
  const { sqlText, bindings, parameters, asyncExec, describeOnly, bindStage } = parsed.data;
  return {
    sql: sqlText,
    binds: bindRows(bindings),
    parameters: parameters ?? {},
    isDescribed: describeOnly === true,
    isDetached: asyncExec === true,
    isStaged: Boolean(bindStage),
  };
}

const abortBody = z.object({ requestId: z.string().default('') }).catch({ requestId: '' });

/** The request whose statement is to be cancelled. */
export const readAbort = (body: unknown): string => abortBody.parse(body).requestId;
