/** A few statements before anybody's: parser, translation and engine are slow the first time. They read no table and are in no history. */
import { packChunk } from '../../../protocol/index.js';
import type { Engine } from '../engine/engine.js';
import { execute } from '../statements/execute.js';
import type { Execution } from '../statements/execution.js';
import type { WarehouseOptions } from './options.js';
import { freshSession } from './session-requests.js';

/** Much as the gateway sends one: a table's columns with their masks, and its rows by a predicate, in a sub-query. */
const READ = `SELECT NAME, EMAIL, PHONE, REGION, COUNT(*) OVER () AS N FROM (
  SELECT "ID", "NAME", REGEXP_REPLACE("EMAIL", '^[^@]*', '***') AS "EMAIL", NULL AS "SSN", "REGION",
    CASE WHEN "PHONE" IS NULL THEN NULL ELSE CONCAT(REPEAT('*', GREATEST(LENGTH("PHONE") - 4, 0)), RIGHT("PHONE", 4)) END AS "PHONE"
  FROM (SELECT 'a' AS NAME, 'a@b' AS EMAIL, '555-0100' AS PHONE, 'EU' AS REGION, 1 AS ID) AS PEOPLE WHERE (REGION = 'EU')
) AS PEOPLE WHERE ID > 0 ORDER BY ID LIMIT`;

/** So often, until what is run is compiled as well as it gets. */
const ROUNDS = 15;

export async function warmUp(engine: Engine, options: WarehouseOptions): Promise<void> {
  const session = await freshSession(engine, options, '', '');
  const execution: Execution = {
    session,
    engine,
    limits: options,
    queryId: '',
    describeOnly: false,
    maxRows: 0,
    isCancelled: () => false,
    setRunning: () => undefined,
    syncHistory: async () => undefined,
    makeChunk: (index, rows) => packChunk('', index, rows),
  };
  try {
    for (let limit = 1; limit <= ROUNDS; limit++) {
      await execute(`EXPLAIN USING JSON ${READ} ${limit}`, [], execution);
      await execute(`${READ} ${limit}`, [], execution);
    }
    await execute('SHOW DATABASES', [], execution);
  } finally {
    session.connection.closeSync();
  }
}
