import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decide,
  decideKind,
  type Estimate,
  inForce,
  loadPolicies,
  type Subject,
  type Verdict,
  watchPolicies,
} from '../../../dist/policy/index.js';
import { analyse, readStatement } from '../../../dist/sql/index.js';
import { catalog, DEFAULTS } from '../../support/catalog.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-policies-'));
});
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
async function load(...texts: string[]) {
  const { mkdir } = await import('node:fs/promises');
  const place = join(folder, `set${count++}`);
  await mkdir(place);
  for (const [index, text] of texts.entries()) await writeFile(join(place, `p${index}.yaml`), text);
  return { place, set: await loadPolicies(place) };
}

const someone = (more: Partial<Subject> = {}): Subject => ({
  issuer: 'https://issuer.example',
  subject: 'bot',
  clientId: 'bot',
  groups: ['g'],
  claims: {},
  ...more,
});

const policy = (body: string, name = 'one', who = 'groups: [g]'): string =>
  `policy: ${name}\nprincipals: { ${who} }\nsnowflake: { role: R, warehouse: W }\n${body}`;
const READ_ALL = 'rules:\n  - allow: [read]\n    on: [DB.S.*]\n';

async function judge(
  sql: string,
  texts: string[],
  subject = someone(),
  hasPurpose = true,
  estimate?: Estimate,
): Promise<Verdict> {
  const { set } = await load(...texts);
  const analysis = await analyse(readStatement(sql), catalog, DEFAULTS);
  return decide({
    ...inForce(set, subject, new Date()),
    subject,
    analysis,
    circumstances: {
      hasPurpose,
      isReported: false,
      hasWhere: analysis.hasWhere,
      functions: analysis.called,
      estimate,
    },
  });
}

describe('who a policy is for', () => {
  const isFor = async (who: string, subject: Subject, now = new Date('2026-11-18T12:00:00Z')): Promise<boolean> =>
    inForce((await load(policy(READ_ALL, 'one', who))).set, subject, now).policies.length === 1;

  it.each([
    ['groups: [g, h]', someone(), true],
    ['groups: [h]', someone(), false],
    ['subjects: ["bo*"]', someone(), true],
    ['subjects: ["BO*"]', someone(), false],
    ['groups: [g], claims: { team: data }', someone({ claims: { team: 'data' } }), true],
    ['groups: [g], claims: { team: data }', someone({ claims: { team: 'sales' } }), false],
    ['claims: { roles: [a, b] }', someone({ claims: { roles: ['b'] } }), true],
    ['groups: [g], except: { subjects: [bot] }', someone(), false],
    // Each key of an exception takes out whom it names, and so does each claim.
    ['groups: [g], except: { groups: [interns], subjects: [bot] }', someone(), false],
    ['groups: [g], except: { groups: [g], subjects: [other] }', someone(), false],
    ['groups: [g], except: { groups: [interns], subjects: [other], claims: { team: x } }', someone(), true],
    ['groups: [g], except: { claims: { team: x, left: true } }', someone({ claims: { left: true } }), false],
    ['groups: [g], except: { groups: [interns], issuer: "https://issuer.example" }', someone(), false],
    ['groups: [g], except: { issuer: "https://other.example" }', someone(), true],
    ['groups: [g], except: {}', someone(), true],
    ['groups: [g], issuer: "https://issuer.example/"', someone(), true],
    ['groups: [g], issuer: "https://issuer.example"', someone({ issuer: 'https://issuer.example/' }), true],
    ['groups: [g], issuer: ["https://other.example", "https://issuer.example"]', someone(), true],
    ['groups: [g], issuer: "https://other.example"', someone(), false],
    ['groups: [h], issuer: "https://issuer.example"', someone(), false],
    ['issuer: "https://issuer.example"', someone({ groups: [] }), true],
    ['claims: {}', someone(), false],
    ['', someone(), false],
    ['groups: [g], hours: { days: [wed], between: ["09:00", "17:00"] }', someone(), true],
    ['groups: [g], hours: { days: [thu] }', someone(), false],
    ['groups: [g], hours: { between: ["09:00", "13:00"], timezone: Asia/Tokyo }', someone(), false],
    ['groups: [g], hours: { between: ["20:00", "06:00"], timezone: Asia/Tokyo }', someone(), true],
  ])('{ %s }', async (who, subject, expected) => expect(await isFor(who, subject)).toBe(expected));
});

