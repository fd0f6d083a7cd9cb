/** What search goes by is no larger than what it follows from, whatever an agent calls things. */
import { describe, expect, it } from 'vitest';
import { statementRow } from '../../../dist/transcript/form/projection.js';

const termsOf = (body: object): readonly string[] =>
  statementRow({
    at: '2026-11-26T00:00:00.000Z',
    session: '01a2172e-33ec-7345-b772-302e2ccfb9bc',
    statement: '01a2172e-33ec-7345-b772-302e2ccfb9bd',
    kind: 'statement_refused',
    body: { statement: '', ...body },
  })?.terms ?? [];

describe('terms of a statement', () => {
  it('are a name whole, and from each of its dots on', () => {
    expect(termsOf({ columns: ['DB.S.T.C'] })).toEqual([
      'verdict:denied',
      'column:db.s.t.c',
      'column:s.t.c',
      'column:t.c',
      'column:c',
    ]);
  });

  it.each([
    ['one name with very many dots', ['a.'.repeat(60_000)]],
    ['one name with as many dots as it may be long', ['a.'.repeat(550)]],
    ['many names with many dots', Array.from({ length: 500 }, (_, index) => `${index}${'.a'.repeat(100)}`)],
    ['one name that is long', ['a'.repeat(100_000)]],
  ])('are no more than some times as long as their names: %s', (_, names) => {
    const given = names.join('').length;
    const objects = names.map((object) => ({ object }));
    for (const body of [{ objects }, { columns: names }, { masks: names.map((column) => ({ column })) }])
      expect(termsOf(body).join('').length).toBeLessThan(20 * given);
  });
});
