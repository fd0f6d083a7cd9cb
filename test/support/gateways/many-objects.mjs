/** A database as large accounts have them: what SHOW ends in, and what a list of it costs, shows there alone. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SCHEMAS = ['LANDING', 'MARTS', 'STAGING'];

/** Names of so many objects, without their database `BIG`, every fiftieth of them a view; in three schemas, of which the first has three fifths. */
export const manyNames = (count) =>
  Array.from({ length: count }, (_, at) => {
    const schema = SCHEMAS[at % 5 < 3 ? 0 : (at % 5) - 2];
    return { schema, name: `EVENTS_${String(at).padStart(6, '0')}`, isView: at % 50 === 49 };
  });

/** A seed of the embedded warehouse with them. Answers its file. */
export async function manyObjects(folder, count) {
  const made = manyNames(count).map(({ schema, name, isView }) =>
    isView
      ? `CREATE VIEW BIG.${schema}.${name} AS SELECT ID FROM BIG.LANDING.EVENTS_000000;`
      : `CREATE TABLE BIG.${schema}.${name} ("ID" BIGINT, "MAIL" VARCHAR);`,
  );
  const file = join(folder, 'many-objects.sql');
  await writeFile(file, [...SCHEMAS.map((schema) => `CREATE SCHEMA BIG.${schema};`), ...made].join('\n'));
  return file;
}

/** A policy that lets the group see all of it under a role. */
export const policyOverMany = (group, role) => `policy: ${group}
principals: { groups: [${group}] }
snowflake: { role: ${role}, warehouse: W }
rules:
  - allow: [read]
    on: [BIG.*.*]
columns: [{ match: [BIG.*.*.MAIL], mask: email }]
limits: { rows: 1000, timeout: 60s }
`;
