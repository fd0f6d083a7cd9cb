import { DEFAULT_OPTIONS, Warehouse } from './dist/embedded/warehouse/index.js';
import { connectDriver, execute } from './test/support/outside/driver.mjs';

const w = await Warehouse.start({
  ...DEFAULT_OPTIONS,
  databases: ['DB'],
  seeds: [],
  defaultDatabase: 'DB',
  users: [{ name: 'U', password: 'pw' }],
});
const c = await connectDriver({ access_url: w.url, username: 'u', password: 'pw' });
for (const sql of process.argv.slice(2))
  try {
    console.log(JSON.stringify(await execute(c, sql)).slice(0, 300));
  } catch (e) {
    console.log(sql, '=>', e.code, e.message.slice(0, 400));
  }
c.destroy(() => undefined);
await w[Symbol.asyncDispose]();
process.exit(0);
