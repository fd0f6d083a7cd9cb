/**
 * Snowflake's compiler as a witness: EXPLAIN USING JSON compiles a statement without running it and names the objects that would
 * be scanned (documentation page sql/explain). What it names must lie within the verdict.
 */
import { z } from 'zod';
import type { WarehouseConnection } from '../connection/connection.js';

const plan = z.object({
  GlobalStats: z.object({ bytesAssigned: z.coerce.number().optional() }).optional(),
  Operations: z.array(z.array(z.object({ objects: z.array(z.string().nullable()).nullish() }).loose())).default([]),
});

export interface Plan {
  /** As Snowflake spells them: plan-names.ts reads them. */
  readonly objects: readonly string[];
  /** An upper bound; undefined where Snowflake gives none. */
  readonly bytes: number | undefined;
}

const EXPLAIN = 'EXPLAIN USING JSON ';

/** A plan holds predicates with their literals: what JSON.parse quotes of it goes into no log. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("Snowflake's plan is not JSON.");
  }
}

/** Throws StatementFailed where Snowflake does not compile the statement. */
export async function explain(
  connection: WarehouseConnection,
  sqlText: string,
  binds: readonly (string | number | boolean | null)[],
  tag: string,
): Promise<Plan> {
  const rows = await connection.simple(`${EXPLAIN}${sqlText}`, tag, binds, EXPLAIN.length);
  const content = Object.values(rows[0] ?? {})[0];
  const parsed = plan.parse(typeof content === 'string' ? jsonOf(content) : content);
  return {
    objects: [
      ...new Set(
        parsed.Operations.flat()
          .flatMap(({ objects }) => objects ?? [])
          .flatMap((name) => name ?? []),
      ),
    ],
    bytes: parsed.GlobalStats?.bytesAssigned,
  };
}
