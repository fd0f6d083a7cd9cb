/** Where a list of what somebody may see goes on may be the name of something hidden: its cursor tells nobody, and nobody makes one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Gateway } from '../../../dist/gateway/gateway.js';
import { callerOf } from '../../support/caller.mjs';
import { Whole } from '../../support/gateways/whole.js';

let whole: Whole;
let gateway: Gateway;
beforeAll(async () => {
  whole = await Whole.start(['CREATE SCHEMA DB.S']);
  ({ gateway } = await whole.gateway('rules:\n  - allow: [read]\n    on: [DB.S.*]\n'));
});
afterAll(() => whole[Symbol.asyncDispose]());

const PLACE = { database: 'DB', schema: 'S', name: 'HIDDEN_MERGER_15' };
const [bot, other] = [callerOf('bot', ['g']), callerOf('other', ['g'])];

it('is read by whom it was given to, and by nobody else', () => {
  const cursor = gateway.cursorOf(bot, PLACE);
  expect(gateway.placeOf(bot, cursor)).toEqual(PLACE);
  expect(gateway.placeOf(other, cursor)).toBeUndefined();
  expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toMatch(/HIDDEN|MERGER/);
  // Nor does its length tell how long the name is.
  expect(gateway.cursorOf(bot, { ...PLACE, name: 'X' })).toHaveLength(cursor.length);
  expect(gateway.cursorOf(bot, { ...PLACE, name: 'é'.repeat(255) }).length).toBeLessThan(8000);
});

it('is made by nobody else', () => {
  const cursor = gateway.cursorOf(bot, PLACE);
  const changed = `${cursor.slice(0, 40)}${cursor[40] === 'A' ? 'B' : 'A'}${cursor.slice(41)}`;
  for (const made of ['', 'x', changed, Buffer.from('["DB","S","A"]').toString('base64url')])
    expect(gateway.placeOf(bot, made)).toBeUndefined();
});
