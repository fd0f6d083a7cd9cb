/** A few of each kind; the gate makes 200. */
import { expect, it } from 'vitest';
import { manipulate } from './manipulate.mjs';

it('finds what the superuser of the database does to the store', async () => {
  const { made, missed } = await manipulate(24, 5, 0.01);
  expect(missed).toEqual([]);
  expect(made).toBeGreaterThan(40);
});
