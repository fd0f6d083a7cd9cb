/** What somebody is told that they may do is what is run: no kind that is refused whatever a rule says. */
import { describe, expect, it } from 'vitest';
import { decideStanding, describeStanding, policiesFrom } from '../../../dist/policy/index.js';
import { Effort, isRun, Refusal, readNames, readStatement, STATEMENT_KINDS } from '../../../dist/sql/index.js';

const EXAMPLES: Readonly<Record<(typeof STATEMENT_KINDS)[number], string>> = {
  select: 'SELECT A FROM D.S.T',
  describe: 'DESCRIBE TABLE D.S.T',
  show: 'SHOW TABLES',
  explain: 'EXPLAIN SELECT A FROM D.S.T',
  insert: 'INSERT INTO D.S.T (A) VALUES (1)',
  update: 'UPDATE D.S.T SET A = 1 WHERE A = 2',
  delete: 'DELETE FROM D.S.T WHERE A = 1',
  merge: 'MERGE INTO D.S.T USING D.S.U ON T.A = U.A WHEN MATCHED THEN DELETE',
  copy_into_table: "COPY INTO D.S.T FROM '@x'",
  unload: 'COPY INTO @x FROM D.S.T',
  create: 'CREATE TABLE D.S.T (A NUMBER)',
  alter: 'ALTER TABLE D.S.T ADD COLUMN B NUMBER',
  drop: 'DROP TABLE D.S.T',
  truncate: 'TRUNCATE TABLE D.S.T',
  grant: 'GRANT SELECT ON TABLE D.S.T TO ROLE R',
  call: 'CALL D.S.P()',
  execute: "EXECUTE IMMEDIATE 'SELECT 1'",
  stage_file: 'LIST @x',
  session: 'USE ROLE R',
};

/** Whether a statement of the kind is understood, so that a rule can let it run. */
async function isUnderstood(text: string): Promise<boolean> {
  try {
    await readNames(readStatement(text), { database: 'D', schema: 'S' }, new Effort());
    return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return false;
  }
}

const setOf = (rules: string) =>
  policiesFrom(
    'p.yaml',
    `policy: p\nprincipals: { groups: [g] }\nsnowflake: { role: R, warehouse: W }\nrules:\n${rules}`,
  );

describe('a kind', () => {
  it.each(STATEMENT_KINDS.map((kind) => [kind]))('%s is told as one that may run if it is understood', async (kind) => {
    expect(readStatement(EXAMPLES[kind]).kind).toBe(kind);
    expect(isRun(kind)).toBe(await isUnderstood(EXAMPLES[kind]));
  });

  it.each(['read', 'any', 'write'])('of the group %s is told only if it is run', async (group) => {
    const { policies } = await setOf(
      `  - allow: [${group}]\n    on: [A.B.*]\n  - approve: [${group}]\n    on: [A.C.*]\n    by: { groups: [x] }\n`,
    );
    const may = describeStanding(policies).filter((line) => / may /.test(line));
    expect(may).toHaveLength(2);
    for (const line of may)
      for (const kind of / may (.*) on /.exec(line)?.[1]?.split(', ') ?? ['none'])
        expect(isRun(kind as (typeof STATEMENT_KINDS)[number]), line).toBe(true);
  });

  it('that is never run is told as such where a rule names nothing else', async () => {
    const { policies } = await setOf('  - allow: [create]\n    on: [A.B.*]\n');
    expect(describeStanding(policies)[1]).toBe(
      'create on A.B.*: statements of these kinds are never run, whatever a rule says.',
    );
  });
});

describe('nothing', () => {
  it('is allowed to whom no policy names, and where none is there; each says so', async () => {
    const set = await setOf('  - allow: [read]\n    on: [A.B.*]\n');
    expect(decideStanding({ set, policies: set.policies })).toBeUndefined();
    expect(decideStanding({ set, policies: [] })?.message).toBe('No policy names you, so nothing is allowed.');
    expect(decideStanding({ set: { ...set, policies: [] }, policies: [] })).toMatchObject({
      code: 'NO_POLICY',
      message: 'No policy is loaded, so nothing is allowed to anybody.',
    });
  });
});
