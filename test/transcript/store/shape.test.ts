/** The store itself: what somebody who may do everything in the database changes of it is named by `verify`, whatever its rows say. */
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  excessPrivileges,
  setUpStore,
  storePool,
  storeProblems,
  type TranscriptStore,
  withClient,
} from '../../../dist/transcript/index.js';
import { structureOf } from '../../../dist/transcript/store/structure.js';
import { checkpointsOf, verified } from '../../support/store/keeping.mjs';
import { startPostgres, type TestPostgres } from '../../support/store/postgres.mjs';
import { gatewayUrlOf, newKeys, openStore } from '../../support/store/store.mjs';
import { fill } from '../fill.mjs';
import { tryStoreChanges } from './changes.mjs';

const keys = newKeys();
let postgres: TestPostgres;
let admin: pg.Client;
let store: TranscriptStore;
let pools: Record<'gateway' | 'notary' | 'reader', pg.Pool>;
const roles = {
  gateway: 'snowfence_gateway_test',
  notary: 'snowfence_notary_test',
  reader: 'snowfence_reader_test',
};

beforeAll(async () => {
  postgres = await startPostgres();
  store = await openStore(postgres.url, { keys });
  const setup = storePool(postgres.url, 30_000, 1);
  const urls = {
    gateway: gatewayUrlOf(postgres.url),
    notary: gatewayUrlOf(postgres.url, roles.notary),
    reader: gatewayUrlOf(postgres.url, roles.reader),
  };
  expect((await setUpStore(setup, urls)).made).toEqual([roles.notary, roles.reader]);
  expect((await setUpStore(setup, urls)).made).toEqual([]);
  await setup.end();
  admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  pools = {
    gateway: storePool(urls.gateway, 30_000, 2),
    notary: storePool(urls.notary, 30_000, 2),
    reader: storePool(urls.reader, 30_000, 2),
  };
  await fill(store, { agents: 2, statements: 2 });
});
afterAll(async () => {
  await Promise.all(Object.values(pools).map((pool) => pool.end()));
  await store[Symbol.asyncDispose]();
  await admin.end();
  await postgres.end();
});

const problems = (): Promise<readonly string[]> => withClient(pools.gateway, (client) => storeProblems(client, roles));

describe('roles', () => {
  it('are as setup makes them', async () => {
    expect(await problems()).toEqual([]);
    for (const purpose of ['gateway', 'notary', 'reader'] as const)
      expect(await excessPrivileges(pools[purpose], purpose, true)).toEqual([]);
    // Held against another's purpose they are not.
    expect(await excessPrivileges(pools.gateway, 'reader', true)).toContain('EXECUTE on append');
    expect(await excessPrivileges(pools.notary, 'gateway', true)).toContain('INSERT on checkpoint');
  });

  it.each([
    ['gateway', "SELECT take_heads(0, '[]', now())"],
    ['gateway', 'SELECT cover_heads(0)'],
    ['gateway', "INSERT INTO checkpoint (size, note, frontier) VALUES (99, '', '')"],
    ['gateway', "INSERT INTO notarised (writer, n, signature) VALUES (gen_random_uuid(), 0, '')"],
    ['gateway', "UPDATE approval_decision SET decision = 'approve'"],
    ['gateway', 'DELETE FROM approval_decision'],
    ['gateway', "UPDATE event_2026_11_23 SET kind = 'x'"],
    ['notary', "SELECT append(gen_random_uuid(), NULL, '{}', '[]', NULL, NULL, NULL, NULL, NULL)"],
    ['notary', "UPDATE checkpoint SET note = ''"],
    ['notary', 'DELETE FROM notarised'],
    [
      'notary',
      "INSERT INTO approval_decision (approval_id, reviewer, decision) VALUES (gen_random_uuid(), 'x', 'approve')",
    ],
    ['reader', "SELECT append(gen_random_uuid(), NULL, '{}', '[]', NULL, NULL, NULL, NULL, NULL)"],
    ['reader', 'INSERT INTO person_session (id) VALUES (gen_random_uuid())'],
    ['reader', 'UPDATE writer SET seen_at = now()'],
    ['reader', "SELECT settle_writer('1 second')"],
  ] as const)('%s may not %s', async (purpose, sql) => {
    await expect(pools[purpose].query(sql)).rejects.toThrow(/permission denied|does not exist/);
  });

  it('do each what they are for', async () => {
    const notary = checkpointsOf(store, { pool: pools.notary });
    expect(await notary.make()).toBeDefined();
    const gateway = checkpointsOf(store, {
      pool: pools.gateway,
      onProblem: () => undefined,
      onIntegrityProblem: () => undefined,
    });
    await fill(store, { agents: 1, statements: 1, seed: 3 });
    expect(await gateway.make()).toBeUndefined();
    expect(gateway.stopped).toMatch(/The notary is kept out: permission denied/);
    // The connection that was refused lets go of its lock when the server has noticed.
    await expect.poll(() => notary.make()).toBeDefined();
    const report = await verified(pools.reader, keys, { roles });
    expect(report.breaks).toEqual([]);
  });
});

