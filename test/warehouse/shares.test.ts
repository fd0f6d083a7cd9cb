/** Connections that principals share, by the real driver against the embedded warehouse: none takes all of them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, Warehouse as Embedded } from '../../dist/embedded/warehouse/index.js';
import type { Warehouse } from '../../dist/warehouse/index.js';
import { warehouseAt } from '../support/warehouse.mjs';

const KEY = { role: 'R', warehouse: 'W' };
const CONNECTIONS = 4;

let embedded: Embedded;
let warehouse: Warehouse;
beforeAll(async () => {
  const users = [{ name: 'SNOWFENCE', password: 'p' }];
  embedded = await Embedded.start({ ...DEFAULT_OPTIONS, databases: ['DB'], seeds: [], users, latencyMs: 400 });
  warehouse = warehouseAt(embedded.url, 'p', { poolSize: CONNECTIONS });
  await Promise.all(Array.from({ length: CONNECTIONS }, () => warehouse.ask(KEY, 'SELECT 1', 'warm')));
});
afterAll(async () => {
  await warehouse[Symbol.asyncDispose]();
  await embedded[Symbol.asyncDispose]();
});

it('whoever sends many leaves a quarter to the others, and waits behind those with fewer', async () => {
  const order: string[] = [];
  const ask = async (whose: string | undefined): Promise<void> => {
    await warehouse.ask(whose === undefined ? KEY : { ...KEY, whose }, 'SELECT 1', 'test');
    order.push(whose ?? 'own');
  };
  const flood = Array.from({ length: 9 }, () => ask('flood'));
  await Promise.all([...flood, ask('ann'), ask('bob'), ask('ann')]);
  expect(order).toHaveLength(12);
  // Three of four are at work for one; the fourth serves Ann, and then Bob and Ann before anything more of the flood on it.
  expect(order.indexOf('ann')).toBeLessThan(CONNECTIONS);
  expect(order.lastIndexOf('bob')).toBeLessThan(2 * CONNECTIONS);
  expect(order.lastIndexOf('ann')).toBeLessThan(2 * CONNECTIONS);
  // All is given back: the gateway's own questions may take every one.
  order.length = 0;
  await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(undefined)));
  await Promise.all(Array.from({ length: CONNECTIONS + 2 }, () => ask('flood')));
  expect(order).toHaveLength(2 * CONNECTIONS + 2);
});
