/**
 * Names that look like words of some grammar: Snowflake reserves few (documentation page reserved-keywords), and parsers of many dialects more. Each is
 * what the same name in quotes is.
 */
import { describe, expect, it } from 'vitest';
import { analyse, isUnknown, type ObjectName, objectKey, Refusal, readStatement } from '../../../dist/sql/index.js';

const WORDS =
  `FORMAT FINAL RUNNING DATE TIME TIMESTAMP TYPE KEY VALUE NAME INDEX PATH SEQ THIS FIRST LAST LANGUAGE COMMENT OPTION YEAR MONTH DAY HOUR MINUTE
  SECOND QUARTER WEEK ZONE LEVEL STATUS BEGIN FILTER MATCH MATCHED REPLACE RENAME TEMPORARY VIEW SCHEMA DATABASE USER ROLE GROUPS SETS CHARACTER
  CHAR NUMBER INT INTEGER DECIMAL FLOAT DOUBLE BOOLEAN VARCHAR TEXT STRING VARIANT OBJECT ARRAY MAP STRUCT JSON XML SOURCE TARGET OUTPUT INPUT
  PERCENT CLUSTER SORT LOCATION COPY MODE CACHE SYSTEM BLOCK SEED PRIMARY FOREIGN REFERENCES REPEAT SHOW USE EXECUTE LOAD STREAM TASK STAGE
  FILE ENUM UUID APPLY FORCE GLOB OVERLAPS MOD RANK TEMP LOCAL CASCADE RESTRICT COMMIT DESCRIBE DIRECTORY DOMAIN FUNCTION GENERATED HOST KILL
  NEXT NO OVERWRITE PRAGMA QUOTE READ RULE SESSION SETTINGS SHARE TAG TRUNCATE UNKNOWN VERSION WAREHOUSE POSITION PLACING OPERATOR METHOD LIST GET
  DATA CODE CLASS CATALOG BASE BERNOULLI AUTHORIZATION ALWAYS ACCOUNT`.split(/\s+/);

const FORMS = [
  'SELECT A, #, B FROM DB.S.T',
  'SELECT T.# AS X FROM DB.S.T WHERE # = 1 AND B > # GROUP BY # ORDER BY #',
  'SELECT A AS #, MAX(#) AS X FROM DB.S.T',
  'SELECT A # FROM DB.S.T',
  'SELECT #.A FROM DB.S.T AS #',
  'SELECT #.#, #.* FROM DB.S.T #',
  'SELECT #.A FROM DB.S.U JOIN DB.S.T # ON #.# = U.A',
  'SELECT x.# FROM (SELECT A AS # FROM DB.S.T) AS x',
  'SELECT #.A FROM (SELECT A FROM DB.S.T) #',
  'SELECT #.A FROM DB.S.U, DB.S.T #, (SELECT 1 AS ONE) x',
  'SELECT (SELECT MAX(#.A) FROM DB.S.T #) AS X FROM DB.S.U u, (SELECT A FROM DB.S.T) # WHERE u.A = #.A',
  'SELECT A FROM DB.S.#',
  'UPDATE DB.S.T SET # = 1 WHERE # = 2',
  'UPDATE DB.S.T # SET A = #.# FROM DB.S.U WHERE U.A = #.A',
  'INSERT INTO DB.S.T (A, #) VALUES (1, 2)',
  'DELETE FROM DB.S.T USING DB.S.U # WHERE T.A = #.A',
  'MERGE INTO DB.S.T # USING DB.S.U s ON #.A = s.A WHEN MATCHED AND #.# = 1 THEN UPDATE SET # = s.#, #.B = s.B WHEN NOT MATCHED THEN INSERT (#, A) VALUES (s.#, s.A)',
];

async function read(sql: string, word: string): Promise<unknown> {
  const columns = ['A', 'B', word].map((name) => ({ name, type: 'NUMBER', comment: '' }));
  const reader = {
    constraints: async () => ({ checks: [], keys: [], references: [] }),
    relation: async (name: ObjectName) => ({
      ...name,
      kind: 'table' as const,
      columns,
      viewText: undefined,
      comment: '',
      rows: 1,
      isSecure: false,
    }),
  };
  const analysis = await analyse(readStatement(sql), reader, { database: 'DB', schema: 'S' }).catch(
    (error: unknown) => {
      if (error instanceof Refusal) return error.message;
      throw error;
    },
  );
  if (typeof analysis === 'string') return analysis;
  return {
    unowned: analysis.unowned.map(({ what }) => what),
    objects: analysis.objects.map(({ object, access }) => `${access} ${objectKey(object)}`),
    columns: analysis.columns.map(({ object, column, usage }) => `${objectKey(object)}.${column} ${usage}`),
    outputs: analysis.outputs.map(({ name, origins }) => [name, origins.filter((origin) => !isUnknown(origin))]),
    assignments: analysis.assignments.map(({ column }) => column),
  };
}

describe('a name that looks like a word of the grammar', () => {
  it.each(FORMS)('is what it is in quotes: %s', async (form) => {
    for (const word of WORDS) {
      const bare = await read(form.replaceAll('#', word.toLowerCase()), word);
      expect([word, bare]).toEqual([word, await read(form.replaceAll('#', `"${word}"`), word)]);
      expect([word, bare]).toMatchObject([word, { unowned: [] }]);
    }
  });

  it.each(WORDS)('is no column where a table has none: %s', async (word) => {
    for (const form of FORMS.slice(0, 2))
      expect(await read(form.replaceAll('#', word), `NO ${word}`)).not.toMatchObject({ unowned: [] });
  });
});
