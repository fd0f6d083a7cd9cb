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

it('is quiet once nothing is asked any more, and nothing follows on the last answer', async () => {
  const answers: (() => void)[] = [];
  const slow = {
    query: () =>
      new Promise((resolve) => {
        answers.push(() => resolve({ rows: [{ count: '1' }] }));
      }),
  } as unknown as pg.Pool;
  const { boss, quiet } = makeQueue(slow, () => undefined);
  const id = '01a2172e-33ec-7345-b772-302e2ccfb9bc';
  // What a worker does that was looking for jobs when it was told to stop: it tells their end behind that.
  const working = boss.complete(DELIVER, id).then(() => boss.complete(DELIVER, id));
  await expect.poll(() => answers.length).toBe(1);
  let isQuiet = false;
  const ending = quiet(60_000).then(() => {
    isQuiet = true;
  });
  for (const at of [0, 1]) {
    await expect.poll(() => answers.length).toBe(at + 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isQuiet).toBe(false);
    answers[at]?.();
  }
  await Promise.all([working, ending]);
  // Nobody waits for ever.
  void boss.complete(DELIVER, id);
  await quiet(50);
});
