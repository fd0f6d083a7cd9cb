/**
 * Several embedded warehouses in one process, so that a text which all of them get is translated once. Options as one JSON line on
 * standard input, the addresses as one line on standard output; ends with its standard input.
 */
import { createInterface } from 'node:readline';
import { DEFAULT_OPTIONS, Warehouse } from '../../dist/embedded/warehouse/index.js';

const lines = createInterface({ input: process.stdin });
const running = [];
process.on('SIGINT', () => undefined);
lines.on('close', () => {
  void Promise.all(running.map((warehouse) => warehouse[Symbol.asyncDispose]())).then(() => process.exit(0));
});
lines.once('line', async (line) => {
  try {
    const { warehouses } = JSON.parse(line);
    for (const options of warehouses) running.push(await Warehouse.start({ ...DEFAULT_OPTIONS, ...options }));
    process.stdout.write(`${JSON.stringify({ urls: running.map(({ url }) => url) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
    process.exit(1);
  }
});
