/** The demo's warehouse and PostgreSQL, each a process of its own. */
import { Child } from './child.js';

export interface DemoWarehouse {
  readonly seeds: readonly string[];
  readonly latencyMs: number;
  readonly password: string;
  /** undefined where nothing is kept between runs. */
  readonly dataFolder: string | undefined;
}

export const startWarehouseOn = (
  port: number,
  { seeds, latencyMs, password, dataFolder }: DemoWarehouse,
): Promise<Child> =>
  Child.start(
    '../embedded/warehouse/main.js',
    {
      port,
      databases: ['ANALYTICS'],
      seeds,
      latencyMs,
      users: [{ name: 'SNOWFENCE', password }],
      ...(dataFolder === undefined ? {} : { dataFolder }),
    },
    // DuckDB's queries hold threads of the pool for as long as they run.
    { UV_THREADPOOL_SIZE: '16' },
  );

export const startPostgresOn = (port: number, dataFolder: string, password: string): Promise<Child> =>
  Child.start('../embedded/postgres/main.js', { dataFolder, port, password });
