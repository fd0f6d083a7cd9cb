/** The job queue while the store is away: nothing that it does not wait for ends the process. */

import type pg from 'pg';
import { expect, it } from 'vitest';
import { DELIVER, makeQueue } from '../../../dist/transcript/store/queue.js';

it('that can not tell how a job ended says so, and goes on', async () => {
  const told: string[] = [];
  const away = { query: () => Promise.reject(new Error('connect ECONNREFUSED')) } as unknown as pg.Pool;
  const { boss } = makeQueue(away, ({ message }) => void told.push(message));
  const id = '01a2172e-33ec-7345-b772-302e2ccfb9bc';
  expect(await boss.complete(DELIVER, id)).toMatchObject({ affected: 0 });
  expect(await boss.fail(DELIVER, id)).toMatchObject({ affected: 0 });
  expect(told).toEqual(['connect ECONNREFUSED', 'connect ECONNREFUSED']);
  // Whatever is waited for fails as it should.
  await expect(boss.send(DELIVER, {})).rejects.toThrow('connect ECONNREFUSED');
});
