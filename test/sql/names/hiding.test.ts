/** A query in every odd place: it is either seen or the statement is refused. */
import { describe, expect, it } from 'vitest';
import { analyse, cteNames, Refusal, readStatement, secondOpinion } from '../../../dist/sql/index.js';
import { catalog } from '../corpus/describe.mjs';

const Q = '(SELECT max(id) FROM secrets)';
const PLACES = [
  `SELECT * FROM temps RESAMPLE(USING ${Q} INCREMENT BY 1)`,
  `SELECT * FROM temps RESAMPLE(USING observed INCREMENT BY ${Q})`,
  `SELECT * FROM temps RESAMPLE(USING observed INCREMENT BY 1 PARTITION BY ${Q})`,
  `SELECT * FROM temps RESAMPLE(USING observed INCREMENT BY IDENTIFIER($x))`,
  `SELECT * FROM temps RESAMPLE(USING observed INCREMENT BY SYSTEM$WAIT(1))`,
  'SELECT * FROM temps RESAMPLE(USING observed INCREMENT BY 1 PARTITION BY my_udf(city))',
  'SELECT payload::FOO(my_udf(1)):a FROM events',
  'SELECT payload::FOO(SELECT max(id) FROM secrets):a FROM events',
  'SELECT payload::ARRAY(SELECT max(id) FROM secrets) FROM events',
  'SELECT CAST(payload AS OBJECT(SELECT max(id) FROM secrets)) FROM events',
  `SELECT filter(payload, (x ${Q}) -> x) FROM events`,
  `SELECT filter(payload, (x INT, y ${Q}) -> x) FROM events`,
  `SELECT id FROM customers AT(TIMESTAMP => ${Q})`,
  `SELECT id FROM customers AT(OFFSET => ${Q}) c`,
  `SELECT id FROM customers BEFORE(STATEMENT => ${Q})`,
  `SELECT id FROM customers CHANGES(INFORMATION => DEFAULT) AT(OFFSET => ${Q})`,
  `SELECT id FROM customers CHANGES(INFORMATION => DEFAULT) AT(OFFSET => 1) END(OFFSET => ${Q})`,
  `SELECT id FROM customers SAMPLE (${Q})`,
  `SELECT id FROM customers SAMPLE (${Q} ROWS)`,
  `SELECT id FROM customers SAMPLE (10) SEED (${Q})`,
  `SELECT * FROM (SELECT id FROM customers) SAMPLE (${Q})`,
  `SELECT TOP ${Q} id FROM customers`,
  `SELECT id FROM customers LIMIT ${Q}`,
  `SELECT id FROM customers LIMIT 1 OFFSET ${Q}`,
  `SELECT id FROM customers FETCH FIRST ${Q} ROWS ONLY`,
  `SELECT id FROM customers ORDER BY ${Q}`,
  `SELECT id FROM customers GROUP BY ${Q}`,
  `SELECT id FROM customers GROUP BY ROLLUP (${Q})`,
  `SELECT id FROM customers GROUP BY GROUPING SETS ((${Q}))`,
  `SELECT id FROM customers QUALIFY row_number() OVER (ORDER BY ${Q}) = 1`,
  `SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN ${Q} PRECEDING AND CURRENT ROW) FROM customers`,
  `SELECT listagg(name, ${Q}) WITHIN GROUP (ORDER BY ${Q}) FROM customers`,
  `SELECT * REPLACE (${Q} AS name) FROM customers`,
  `SELECT * FROM customers JOIN orders ON ${Q} = 1`,
  `SELECT * FROM stock s ASOF JOIN quotes q MATCH_CONDITION (s.at >= ${Q})`,
  `SELECT * FROM quarterly PIVOT(SUM(amount) FOR quarter IN ${Q})`,
  `SELECT * FROM quarterly PIVOT(SUM(amount) FOR quarter IN (ANY ORDER BY ${Q}))`,
  `SELECT * FROM quarterly PIVOT(SUM(amount) FOR quarter IN ('a') DEFAULT ON NULL (${Q}))`,
  `SELECT * FROM quarterly PIVOT(SUM(${Q}) FOR quarter IN ('a'))`,
  `SELECT * FROM stock MATCH_RECOGNIZE (ORDER BY ${Q} PATTERN (a) DEFINE a AS TRUE)`,
  `SELECT * FROM stock MATCH_RECOGNIZE (ORDER BY at MEASURES ${Q} AS m PATTERN (a) DEFINE a AS ${Q} = 1)`,
  `SELECT * FROM stock MATCH_RECOGNIZE (PARTITION BY ${Q} ORDER BY at PATTERN (a) DEFINE a AS TRUE)`,
  `SELECT * FROM TABLE(FLATTEN(INPUT => ${Q}))`,
  `SELECT * FROM TABLE(GENERATOR(ROWCOUNT => ${Q}))`,
  `SELECT * FROM events, LATERAL FLATTEN(INPUT => payload, PATH => ${Q})`,
  `SELECT * FROM (VALUES (${Q})) v`,
  `SELECT {'a': ${Q}}`,
  `SELECT [${Q}]`,
  `SELECT payload[${Q}] FROM events`,
  `SELECT CASE ${Q} WHEN 1 THEN 2 END`,
  `SELECT id FROM employees START WITH ${Q} = 1 CONNECT BY PRIOR id = ${Q}`,
  `SELECT EXTRACT(year FROM ${Q})`,
  `SELECT INTERVAL ${Q}`,
  `SELECT id::NUMBER(${Q}) FROM customers`,
  `SELECT TRIM(BOTH 'x' FROM ${Q})`,
  `SELECT name COLLATE ${Q} FROM customers`,
  `SELECT name LIKE 'a' ESCAPE ${Q} FROM customers`,
  'WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT (SELECT max(id) FROM secrets) FROM r) SELECT x FROM r',
  'SELECT * FROM customers NATURAL JOIN (SELECT * FROM secrets)',
  'SELECT * FROM customers, LATERAL (SELECT * FROM secrets)',
  'SELECT * FROM (customers JOIN secrets ON TRUE)',
  'SELECT * FROM ((secrets))',
  'SELECT * FROM TABLE(secrets)',
  'TABLE secrets',
  'SELECT 1 UNION TABLE secrets',
  'SELECT * FROM DYNAMIC_TABLE_REFRESH_BOUNDARY(secrets)',
  'SELECT * FROM ERROR_TABLE(secrets)',
  'SELECT * FROM customers UNPIVOT (v FOR n IN (id a, (SELECT max(id) FROM secrets)))',
];

describe('a query over SECRETS', () => {
  it.each(PLACES)('%s', async (sql) => {
    let objects: string[];
    try {
      const analysis = await analyse(readStatement(sql), catalog, { database: 'DB', schema: 'S' });
      secondOpinion(analysis, cteNames(analysis.statement));
      objects = analysis.objects.map(({ object }) => object.name);
      // A table function over a name would be refused by every policy.
      if (analysis.functions.some((use) => use.class !== 'pure' && use.class !== 'table')) return;
    } catch (error) {
      expect(error).toBeInstanceOf(Refusal);
      return;
    }
    expect(objects).toContain('SECRETS');
  });
});