describe('whose groups a policy means', () => {
  const OURS = 'https://issuer.example';
  const OTHER = 'https://other.example';
  const approve = (by: string): string => `rules:\n  - approve: [select]\n    on: [DB.S.*]\n    by: ${by}\n`;
  const of = async (issuers: readonly string[] | undefined, ...texts: string[]) => {
    const { place } = await load(policy(READ_ALL));
    for (const [index, text] of texts.entries()) await writeFile(join(place, `p${index}.yaml`), text);
    return loadPolicies(place, issuers).catch((error: unknown) => String(error));
  };

  it('is the only issuer that there is, for principals and reviewers alike', async () => {
    const set = await of([`${OURS}/`], policy(approve('{ groups: [stewards] }')));
    if (typeof set === 'string') throw new Error(set);
    expect(set.policies[0]?.rules[0]?.by?.issuers).toEqual([OURS]);
    expect(inForce(set, someone(), new Date()).policies).toHaveLength(1);
    expect(inForce(set, someone({ issuer: OTHER }), new Date()).policies).toHaveLength(0);
  });

  it.each([
    ['principals', policy(READ_ALL), /p0\.yaml:2:\d+ Whose groups, subjects and claims these are is open/],
    [
      'reviewers',
      policy(approve('{ groups: [s] }'), 'one', `groups: [g], issuer: "${OURS}"`),
      /p0\.yaml:7:\d+ Whose groups these are is open/,
    ],
    [
      'one of another',
      policy(READ_ALL, 'one', 'groups: [g], issuer: "https://x.example"'),
      /https:\/\/x\.example is none of the issuers/,
    ],
    [
      'an exception of another',
      policy(READ_ALL, 'one', `groups: [g], issuer: "${OURS}", except: { issuer: "https://x.example" }`),
      /none of the issuers/,
    ],
    [
      'no address',
      policy(READ_ALL, 'one', 'groups: [g], issuer: okta'),
      /issuer is a text that can not stand here: it has to be an address/,
    ],
  ])('is said where there are several: %s', async (_name, text, said) => {
    expect(await of([OURS, OTHER], text)).toMatch(said);
  });

  it('is asked without a configuration, too, as soon as the files name two', async () => {
    const named = (issuer: string, name: string) => policy(READ_ALL, name, `groups: [g], issuer: "${issuer}"`);
    expect(await of(undefined, named(OURS, 'a'), policy(READ_ALL, 'b'))).toMatchObject({ issuers: [OURS] });
    expect(await of(undefined, named(OURS, 'a'), named(OTHER, 'b'), policy(READ_ALL, 'c'))).toMatch(/p2\.yaml:2/);
  });
});

