/** What a refused text names, told by its tokens. */
import { describe, expect, it } from 'vitest';
import { namedIn } from '../../../dist/sql/index.js';

describe('names in a text that nobody has analysed', () => {
  it.each([
    ['DROP TABLE IF EXISTS ANALYTICS.sales."Odd Name"', ['ANALYTICS.SALES."Odd Name"']],
    ['select a from x.y t, z as q, w join "B" on x = 1 where a in (1)', ['X.Y', 'Z', 'W', 'B']],
    ['with c as (select 1 from T1) select * from c', ['T1']],
    ['GRANT SELECT ON TABLE A.B TO ROLE R', ['A.B']],
    ['TRUNCATE A.B.C', ['A.B.C']],
    ['ALTER TABLE A SWAP WITH B', ['A', 'B']],
    ['COPY INTO @stage FROM T', ['T']],
    ['SELECT 1; DELETE FROM T2', ['T2']],
    ['MERGE INTO A USING B ON 1 = 1', ['A', 'B']],
    ["SELECT * FROM IDENTIFIER('a.b.c')", ['A.B.C']],
    ["SELECT * FROM TABLE('a.b')", ['A.B']],
    ['SHOW TABLES IN SCHEMA X.Y', ['X.Y']],
    ['INSERT OVERWRITE INTO A SELECT 1', ['A']],
    // Up to where it can be read, and over what is no syntax at all.
    ['SELEC * FROM a.b \u0000 join c', ['A.B']],
    // What is put together when it runs is named by nobody here.
    ['EXECUTE IMMEDIATE $$ DROP TABLE N $$', []],
    ["SELECT 'FROM T' AS X -- FROM T", []],
  ])('%s', (text, names) => {
    expect(namedIn(text)).toEqual(names);
  });

  it('are bounded, and take no longer for what is nested or endless', () => {
    expect(namedIn(`SELECT 1 FROM ${Array.from({ length: 5000 }, (_, at) => `T${at}`).join(', ')}`)).toHaveLength(100);
    const started = performance.now();
    expect(namedIn('FROM a.'.repeat(30_000)).length).toBeLessThan(3);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
