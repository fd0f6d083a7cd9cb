/** A few statements before anybody's: parser, translation and engine are slow the first time. They read no table and are in no history. */
import { packChunk } from '../../../protocol/index.js';
import type { Engine } from '../engine/engine.js';
import { execute } from '../statements/execute.js';
import type { Execution } from '../statements/execution.js';
import type { WarehouseOptions } from './options.js';
import { freshSession } from './session-requests.js';

const READ = `SELECT NAME, REGEXP_REPLACE(EMAIL, '^[^@]*', '***') AS EMAIL, COUNT(*) OVER () AS N
FROM (SELECT 'a' AS NAME, 'a@b' AS EMAIL, 1 AS ID) AS PEOPLE WHERE ID > 0 ORDER BY ID LIMIT`;

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
    for (const limit of [5, 6, 7]) {
      await execute(`EXPLAIN USING JSON ${READ} ${limit}`, [], execution);
      await execute(`${READ} ${limit}`, [], execution);
    }
    await execute('SHOW DATABASES', [], execution);
  } finally {
    session.connection.closeSync();
  }
}