/** What was done, how it is undone, and what is said of it. */
const CHANGES: readonly (readonly [name: string, change: string, back: string, found: RegExp])[] = [
  [
    'row security',
    'ALTER TABLE event ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE event DISABLE ROW LEVEL SECURITY',
    /Row security is on for event/,
  ],
  ['a policy', 'CREATE POLICY p ON leaf USING (true)', 'DROP POLICY p ON leaf', /row security policy p on leaf/],
  [
    'a rule',
    'CREATE RULE r AS ON DELETE TO statement DO INSTEAD NOTHING',
    'DROP RULE r ON statement',
    /rule r on statement/,
  ],
  [
    'a trigger',
    'CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER t BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION mine()',
    'DROP FUNCTION mine() CASCADE',
    /trigger t on event.* that no migration makes/,
  ],
  [
    'a trigger on a week',
    "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; SELECT ensure_partitions(now(), 0); DO $$ BEGIN EXECUTE format('CREATE TRIGGER t BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION mine()', (SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'event'::regclass LIMIT 1)); END $$",
    'DROP FUNCTION mine() CASCADE',
    /trigger t on event_\d/,
  ],
  [
    'a trigger switched off',
    'ALTER TABLE approval DISABLE TRIGGER approval_changed',
    'ALTER TABLE approval ENABLE TRIGGER approval_changed',
    /approval_changed on approval is not in force/,
  ],
  [
    'all triggers switched off',
    'ALTER TABLE approval_decision DISABLE TRIGGER ALL',
    'ALTER TABLE approval_decision ENABLE TRIGGER ALL',
    /on approval_decision is not in force/,
  ],
  [
    'another text',
    "CREATE OR REPLACE FUNCTION first_hash(session_id uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT sha256('x') $$",
    "CREATE OR REPLACE FUNCTION first_hash(session_id uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$\n  SELECT sha256(convert_to('snowfence session ' || session_id::text, 'UTF8'))\n$$",
    /The function first_hash is not the one/,
  ],
  [
    'other settings',
    'ALTER FUNCTION append SET search_path = evil, public',
    'ALTER FUNCTION append SET search_path = public, pg_temp',
    /append runs with other rights or settings/,
  ],
  [
    'other rights',
    'ALTER FUNCTION settle_writer SECURITY INVOKER',
    'ALTER FUNCTION settle_writer SECURITY DEFINER',
    /settle_writer runs with other rights/,
  ],
  [
    'an overload',
    'CREATE FUNCTION append(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$; REVOKE ALL ON FUNCTION append(text) FROM PUBLIC',
    'DROP FUNCTION append(text)',
    /The function append is not the one|a function append that no migration/,
  ],
  [
    'a function beside',
    'CREATE FUNCTION encode(bytea, name) RETURNS text LANGUAGE sql AS $$ SELECT NULL $$',
    'DROP FUNCTION encode(bytea, name)',
    /function encode that no migration makes/,
  ],
  [
    'a table gone',
    'ALTER TABLE archive RENAME TO hidden; CREATE VIEW archive AS SELECT * FROM hidden',
    'DROP VIEW archive; ALTER TABLE hidden RENAME TO archive',
    /archive is gone, and something else has its name/,
  ],
  [
    'a table that passes for a week',
    "CREATE TABLE odd PARTITION OF event FOR VALUES FROM ('2001-01-01') TO ('2001-01-02')",
    'DROP TABLE odd',
    /odd is a part of event, and not one of its weeks/,
  ],
  [
    'another owner',
    'CREATE ROLE thief; GRANT ALL ON SCHEMA public TO thief; ALTER TABLE leaf OWNER TO thief',
    'ALTER TABLE leaf OWNER TO snowfence; DROP OWNED BY thief; DROP ROLE thief',
    /leaf belongs to thief/,
  ],
  [
    'a search_path',
    'ALTER DATABASE postgres SET search_path = evil, public',
    'ALTER DATABASE postgres RESET search_path',
    /The database is set to search_path=evil/,
  ],
  [
    'a role of replicas',
    'ALTER ROLE snowfence SET session_replication_role = replica',
    'ALTER ROLE snowfence RESET session_replication_role',
    /snowfence is set to session_replication_role=replica/,
  ],
  [
    'a privilege',
    'GRANT UPDATE ON event TO snowfence_gateway_test',
    'REVOKE UPDATE ON event FROM snowfence_gateway_test',
    /snowfence_gateway_test has UPDATE on the table event/,
  ],
  [
    'a privilege on a column',
    'GRANT UPDATE (kind) ON event TO snowfence_reader_test',
    'REVOKE UPDATE (kind) ON event FROM snowfence_reader_test',
    /snowfence_reader_test has UPDATE on the column event \(kind\)/,
  ],
  [
    'a privilege for everybody',
    'GRANT SELECT ON session_key TO PUBLIC',
    'REVOKE SELECT ON session_key FROM PUBLIC',
    /PUBLIC has SELECT on the table session_key/,
  ],
  [
    'a privilege of a stranger',
    'CREATE ROLE stranger; GRANT DELETE ON checkpoint TO stranger',
    'DROP OWNED BY stranger; DROP ROLE stranger',
    /stranger has DELETE on the table checkpoint/,
  ],
  [
    'a function for everybody',
    'GRANT EXECUTE ON FUNCTION append TO PUBLIC',
    'REVOKE EXECUTE ON FUNCTION append FROM PUBLIC',
    /PUBLIC has EXECUTE on the function append/,
  ],
  [
    'notarising for the gateway',
    'GRANT EXECUTE ON FUNCTION take_heads TO snowfence_gateway_test',
    'REVOKE EXECUTE ON FUNCTION take_heads FROM snowfence_gateway_test',
    /snowfence_gateway_test has EXECUTE on the function take_heads/,
  ],
  [
    'rights on what comes',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT UPDATE ON TABLES TO snowfence_gateway_test',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE UPDATE ON TABLES FROM snowfence_gateway_test',
    /has UPDATE on the new table/,
  ],
  [
    'a place for tables',
    'GRANT CREATE ON SCHEMA public TO snowfence_gateway_test',
    'REVOKE CREATE ON SCHEMA public FROM snowfence_gateway_test',
    /has CREATE on the schema public/,
  ],
  [
    'a membership',
    'GRANT pg_write_all_data TO snowfence_gateway_test',
    'REVOKE pg_write_all_data FROM snowfence_gateway_test',
    /is a member of pg_write_all_data/,
  ],
  [
    'a mighty role',
    'ALTER ROLE snowfence_reader_test BYPASSRLS',
    'ALTER ROLE snowfence_reader_test NOBYPASSRLS',
    /snowfence_reader_test may make roles/,
  ],
];

