/**
 * The driver's own integration tests against the embedded warehouse: the best judge of its faithfulness.
 *
 *   npm run test:driver -- PATH [FILE …]
 *
 * PATH is a checkout of snowflakedb/snowflake-connector-nodejs in which `npm install --ignore-scripts` was run; FILE names tests of its
 * test/integration folder. Without FILE, those that need neither cloud storage nor a real account's users run.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFAULT_OPTIONS, Warehouse } from '../../dist/embedded/warehouse/index.js';

const [checkout, ...files] = process.argv.slice(2);
if (!checkout || !existsSync(join(checkout, 'test/integration/connectionOptions.js'))) {
  console.error(
    'Name a checkout of snowflakedb/snowflake-connector-nodejs with its dependencies installed: npm run test:driver -- PATH',
  );
  process.exit(2);
}
const CORE = [
  'testDataType',
  'testBind',
  'testRowMode',
  'testExecute',
  'testConcurrent',
  'testStatement',
  'testStreamRows',
];
const MORE = [
  'testConnection',
  'testCancel',
  'testLargeResultSet',
  'testConnectionPoolExecute',
  'testMultiStatement',
  'testExecuteAsync',
  'testUpdatedRows',
  'testRequestParams',
  'testSerializeConnection',
  'testLoginRequestBody',
  'testArrayBind',
  'testHTAP',
];
const wanted = files.length > 0 ? files : [...CORE, ...MORE];
const paths = wanted
  .flatMap((name) => ['.js', '.ts', ''].map((ending) => `test/integration/${name}${ending}`))
  .filter((path) => existsSync(join(checkout, path)));

const warehouse = await Warehouse.start({
  ...DEFAULT_OPTIONS,
  databases: ['TESTDB'],
  seeds: [],
  users: [{ name: 'AGENT', password: 'pw' }],
});
const { hostname, port } = new URL(warehouse.url);
const child = spawn('npx', ['mocha', '--retries', '0', '--timeout', '20000', '--exit', '--reporter', 'dot', ...paths], {
  cwd: resolve(checkout),
  stdio: 'inherit',
  env: {
    ...process.env,
    TS_NODE_TRANSPILE_ONLY: '1',
    SNOWFLAKE_DISABLE_PLATFORM_DETECTION: 'true',
    SNOWFLAKE_TEST_PROTOCOL: 'http',
    SNOWFLAKE_TEST_HOST: hostname,
    SNOWFLAKE_TEST_PORT: port,
    SNOWFLAKE_TEST_ACCOUNT: 'demo',
    SNOWFLAKE_TEST_USER: 'AGENT',
    SNOWFLAKE_TEST_PASSWORD: 'pw',
    SNOWFLAKE_TEST_DATABASE: 'TESTDB',
    SNOWFLAKE_TEST_SCHEMA: 'PUBLIC',
    SNOWFLAKE_TEST_WAREHOUSE: 'WH',
    SNOWFLAKE_TEST_ROLE: 'R',
  },
});
const code = await new Promise((done) => child.once('exit', done));
await warehouse[Symbol.asyncDispose]();
process.exit(code ?? 1);
