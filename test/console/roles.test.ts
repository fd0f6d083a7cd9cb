/** Roles in the console follow from groups, and groups are an issuer's. */
import { expect, it } from 'vitest';
import { People } from '../../dist/console/people/people.js';
import { newSealingKey, SealedRows, storePool } from '../../dist/transcript/index.js';

const [OURS, THEIRS] = ['https://login.example.com', 'https://other.example'];

it('come from groups of the issuer that the configuration means, and of no other', async () => {
  // Nothing is asked of it.
  const pool = storePool('postgres://nobody@127.0.0.1:9/none', undefined, 1);
  const people = new People({
    pool,
    rows: new SealedRows([newSealingKey()], () => undefined),
    lifetimeMs: 1,
    idleMs: 1,
    record: () => Promise.resolve(),
    secret: Buffer.alloc(32),
    roles: {
      reviewer: [{ issuers: [OURS], groups: ['stewards'] }],
      auditor: [{ issuers: [THEIRS], groups: ['stewards', 'auditors'] }],
      administrator: [],
    },
  });
  expect(people.rolesOf({ issuer: OURS, groups: ['stewards'] })).toEqual(['reviewer']);
  expect(people.rolesOf({ issuer: `${OURS}/`, groups: ['stewards', 'auditors'] })).toEqual(['reviewer']);
  expect(people.rolesOf({ issuer: THEIRS, groups: ['stewards'] })).toEqual(['auditor']);
  // Whoever signed in before the configuration named another issuer.
  expect(people.rolesOf({ issuer: 'https://former.example', groups: ['stewards', 'auditors'] })).toEqual([]);
  await pool.end();
});