describe('rules', () => {
  it('asks every group that an approve rule names, on one object or on several', async () => {
    const approve = (name: string, on: string, group: string, within: string): string =>
      policy(
        `rules:\n  - approve: [select]\n    on: [${on}]\n    by: { groups: [${group}], within: ${within} }\n`,
        name,
      );
    const one = approve('two', 'DB.S.ORDERS', 'stewards', '2h');
    const other = approve('three', '"DB.S.O*"', 'privacy', '1h');
    const verdict = await judge('SELECT id FROM orders', [policy(READ_ALL), one, other]);
    expect(verdict.approval?.requirements.map(({ groups }) => groups)).toEqual([['stewards'], ['privacy']]);
    expect(verdict.approval?.within).toBe(3_600_000);
  });

  it('deny before approve before allow, wherever they stand', async () => {
    const approve = policy('rules:\n  - approve: [select]\n    on: [DB.S.ORDERS]\n    by: { groups: [r] }\n', 'two');
    const deny = policy('rules:\n  - deny: [any]\n    on: ["DB.S.ORD*"]\n    reason: No orders.\n', 'three');
    expect((await judge('SELECT id FROM orders', [policy(READ_ALL)])).decision).toBe('allow');
    expect((await judge('SELECT id FROM orders', [policy(READ_ALL), approve])).decision).toBe('approve');
    const verdict = await judge('SELECT id FROM orders', [policy(READ_ALL), approve, deny]);
    expect(verdict).toMatchObject({
      decision: 'deny',
      denial: { code: 'OBJECT_DENIED', message: 'No orders.', policy: 'three' },
    });
    expect(verdict.denial?.rule).toMatch(/p2\.yaml:5$/);
  });

  it('hold through views', async () => {
    expect((await judge('SELECT * FROM hidden', [policy(READ_ALL)])).denial).toMatchObject({
      code: 'OBJECT_DENIED',
      position: { line: 1, column: 15 },
    });
  });

  it('say what may be done where a kind may not', async () => {
    const { set } = await load(policy(READ_ALL));
    expect(decideKind({ set, policies: set.policies }, 'drop')).toMatchObject({
      code: 'KIND_DENIED',
      hint: 'What you may run: select, describe.',
    });
    expect(decideKind({ set, policies: [] }, 'select')).toMatchObject({ code: 'NO_POLICY' });
  });

  it('refuse roles that contradict each other', async () => {
    const other = policy(READ_ALL, 'two').replace('role: R', 'role: Q');
    const { set } = await load(policy(READ_ALL), other);
    expect(decideKind({ set, policies: set.policies }, 'select')).toMatchObject({
      code: 'NO_POLICY',
      message: expect.stringContaining('different Snowflake roles'),
    });
  });

  it('can be narrowed by a condition', async () => {
    const rules =
      'rules:\n  - allow: [select, delete]\n    on: [DB.S.*]\n  - deny: [delete]\n    on: [DB.S.*]\n    when: { no_where: true }\n    reason: Say which rows.\n';
    expect((await judge('DELETE FROM orders WHERE id = 1', [policy(rules)])).decision).toBe('allow');
    expect((await judge('DELETE FROM orders', [policy(rules)])).denial?.message).toBe('Say which rows.');
  });

  it.each(['when: {}', 'when: { no_where: false }'])(
    'with %s are refused at load: a denial would be switched off',
    async (when) => {
      await expect(load(policy(`rules:\n  - deny: [any]\n    on: [DB.S.*]\n    ${when}\n`))).rejects.toThrow(
        'would never apply',
      );
    },
  );

  it('can go by a function', async () => {
    const rules = `${READ_ALL}  - deny: [select]\n    on: [DB.S.*]\n    when: { function: [listagg] }\n    reason: No lists.\n`;
    expect((await judge('SELECT max(id) FROM orders', [policy(rules)])).decision).toBe('allow');
    expect((await judge('SELECT array_agg(id), ListAgg(id) FROM orders', [policy(rules)])).denial?.message).toBe(
      'No lists.',
    );
  });

  const scanned = (effect: string, more = ''): string =>
    `rules:\n  - allow: [describe]\n    on: [DB.S.*]\n  - ${effect}: [select]\n    on: [DB.S.*]\n    when: { bytes_scanned_over: 1KB }\n${more}`;
  const BY = '    by: { groups: [r] }\n';
  it.each([
    ['approve', BY, undefined, 'allow'],
    ['approve', BY, { bytes: 1000, rows: undefined }, 'allow'],
    ['approve', BY, { bytes: 1001, rows: undefined }, 'approve'],
    ['approve', BY, { bytes: undefined, rows: undefined }, 'approve'],
    ['deny', '', { bytes: 1001, rows: undefined }, 'deny'],
    ['deny', '', { bytes: undefined, rows: undefined }, 'deny'],
    ['deny', '', { bytes: 5, rows: undefined }, 'allow'],
  ])('%s by bytes: %o', async (effect, more, estimate, expected) => {
    const verdict = await judge(
      'SELECT id FROM orders',
      [policy(READ_ALL), policy(scanned(effect, more), 'two')],
      someone(),
      true,
      estimate,
    );
    expect(verdict.decision).toBe(expected);
    expect(verdict.needs).toEqual({ bytes: true, rows: false });
  });

  it('allow by bytes holds only where they are known', async () => {
    const verdicts = await Promise.all(
      [
        undefined,
        { bytes: 2000, rows: undefined },
        { bytes: 10, rows: undefined },
        { bytes: undefined, rows: undefined },
      ].map((estimate) => judge('SELECT id FROM orders', [policy(scanned('allow'))], someone(), true, estimate)),
    );
    expect(verdicts.map(({ decision }) => decision)).toEqual(['allow', 'allow', 'deny', 'deny']);
  });

  it('limit the bytes of one statement', async () => {
    const limited = policy(`${READ_ALL}limits: { bytes_scanned_per_statement: 1KB }\n`);
    const of = async (bytes: number | undefined) =>
      (await judge('SELECT id FROM orders', [limited], someone(), true, { bytes, rows: undefined })).denial?.code;
    expect([await of(1000), await of(1001), await of(undefined)]).toEqual([
      undefined,
      'LIMIT_REACHED',
      'LIMIT_REACHED',
    ]);
    expect((await judge('SELECT 1', [limited], someone(), true, { bytes: undefined, rows: undefined })).decision).toBe(
      'allow',
    );
  });
});