describe('what somebody changes of the store', () => {
  it.each(CHANGES)('%s is named', async (_name, change, back, found) => {
    await admin.query(change);
    try {
      expect((await problems()).join('\n')).toMatch(found);
    } finally {
      await admin.query(back);
    }
    expect(await problems()).toEqual([]);
  });

  it('makes verify fail, and rows that are hidden do', async () => {
    const look = () => verified(pools.reader, keys, { roles });
    await admin.query('ALTER TABLE event ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON event USING (position < 1)');
    const report = await look();
    expect(report.isWhole).toBe(false);
    expect(report.breaks.map(({ what }) => what).join('\n')).toMatch(
      /Row security is on for event[\s\S]*does not let itself be read/,
    );
    await admin.query('DROP POLICY p ON event; ALTER TABLE event DISABLE ROW LEVEL SECURITY');
    expect((await look()).breaks).toEqual([]);
  });

  it('is an excess of the role that got it', async () => {
    for (const [grant, back, found] of [
      [
        'GRANT pg_write_all_data TO snowfence_gateway_test',
        'REVOKE pg_write_all_data FROM snowfence_gateway_test',
        'membership in pg_write_all_data',
      ],
      [
        'GRANT INSERT ON event TO snowfence_gateway_test',
        'REVOKE INSERT ON event FROM snowfence_gateway_test',
        'INSERT on event',
      ],
      [
        'GRANT UPDATE (note) ON checkpoint TO PUBLIC',
        'REVOKE UPDATE (note) ON checkpoint FROM PUBLIC',
        'UPDATE on checkpoint (note)',
      ],
      [
        'GRANT EXECUTE ON FUNCTION take_heads TO PUBLIC',
        'REVOKE EXECUTE ON FUNCTION take_heads FROM PUBLIC',
        'EXECUTE on take_heads',
      ],
      [
        'GRANT CREATE ON SCHEMA public TO PUBLIC',
        'REVOKE CREATE ON SCHEMA public FROM PUBLIC',
        'CREATE in the schema public',
      ],
    ] as const) {
      await admin.query(grant);
      expect(await excessPrivileges(pools.gateway, 'gateway', true)).toContain(found);
      await admin.query(back);
      expect(await excessPrivileges(pools.gateway, 'gateway', true)).toEqual([]);
    }
  });
});

/** A share; the gate makes ten times as many, `npm run test:long` all of them. */
it('names what is changed of any table, column, function or grant', async () => {
  const { made, unseen } = await tryStoreChanges(admin, roles, { share: 0.01, seed: 3 });
  expect(unseen).toEqual([]);
  expect(made).toBeGreaterThan(20);
});

it('holds the store against the structure that its migrations make', async () => {
  const found = await withClient(pools.gateway, structureOf);
  expect(found, 'After a migration: npm run store:structure').toEqual(
    JSON.parse(await readFile(new URL('../../../src/transcript/store/structure.json', import.meta.url), 'utf8')),
  );
});
