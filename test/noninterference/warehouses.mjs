/**
 * Several embedded warehouses in one process, so that a text which all of them get is translated once. Options as one JSON line on
 * standard input, the addresses as one line on standard output; ends with its standard input.
 *
 * Beside them a door for the experimenter, who is above all policies: leaks are planted in what arrives (leaks.mjs), tables are read and
 * put back as they were.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Engine } from '../../dist/embedded/warehouse/engine/engine.js';
import { DEFAULT_OPTIONS, Warehouse } from '../../dist/embedded/warehouse/index.js';
import { Queries } from '../../dist/embedded/warehouse/serve/queries.js';
import { LEAKS } from './leaks.mjs';

const SNAPSHOT = '__SNAPSHOT__';
const quote = (name) => `"${name.replaceAll('"', '""')}"`;
const qualified = (name) => name.split('.').map(quote).join('.');
const kept = (name) => `${quote(SNAPSHOT)}.main.${quote(name)}`;

const lines = createInterface({ input: process.stdin });
const running = [];
const engines = [];
let leak;

// Every text that comes over the wire, whoever sends it and however.
const { start } = Queries.prototype;
Queries.prototype.start = function spoiled(session, requestId, request, statements) {
  if (!leak?.sent) return start.call(this, session, requestId, request, statements);
  return start.call(this, session, requestId, { ...request, sql: leak.sent(request.sql) }, statements.map(leak.sent));
};
const { start: startEngine } = Engine;
Engine.start = async (options) => {
  const engine = await startEngine.call(Engine, options);
  engines.push(engine);
  return engine;
};

const rowsOf = async (connection, sql) => (await connection.runAndReadAll(sql)).getRowsJson();

/** What the experimenter may ask of one warehouse. */
const ORDERS = {
  /** Keeps tables as they are now. */
  async keep({ connection }, { tables }) {
    await connection.run(`ATTACH ':memory:' AS ${quote(SNAPSHOT)}`);
    for (const name of tables) await connection.run(`CREATE TABLE ${kept(name)} AS FROM ${qualified(name)}`);
  },
  /** Puts a table back; one that is more than its columns stays, and gets its rows back. */
  async restore({ engine, connection }, { table }) {
    const { columns = [], checks = [] } = engine.catalog.find(...table.split('.')) ?? {};
    if (checks.length > 0 || columns.some(({ expression }) => expression !== null)) {
      const stored = columns.filter(({ expression }) => expression === null).map(({ name }) => quote(name));
      await connection.run(`BEGIN TRANSACTION; DELETE FROM ${qualified(table)};
        INSERT INTO ${qualified(table)} (${stored}) SELECT ${stored} FROM ${kept(table)}; COMMIT`);
      return;
    }
    await connection.run(`CREATE OR REPLACE TABLE ${qualified(table)} AS FROM ${kept(table)}`);
  },
  /** Rows that a table has and had not, and the other way round. */
  async changed({ connection }, { table }) {
    const [now, then] = [`FROM ${qualified(table)}`, `FROM ${kept(table)}`];
    return rowsOf(
      connection,
      `SELECT count(*) FROM ((${now} EXCEPT ALL ${then}) UNION ALL (${then} EXCEPT ALL ${now}))`,
    );
  },
  async rows({ connection }, { sql }) {
    return rowsOf(connection, sql);
  },
};

async function body(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

async function openDoor() {
  const path = `/${randomBytes(18).toString('hex')}`;
  const doors = await Promise.all(engines.map(async (engine) => ({ engine, connection: await engine.connect() })));
  const server = createServer(async (request, response) => {
    const answer = (status, value) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value ?? null));
    };
    if (request.url !== path) return answer(404);
    try {
      const order = await body(request);
      if (order.do === 'plant') {
        leak = order.leak === null ? undefined : LEAKS[order.leak];
        return answer(200);
      }
      return answer(200, await ORDERS[order.do](doors[order.of], order));
    } catch (error) {
      return answer(500, String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${server.address().port}${path}` };
}

let door;
process.on('SIGINT', () => undefined);
lines.on('close', () => {
  door?.server.closeAllConnections();
  door?.server.close();
  void Promise.all(running.map((warehouse) => warehouse[Symbol.asyncDispose]())).then(() => process.exit(0));
});
lines.once('line', async (line) => {
  try {
    const { warehouses } = JSON.parse(line);
    for (const options of warehouses) running.push(await Warehouse.start({ ...DEFAULT_OPTIONS, ...options }));
    door = await openDoor();
    process.stdout.write(`${JSON.stringify({ urls: running.map(({ url }) => url), door: door.url })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
    process.exit(1);
  }
});