describe('columns', () => {
  it('take the strictest mask', async () => {
    const columns =
      'columns:\n  - match: ["DB.*.*.EMAIL"]\n    mask: email\n  - match: [DB.S.CUSTOMERS.EMAIL]\n    mask: hash\n  - match: ["DB.S.CUSTOMERS.E*"]\n    mask: null\n';
    const verdict = await judge('SELECT email FROM customers', [policy(READ_ALL + columns)]);
    expect(verdict.masks).toHaveLength(1);
    expect(verdict.masks[0]).toMatchObject({ column: 'EMAIL', method: { kind: 'null' } });
  });

  it.each([
    ['SELECT phone FROM customers', true],
    ['SELECT * FROM customers', true],
    ['SELECT 1 FROM customers WHERE phone IS NULL', true],
    ['SELECT c.* FROM customers c', true],
    ['SELECT db.s.customers.phone FROM db.s.customers', true],
    ['SELECT s.customers.phone FROM s.customers', true],
    ['SELECT OBJECT_CONSTRUCT(*) FROM customers', true],
    ['SELECT id FROM customers ORDER BY phone', true],
    ['SELECT 1 FROM customers a NATURAL JOIN customers b', true],
    ['SELECT a.id FROM customers a JOIN customers b USING (phone)', true],
    ['SELECT id FROM customers', false],
    ['SELECT COUNT(*) FROM customers', false],
    ['SELECT * EXCLUDE (phone) FROM customers', false],
    ['SELECT phone FROM (SELECT id AS phone FROM customers)', false],
  ])('%s: denied is %s', async (sql, isDenied) => {
    const verdict = await judge(sql, [
      policy(
        `${READ_ALL}columns:\n  - match: [DB.S.CUSTOMERS.PHONE]\n    mask: deny\n    reason: Call the front desk.\n`,
      ),
    ]);
    expect(verdict.denial?.code).toBe(isDenied ? 'COLUMN_DENIED' : undefined);
    const star = sql.includes('*') ? ' Or leave out what is hidden: * EXCLUDE (PHONE).' : '';
    if (isDenied) expect(verdict.denial?.hint).toBe(`Name the columns you need: ID, NAME, EMAIL, REGION.${star}`);
  });
});

describe('rows', () => {
  it('are joined, with the principal’s values as quoted literals', async () => {
    const rows =
      'rows:\n  - on: DB.S.CUSTOMERS\n    where: REGION = {principal.claims.region}\n  - on: DB.S.CUSTOMERS\n    where: NAME <> {principal.subject}\n';
    const verdict = await judge(
      'SELECT id FROM customers',
      [policy(READ_ALL + rows)],
      someone({ subject: "o'x\\", claims: { region: "EU' OR '1'='1" } }),
    );
    expect(verdict.rows.map((entry) => entry.where)).toEqual(["REGION = 'EU'' OR ''1''=''1'", "NAME <> 'o''x\\\\'"]);
    const absent = await judge('SELECT id FROM customers', [policy(READ_ALL + rows)]);
    expect(absent.rows[0]?.where).toBe('REGION = NULL');
  });
});

