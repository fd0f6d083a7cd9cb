/**
 * What the detectors know stands in no row of the store in clear, wherever in a request or in an identity it was written: each kind in each
 * place, and then every column of every table looked at. Names by which principals and people are known are theirs, and are no such place.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerOf } from '../../support/caller.mjs';
import { Whole } from '../../support/gateways/whole.js';

const SECRETS = {
  email: 'jane.victim@corp-secret.example',
  phone: '+1 415-555-0132',
  credit_card: '4111111111111111',
  us_ssn: '078-05-1120',
  iban: 'DE89370400440532013000',
  ip_address: '203.0.113.77',
  health_insurance: '1EG4-TE5-MK73',
  secret: 'ghp_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2',
} as const;

const RULES = `rules:
  - allow: [read]
    on: [DB.S.*]
  - approve: [read]
    on: [DB.S.OWN]
    by: { groups: [stewards] }
rows:
  - on: DB.S.OWN
    where: NAME = {principal.claims.mail}`;

let whole: Whole;
let database: pg.Client;
beforeAll(async () => {
  whole = await Whole.start([
    'CREATE SCHEMA DB.S',
    'CREATE TABLE DB.S.T (NAME VARCHAR, N NUMBER)',
    'CREATE TABLE DB.S.OWN (NAME VARCHAR)',
  ]);
  database = new pg.Client({ connectionString: whole.adminUrl });
  await database.connect();
}, 60_000);
afterAll(async () => {
  await database.end();
  await whole[Symbol.asyncDispose]();
});

/** Each place of a statement where somebody's text can stand. */
const statements = (secret: string): readonly string[] => {
  const name = `"${secret}"`;
  const digits = /^\d+$/.test(secret) ? secret : undefined;
  const text = secret.replaceAll("'", "''");
  return [
    `SELECT * FROM DB.S.${name}`,
    `SELECT * FROM DB.${name}.T`,
    `SELECT * FROM ${name}.S.T`,
    `SELECT ${name} FROM DB.S.T`,
    `SELECT NAME AS ${name} FROM DB.S.T`,
    `SELECT ${name}.NAME FROM DB.S.T AS ${name}`,
    `WITH ${name} AS (SELECT NAME FROM DB.S.T) SELECT * FROM ${name}`,
    `SELECT ${name}(1)`,
    `SELECT DB.S.${name}(1)`,
    `SELECT NAME FROM DB.S.T WHERE NAME = '${text}'`,
    `SELECT NAME FROM DB.S.T WHERE NAME = $$${secret}$$`,
    `SELECT NAME /* ${secret} */ FROM DB.S.T -- ${secret}`,
    `SELECT PARSE_JSON(NAME):${name} FROM DB.S.T`,
    `SELECT NAME FROM DB.S.OWN`,
    `INSERT INTO DB.S.${name} VALUES (1)`,
    `DROP TABLE DB.S.${name}`,
    `${secret} is what they told me`,
    `SELECT '${text}`,
    ...(digits ? [`SELECT $${digits}`, `SELECT NAME, :${digits} FROM DB.S.T`, `SELECT ${digits}`] : []),
  ];
};

async function inClear(secret: string): Promise<readonly string[]> {
  const columns = await database.query<{ place: string; name: string }>(
    `SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS place, quote_ident(column_name) AS name
     FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const found: string[] = [];
  for (const { place, name } of columns.rows) {
    const { rows } = await database.query<{ text: string }>(
      `SELECT left(t.${name}::text, 2000) AS text FROM ${place} t WHERE position(lower($1) in lower(t.${name}::text)) > 0 LIMIT 1`,
      [secret],
    );
    for (const { text } of rows) {
      const at = text.toLowerCase().indexOf(secret.toLowerCase());
      found.push(`${place}.${name}: ${text.slice(Math.max(0, at - 120), at + 60)}`);
    }
  }
  return found;
}

describe.each(Object.entries(SECRETS))('%s', (kind, secret) => {
  it('is in no column of any table', async () => {
    const { gateway } = await whole.gateway(RULES);
    const caller = {
      ...callerOf(`bot-${kind}`, ['g'], { claims: { mail: secret, name: secret } }),
      client: { transport: 'test', name: secret, version: secret, address: undefined },
    };
    const reported = {
      prompt: { text: `it was ${secret}`, length: 20, source: 'call' as const },
      job: { parts: { system: secret, run: secret, [secret]: 'x' }, source: 'call' as const },
      place: secret,
    };
    await whole.transcript.prompts.report(
      { ...caller.principal, groups: ['g'] },
      undefined,
      { text: `typed ${secret}`, place: secret, conversation: secret },
      async () => undefined,
    );
    for (const sql of statements(secret)) {
      await gateway.query(caller, { sql, purpose: `for ${secret}`, binds: [secret], reported, hasDownloads: true });
      await gateway.explain(caller, { sql, purpose: secret, reported });
    }
    await gateway.query(caller, { sql: 'SELECT 1', format: 'csv', hasDownloads: true, purpose: secret });
    // What waits for a person has its row predicates, which hold the claim.
    const asked = await gateway.query(caller, { sql: 'SELECT NAME FROM DB.S.OWN', purpose: secret });
    expect(asked.status).toBe('approval_required');
    await gateway.query(caller, { sql: 'SELECT 1', session: secret });
    await gateway.fetch(caller, secret, { cell: { row: 1, column: secret } });
    await gateway.resume(caller, secret, { waitMs: 0, signal: new AbortController().signal });
    expect(await inClear(secret)).toEqual([]);
  }, 60_000);
});
