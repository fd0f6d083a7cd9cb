/** What is known of an approval: in one order, and never nothing where something is not known. */
import { describe, expect, it } from 'vitest';
import { factsOf, knownOf, type ShownApproval, standingFacts } from '../../dist/approval/values/known.js';
import { aboutApproval } from '../../dist/approval/values/state.js';

const AT = new Date('2026-11-27T11:47:19.500Z');
/** As versions before this one kept it. */
const BEFORE = {
  kind: 'update',
  objects: [
    { object: 'A.B.S', access: 'read', via: [] },
    { object: 'A.B.T', access: 'write', via: ['A.B.V'] },
  ],
  columns: ['A.B.S."x.y"', 'A.B.S.ID', 'A.B.T.ID'],
  masks: [],
  row_predicates: [],
  rules: [],
  reasons: ['Finance owns it.'],
  estimate: { bytes: null, rows: null },
};
const about = (more: object = {}, estimate: object = {}) =>
  aboutApproval.parse({ ...BEFORE, ...more, estimate: { ...BEFORE.estimate, ...estimate } });
const approval = (more: Partial<ShownApproval> = {}): ShownApproval => ({
  id: 'a',
  subject: 'bot',
  issuer: 'https://login.example.com',
  client_id: 'bot',
  state: 'pending',
  purpose: 'Tidy up.',
  is_erased: false,
  policy_version: 'v1',
  statement: 'UPDATE T SET X = 1',
  sent: '',
  requirements: [{ issuers: ['https://login.example.com'], groups: ['stewards'], count: 2, rule: 'p.yaml:3' }],
  expires_at: AT,
  about: about(),
  decisions: [],
  outcome: null,
  ended: null,
  held: null,
  ...more,
});
const linesOf = (of: ShownApproval, name: string) => factsOf(knownOf(of)).find((fact) => fact.name === name)?.lines;

it('has one order, the agent’s word apart', () => {
  const known = knownOf(approval());
  expect(factsOf(known).map(({ name }) => name)).toEqual([
    'Touches',
    'Scans',
    'Writes',
    'Reads',
    'Objects',
    'Agent',
    'Asked for by',
    'Because',
    'Needed',
    'Open until',
  ]);
  expect(known.wrote).toEqual({ name: 'bot wrote, and nobody checked', lines: ['Tidy up.'] });
  expect(JSON.stringify({ ...known, wrote: undefined })).not.toContain('Tidy up.');
  expect(knownOf(approval({ purpose: null })).wrote).toEqual({ name: 'bot gave no reason', lines: [] });
  expect(knownOf(approval({ purpose: null, is_erased: true })).wrote).toEqual({
    name: 'What bot wrote was erased',
    lines: [],
  });
});

it('names first what is written; columns by their table', () => {
  expect(knownOf(approval()).headline).toBe('UPDATE on A.B.T');
  expect(linesOf(approval(), 'Reads')).toEqual(['A.B.S: "x.y", ID', 'A.B.T: ID']);
  expect(linesOf(approval(), 'Objects')).toEqual(['A.B.S (read)', 'A.B.T (write, through A.B.V)']);
  expect(linesOf(approval({ about: about({ written: ['A.B.T.X', 'A.B.T.Y'] }) }), 'Writes')).toEqual(['A.B.T: X, Y']);
});

describe('what is not known is told', () => {
  it('of an approval that an earlier version asked for', () => {
    expect(linesOf(approval(), 'Touches')).toEqual(['not counted, because nobody wrote down why']);
    expect(linesOf(approval(), 'Writes')).toEqual(['not told']);
    expect(knownOf(approval()).warnings).toEqual([]);
  });

  it.each([
    ['no_change', 'none are changed'],
    ['binds', 'it has binds'],
    ['form', 'no one query tells'],
    ['unreadable', 'may not read what would be counted'],
    ['limit', 'has used up'],
    ['too_long', 'took too long'],
    ['failed', 'could not count'],
    ['unreachable', 'did not answer'],
    ['overtaken', 'the rules changed'],
  ])('rows: %s', (uncounted, words) => {
    expect(linesOf(approval({ about: about({}, { uncounted }) }), 'Touches')?.[0]).toContain(words);
  });

  it.each([
    ['hidden', 'masked or filtered'],
    ['unsaid', 'Snowflake does not say'],
  ])('bytes: %s', (unweighed, words) => {
    expect(linesOf(approval({ about: about({}, { unweighed }) }), 'Scans')?.[0]).toContain(words);
  });

  it('of one whose texts were erased', () => {
    const known = knownOf(approval({ about: null }));
    expect(known.headline).toBe('STATEMENT whose details were erased');
    expect(known.size).toBe('not known any more');
  });
});