describe('functions', () => {
  it('of others are denied unless listed', async () => {
    expect((await judge('SELECT DB.S.F(1)', [policy(READ_ALL)])).denial?.code).toBe('FUNCTION_DENIED');
    expect((await judge('SELECT DB.S.F(1)', [policy(`${READ_ALL}functions: { allow: [DB.S.F] }\n`)])).decision).toBe(
      'allow',
    );
    expect((await judge('SELECT F(1)', [policy(`${READ_ALL}functions: { allow: ["*"] }\n`)])).denial?.code).toBe(
      'FUNCTION_DENIED',
    );
    expect(
      (await judge('SELECT SYSTEM$WAIT(1)', [policy(`${READ_ALL}functions: { allow: ["*"] }\n`)])).denial?.code,
    ).toBe('FUNCTION_DENIED');
  });
});

describe('limits and record', () => {
  it('take the smallest, and of the record the fullest', async () => {
    const verdict = await judge('SELECT 1', [
      policy(`${READ_ALL}limits: { rows: 50, timeout: 1m }\nrecord: { results: masked }\n`),
      policy(
        `${READ_ALL}limits: { rows: 70, timeout: 5s, result_bytes: 1KB }\nrecord: { purpose: required, results: digest }\n`,
        'two',
      ),
    ]);
    expect(verdict.limits).toMatchObject({ rows: 50, timeoutMs: 5000, resultBytes: 1000 });
    expect(verdict.record).toEqual({ purpose: 'required', results: 'masked' });
  });

  it('ask for a purpose where it is required', async () => {
    expect(
      (await judge('SELECT 1', [policy(`${READ_ALL}record: { purpose: required }\n`)], someone(), false)).denial?.code,
    ).toBe('PURPOSE_REQUIRED');
  });
});

describe('files that are wrong', () => {
  it.each([
    [
      'policy: a\nprincipals: { groups: [g] }\nsnowflake: { role: R, warehouse: W }\nrules:\n  - allow: [reed]\n    on: [A.B.C]\n',
      /p0\.yaml:5:\d+ .*it has to be one of/,
    ],
    [
      'policy: a\nprincipels: { groups: [g] }\nsnowflake: { role: R, warehouse: W }\n',
      /p0\.yaml:2:\d+ "principels" is unknown here\. Did you mean "principals"\?/,
    ],
    [policy('rules:\n  - allow: [read]\n    on: [A.B]\n'), /p0\.yaml:6:\d+ "A\.B" has 2 dotted parts; 3 are needed/],
    [policy('rules:\n  - allow: [read]\n    deny: [drop]\n    on: ["*"]\n'), /exactly one of allow, deny and approve/],
    [policy('rows:\n  - on: A.B.C\n    where: X = 1) OR (1 = 1\n'), /one closed expression/],
    [policy('rows:\n  - on: A.B.C\n    where: X IN (SELECT 1)\n'), /no sub-query/],
    [policy('limits: { timeout: soon }\n'), /limits\.timeout is .*a duration such as 30s/],
    // A rule is known by its line: by a reviewer's word for one the other would pass.
    [
      policy('rules: [{ allow: [read], on: ["*"] }, { deny: [drop], on: ["*"] }]\n'),
      /p0\.yaml:4:\d+ Another rule begins on this line\. Write each rule on a line of its own\.$/,
    ],
    [
      policy(
        'rules: [{ approve: [insert], on: ["*"], by: { groups: [a] } },\n  { allow: [read], on: ["*"] }, { approve: [insert], on: ["*"], by: { groups: [b] } }]\n',
      ),
      /p0\.yaml:5:\d+ Another rule begins on this line/,
    ],
    ['policy: [\n', /p0\.yaml:\d+:\d+/],
  ])('%#', async (text, message) => {
    await expect(load(text)).rejects.toThrow(message);
  });

  it('are not those with a rule on each line, however it is written', async () => {
    await expect(
      load(policy('rules: [{ allow: [read], on: ["*"] },\n  { deny: [drop], on: ["*"] }]\n')),
    ).resolves.toBeDefined();
  });
});

