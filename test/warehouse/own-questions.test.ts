/** Which texts count as the gateway's own questions: exactly those that it sends, and nothing that is put to them. */
import { describe, expect, it } from 'vitest';
import { CLASSES, HASH_WORKS, isOurs, KEY_READABLE, TAGS, WHO } from '../../dist/cli/access/own-questions.js';
import {
  CHECKS,
  DATABASES,
  DESCRIBE_TABLE,
  DESCRIBE_VIEW,
  EXTERNAL_LIKE,
  KEYS,
  OBJECT_LIKE,
  OBJECTS_AFTER,
  OBJECTS_BEGINNING,
  OBJECTS_OF_DATABASE,
  OBJECTS_OF_SCHEMA,
  REFERENCES,
  SCHEMAS,
  VIEW_LIKE,
  WHOLE_TABLE,
} from '../../dist/warehouse/connection/own-questions.js';
import { readHistory } from '../../dist/warehouse/run/history.js';

const NAMES = ['A', 'a b', 'with "quotes"', "it's", 'back\\slash\\', "\\' ->> SELECT 1", 'ünï', 'two\nlines'];

async function historyTexts(database: string): Promise<string[]> {
  const texts: string[] = [];
  const connection = {
    simple: async (text: string) => {
      texts.push(text);
      return [];
    },
  } as unknown as Parameters<typeof readHistory>[0];
  await readHistory(connection, database, { since: new Date(0) }, 'tag');
  await readHistory(connection, database, { since: new Date(0), until: new Date() }, 'tag');
  return texts;
}

describe("the gateway's own questions", () => {
  it.each(NAMES)('are known again, whatever the names: %j', async (name) => {
    for (const text of [
      OBJECT_LIKE.of(name, name, name),
      VIEW_LIKE.of(name, name, name),
      EXTERNAL_LIKE.of(name, name, name),
      OBJECTS_OF_DATABASE.of(name),
      OBJECTS_OF_SCHEMA.of(name, name),
      OBJECTS_AFTER.of(name, name, name),
      OBJECTS_BEGINNING.of(name, name),
      SCHEMAS.of(name),
      CHECKS.of(name, name, name),
      KEYS.of(name, name, name),
      REFERENCES.of(name, name, name, name, name, name, name, name),
      DATABASES.of(),
      DESCRIBE_TABLE.of(name, name, name),
      DESCRIBE_VIEW.of(name, name, name),
      `EXPLAIN USING JSON ${WHOLE_TABLE.of(name, name, name)}`,
      ...(await historyTexts(name)),
      WHO.of(),
      HASH_WORKS.of(),
      KEY_READABLE.of(),
      TAGS.of(name, name),
      CLASSES.of(name, name),
      'USE SECONDARY ROLES NONE',
    ])
      expect(isOurs(text), text).toBe(true);
  });

  it('are written as before', () => {
    expect(OBJECT_LIKE.of("it's", 'A', 'b"c')).toBe(
      `SHOW OBJECTS LIKE 'it''s' IN SCHEMA "A"."b""c" STARTS WITH 'it''s' LIMIT 10`,
    );
    expect(HASH_WORKS.of()).toBe("SELECT SNOWFENCE.MASKING.HASH_TEXT('doctor')");
    expect(KEY_READABLE.of()).toBe('SELECT COUNT(*) FROM SNOWFENCE.MASKING.HASH_KEY');
  });

  it.each([OBJECT_LIKE, VIEW_LIKE, EXTERNAL_LIKE])(
    'about one name take it as it stands, for few rows: %#',
    (question) => {
      for (const name of ['%', '%%', '_', 'A_B', ...NAMES])
        expect(question.of(name, 'A', 'B')).toMatch(/ IN SCHEMA "A"\."B" STARTS WITH '.*' LIMIT 10$/s);
    },
  );

  const SELECT = 'SELECT CARD_NUMBER FROM A.B.CARDS';

  it('take nothing behind them, before them or within them', async () => {
    const own = [
      OBJECT_LIKE.of('x', 'A', 'B'),
      VIEW_LIKE.of('x', 'A', 'B'),
      EXTERNAL_LIKE.of('x', 'A', 'B'),
      OBJECTS_OF_DATABASE.of('A'),
      OBJECTS_OF_SCHEMA.of('A', 'B'),
      DATABASES.of(),
      DESCRIBE_TABLE.of('A', 'B', 'C'),
      DESCRIBE_VIEW.of('A', 'B', 'C'),
      `EXPLAIN USING JSON ${WHOLE_TABLE.of('A', 'B', 'C')}`,
      ...(await historyTexts('A')),
      WHO.of(),
      HASH_WORKS.of(),
      KEY_READABLE.of(),
      TAGS.of('A', 'B'),
      CLASSES.of('A', 'B'),
    ];
    for (const text of own) {
      for (const more of [
        ` ->> ${SELECT}`,
        `\n->> ${SELECT}`,
        ` UNION ALL ${SELECT}`,
        `; ${SELECT}`,
        ` /* x */`,
        ', 1',
      ])
        expect(isOurs(`${text}${more}`), `${text}${more}`).toBe(false);
      expect(isOurs(`${SELECT} ->> ${text}`)).toBe(false);
      // Each text and time of it is one, and no query.
      for (const [literal] of text.matchAll(/'[^']*'/g))
        for (const other of [`(${SELECT})`, `${literal} || (${SELECT})`, `'\\' || (${SELECT}) || '`])
          expect(isOurs(text.replace(literal, other)), text.replace(literal, other)).toBe(false);
    }
  });

  it.each([
    `SHOW OBJECTS IN DATABASE A ->> ${SELECT}`,
    'SHOW OBJECTS IN DATABASE A',
    `DESCRIBE TABLE X ->> ${SELECT}`,
    'DESCRIBE TABLE X',
    "SELECT anything('doctor')",
    "SELECT A.B.LEAK('doctor')",
    'SELECT COUNT(*) FROM SNOWFENCE.MASKING.HASH_KEYS',
    'EXPLAIN USING JSON SELECT * FROM A.B.C',
    'SELECT * FROM "A"."B"."C"',
    `SELECT TABLE_NAME FROM SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES WHERE TRUE`,
    '',
  ])('are none of the like: %s', (text) => {
    expect(isOurs(text)).toBe(false);
  });

  it('of the history take no query in the place of a time or a limit', async () => {
    const [text = ''] = await historyTexts('A');
    expect(isOurs(text)).toBe(true);
    expect(isOurs(text.replace('10000', `(${SELECT})`))).toBe(false);
    expect(isOurs(text.replace(/TO_TIMESTAMP_LTZ\([^)]*\)/, `(${SELECT})`))).toBe(false);
    expect(isOurs(text.replace('ROLE_NAME', `(${SELECT}) AS ROLE_NAME`))).toBe(false);
  });
});