describe('a whole table stands out', () => {
  it.each([
    ['update', 'no condition of this UPDATE goes by a column of A.B.T'],
    ['insert', 'it removes every row of A.B.T'],
  ])('by the text of an %s', (kind, words) => {
    const known = knownOf(approval({ about: about({ kind, every_row_of: 'A.B.T' }) }));
    expect(known.headline).toBe(`${kind.toUpperCase()} on EVERY ROW of A.B.T`);
    expect(known.warnings).toEqual([expect.stringContaining(words)]);
  });

  it.each([
    [900, 1000, 1],
    [1100, 1000, 1],
    [899, 1000, 0],
    [1, 1, 0],
    [5, null, 0],
    [null, 1000, 0],
  ])('by numbers: %s of %s', (rows, of, warnings) => {
    expect(knownOf(approval({ about: about({}, { rows, of }) })).warnings).toHaveLength(warnings);
  });

  it('and an INSERT beside many rows does not', () => {
    expect(knownOf(approval({ about: about({ kind: 'insert' }, { rows: 1000, of: 1000 }) })).warnings).toEqual([]);
  });
});

describe('a standing approval that came of it', () => {
  const held = { id: 'h', expires_at: AT, uses: 3, max_uses: 20, revoked: null };
  const when = '2026-11-27 11:47:19 UTC';

  it('is told of where it was given, and once it was ended', () => {
    const of = 'h for others of this shape, used 3 of 20 times';
    expect(linesOf(approval({ held }), 'Standing')).toEqual([`${of}, until ${when}`]);
    const ended = { ...held, revoked: { at: AT, by: 'carl', denied: null } };
    expect(linesOf(approval({ held: ended }), 'Standing')).toEqual([`${of}, ended by carl, ${when}`]);
    const denied = { ...held, revoked: { at: AT, by: 'carl', denied: 'd' } };
    expect(linesOf(approval({ held: denied }), 'Standing')).toEqual([
      `${of}, ended by carl with the no to approval d, ${when}`,
    ]);
  });

  it('is told of with a statement that ran under it: by whom, for how long, for what', () => {
    const word = { approval_id: 'a', persons: [], reason: null, standing_uses: 20, decided_at: AT };
    const decisions = [
      { ...word, reviewer: 'https://login.example.com carl', decision: 'approve' as const, standing_ms: 60_000 },
      { ...word, reviewer: 'https://login.example.com dora', decision: 'approve' as const, standing_ms: null },
    ];
    expect(
      standingFacts({ decisions, held, is_erased: false, shape: { key: 'k', text: 'DELETE FROM T', holes: [] } }),
    ).toEqual([
      { name: 'Given by', lines: [`carl, ${when}`] },
      { name: 'Standing', lines: [`h for others of this shape, used 3 of 20 times, until ${when}`] },
      { name: 'Shape', lines: ['DELETE FROM T'] },
    ]);
  });
});