describe('a folder that changes', () => {
  it('is reloaded, and keeps the last good set while it does not check', async () => {
    const { place } = await load(policy(READ_ALL));
    const events: string[] = [];
    await using watch = await watchPolicies(
      place,
      {
        onReload: () => events.push('reload'),
        onHeld: () => undefined,
        onProblem: () => events.push('problem'),
      },
      { stillMs: 50, openingMs: 100, pollMs: 50 },
    );
    const before = watch.current().version;
    await writeFile(join(place, 'p0.yaml'), 'policy: [');
    await expect.poll(() => events).toEqual(['problem']);
    expect(watch.current().version).toBe(before);
    expect(watch.problem()).toBeTruthy();
    await writeFile(join(place, 'p0.yaml'), policy(READ_ALL, 'renamed'));
    await expect.poll(() => events).toEqual(['problem', 'reload']);
    expect(watch.current().policies[0]?.name).toBe('renamed');
    expect(watch.problem()).toBeUndefined();
  });
});

describe('functions that a policy lists', () => {
  const listed = (names: string): string => `${READ_ALL}functions: { allow: [${names}] }\n`;
  const codeOf = async (sql: string, names: string) => (await judge(sql, [policy(listed(names))])).denial?.code;

  it.each([
    ['SELECT db.s.f(1)', 'DB.S.F', undefined],
    ['SELECT db.s.f(1)', 'DB.S.*', undefined],
    ['SELECT db.s.f(1)', '"*"', undefined],
    ['SELECT system$wait(1)', '"*"', 'FUNCTION_DENIED'],
    ['SELECT f(1)', 'DB.S.F', 'FUNCTION_DENIED'],
    ['SELECT system$typeof(1)', 'DB.S.F', 'FUNCTION_DENIED'],
    ['SELECT system$typeof(1)', 'SYSTEM$TYPEOF', undefined],
    ['SELECT system$wait(1)', 'SYSTEM$TYPEOF', 'FUNCTION_DENIED'],
    ['SELECT snowflake.cortex.complete(1)', '"*.*.*"', 'FUNCTION_DENIED'],
    ['SELECT snowflake.cortex.complete(1)', 'SNOWFLAKE.CORTEX.COMPLETE', undefined],
    ['SELECT last_query_id()', 'LAST_QUERY_ID', 'FUNCTION_DENIED'],
  ])('%s under %s', async (sql, names, expected) => expect(await codeOf(sql, names)).toBe(expected));
});

describe('paths into a column', () => {
  const masksOf = async (columns: string) =>
    (await judge('SELECT payload FROM events', [policy(`${READ_ALL}columns:\n${columns}`)])).masks.map(
      ({ column, method }) => [column, method],
    );

  it('are masked together', async () => {
    expect(
      await masksOf(
        '  - match: ["DB.S.EVENTS.PAYLOAD:user.email", \'DB.S.EVENTS.PAYLOAD:user."Full Name"\']\n    mask: redact\n',
      ),
    ).toEqual([
      [
        'PAYLOAD',
        {
          kind: 'paths',
          paths: [
            { path: ['user', 'email'], method: { kind: 'redact' } },
            { path: ['user', 'Full Name'], method: { kind: 'redact' } },
          ],
        },
      ],
    ]);
  });

  it('give way to a mask on the whole column, and the strictest holds on one path', async () => {
    expect(
      await masksOf(
        '  - match: ["DB.S.EVENTS.PAYLOAD:a"]\n    mask: redact\n  - match: ["DB.S.EVENTS.PAYLOAD"]\n    mask: null\n',
      ),
    ).toEqual([['PAYLOAD', { kind: 'null' }]]);
    expect(
      await masksOf(
        '  - match: ["DB.S.EVENTS.PAYLOAD:a"]\n    mask: email\n  - match: ["DB.*.*.PAYLOAD:a"]\n    mask: hash\n',
      ),
    ).toEqual([['PAYLOAD', { kind: 'paths', paths: [{ path: ['a'], method: { kind: 'hash' } }] }]]);
  });

  it.each([
    ['DB.S.EVENTS.PAYLOAD:', 'redact', /no key behind the colon/],
    ['DB.S.EVENTS.PAYLOAD:a..b', 'redact', /keys with dots/],
    ['DB.S.EVENTS.PAYLOAD:a[0]', 'redact', /keys with dots/],
    ['DB.S.EVENTS.PAYLOAD:a', 'deny', /can't be masked by deny/],
  ])('%s under %s is refused at load', async (match, mask, message) => {
    await expect(load(policy(`${READ_ALL}columns:\n  - match: ["${match}"]\n    mask: ${mask}\n`))).rejects.toThrow(
      message,
    );
  });
});