describe('what came of it', () => {
  const outcome = {
    state: 'ok',
    at: AT,
    rows_answered: 1,
    rows_changed: 1234,
    query_id: '01b2',
    problem: null,
    code: null,
    is_settled: false,
  } as const;
  const used = (more: object = {}): ShownApproval => approval({ state: 'used', outcome: { ...outcome, ...more } });

  it('has rows that were changed and the query’s id', () => {
    expect(linesOf(used(), 'Outcome')).toEqual(['it ran, 1,234 rows changed, query 01b2, 2026-11-27 11:47:19 UTC']);
    expect(linesOf(used(), 'Was open until')).toEqual(['2026-11-27 11:47:19 UTC']);
  });

  it.each([
    ['expired', 'undecided', 'nobody decided in time'],
    ['expired', 'uncalled', 'it was approved, and its agent did not call for it in time'],
    ['expired', 'changed', 'the rules, or what it reads, have changed since it was asked for'],
    ['expired', 'erased', 'its texts were erased, so that nobody can be shown what it is about'],
    ['withdrawn', 'agent', 'its agent withdrew it'],
    ['withdrawn', 'standing', 'its agent sent it once more, and a standing approval stands for that, statement s'],
    [
      'withdrawn',
      'allowed',
      'its agent sent it once more, and that ran as the rules allow, without asking, statement s',
    ],
  ] as const)('is told of what is %s by %s', (state, why, words) => {
    const instead = why === 'standing' || why === 'allowed' ? 's' : undefined;
    const ended = { state, at: AT, why, instead, outcome: undefined };
    expect(linesOf(approval({ state, ended }), 'Outcome')).toEqual([`${words}, 2026-11-27 11:47:19 UTC`]);
  });

  it('claims no row of a change that nobody counted', () => {
    expect(linesOf(used({ rows_changed: null }), 'Outcome')).toEqual(['it ran, query 01b2, 2026-11-27 11:47:19 UTC']);
  });

  it.each([
    [{ state: 'failed', problem: 'E1: no' }, 'it failed'],
    [{ state: 'cancelled' }, 'it was cancelled'],
    [{ state: 'refused' }, 'it did not run'],
    [{ state: 'unknown' }, 'nobody knows whether it ran'],
    [{ is_settled: true }, "it ran, as the warehouse's history says"],
  ])('%o', (more, words) => {
    expect(linesOf(used(more), 'Outcome')?.[0]).toContain(words);
  });

  it('is not known of one that was only begun', () => {
    expect(linesOf(approval({ state: 'used' }), 'Outcome')).toEqual(['it was begun, and the record has no end of it']);
    expect(linesOf(approval(), 'Outcome')).toBeUndefined();
  });

  it('has each word with its time, and what else it lets pass', () => {
    const word = { approval_id: 'a', persons: [], decided_at: AT, reviewer: 'https://login.example.com ana' };
    const decisions = [
      { ...word, decision: 'approve', reason: 'Fine.', standing_ms: 1_800_000, standing_uses: 5 },
      { ...word, decision: 'deny', reason: null, standing_ms: null, standing_uses: null },
    ] as const;
    expect(linesOf(approval({ decisions }), 'Decided')).toEqual([
      'ana said yes, and to others of this shape for 30 min, 5 times, 2026-11-27 11:47:19 UTC: Fine.',
      'ana said no, 2026-11-27 11:47:19 UTC',
    ]);
  });
});

it('names the issuer whose groups are asked where it is not the agent’s', () => {
  const requirements = [{ issuers: ['https://other.example.com'], groups: ['a', 'b'], count: 1, rule: 'r' }];
  expect(linesOf(approval({ requirements }), 'Needed')).toEqual([
    '1 of a or b at https://other.example.com (0 so far)',
  ]);
});

describe('a job that a client names', () => {
  const jobOf = (reported: ShownApproval['reported']) => knownOf(approval({ reported })).reported;

  it.each([
    ['call' as const, 'Part of a job (the client said so with the call)'],
    ['connection' as const, 'Part of a job (the connection says so)'],
    [undefined, 'Part of a job (reported)'],
  ])('is told with who says so: %s', (source, name) => {
    const reported = { job: { run: '17' }, ...(source === undefined ? {} : { job_source: source }) };
    expect(jobOf(reported)).toEqual([{ name, lines: ['run="17"'] }]);
  });

  it('is cut where it is long, and told to be', () => {
    const job = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`key_${n}`, 'v'.repeat(490)]));
    const [fact] = jobOf({ job, job_source: 'call' });
    expect(fact?.name).toBe('Part of a job (the client said so with the call, 9,989 characters)');
    expect(fact?.lines.join('')).toHaveLength(502);
    expect(fact?.lines.join('')).toMatch(/ …$/);
  });
});
