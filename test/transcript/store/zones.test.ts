/** The record is the same in whatever zone and form of dates the database's server, its database or its roles are set to. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  exportLines,
  search,
  timeOrderedId,
  trustedKeys,
  verifierKeyOf,
  verifyExport,
} from '../../../dist/transcript/index.js';
import { archiveBefore, checkpointsOf, verified } from '../../support/store/keeping.mjs';
import { startStore } from '../../support/store/own-store.js';
import { actor, client, completed, refused, submitted } from '../fill.mjs';

/** As whoever set the database up may have it: read by a connection that says nothing itself. */
const asTheDatabaseHasIt = async (url: string, sql: string): Promise<unknown> => {
  const plain = new pg.Client({ connectionString: url });
  await plain.connect();
  const { rows } = await plain.query({ text: sql, rowMode: 'array' });
  await plain.end();
  return rows[0]?.[0];
};

const { keys, store, admin, folder, end } = await startStore({
  before: async (url) => {
    await asTheDatabaseHasIt(url, "ALTER DATABASE postgres SET timezone TO 'America/Los_Angeles'");
    await asTheDatabaseHasIt(url, "ALTER DATABASE postgres SET datestyle TO 'SQL, DMY'");
    expect(await asTheDatabaseHasIt(url, 'SHOW timezone')).toBe('America/Los_Angeles');
  },
});
beforeAll(() =>
  admin.query("SELECT ensure_partitions('2026-12-28T00:00:00Z', 16), ensure_partitions('2026-02-23T00:00:00Z', 3)"),
);
afterAll(end);

describe('in a database that is set to another zone', () => {
  it('our connections are in UTC and print dates in one form', async () => {
    for (const pool of [store.pool, admin]) {
      expect((await pool.query('SHOW timezone')).rows).toEqual([{ TimeZone: 'UTC' }]);
      expect((await pool.query('SHOW datestyle')).rows).toEqual([{ DateStyle: expect.stringMatching(/^ISO/) }]);
    }
  });

  it('a week ends at midnight between Sunday and Monday in UTC, also where clocks change that Sunday', async () => {
    const covered = () => checkpointsOf(store).make();
    const own = { admin, store, folder };
    // Of one week and of the next, both of them over whenever this runs: what tells of an archive is never in it.
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-03-01T12:00:00Z') });
    try {
      const session = await store.sessions.find(actor('weekly'), client, undefined);
      // First of all that is written: the session that tells of archives goes on from one itself.
      await store.recorder.append({
        kind: 'policy_reloaded',
        sessionId: undefined,
        statementId: undefined,
        body: { version: 'of another week' },
      });
      // What goes to an archive ends where a checkpoint has covered it.
      await covered();
      vi.setSystemTime(new Date('2026-03-08T23:30:00Z'));
      await store.recorder.append(refused(session, timeOrderedId()));
    } finally {
      vi.useRealTimers();
    }
    await covered();
    const early = await archiveBefore('2026-03-08T23:59:59Z', own);
    expect(early?.to).toBe('2026-03-02');
    const late = await archiveBefore('2026-03-09T00:00:00Z', own);
    expect(late).toMatchObject({ to: '2026-03-09' });
  });

  it('what is written comes back at its moment, verifies, is found and exported', async () => {
    const session = await store.sessions.find(actor('zoned'), client, undefined);
    const moments = ['2027-03-14T09:59:59.999Z', '2027-03-14T10:00:00.001Z', '2026-12-31T23:59:30.000Z'];
    for (const at of moments) await store.recorder.append({ ...refused(session, timeOrderedId()), at: new Date(at) });
    const events = await store.reader.events(session, 1);
    expect(events.map(({ at }) => at)).toEqual(moments);
    const statement = timeOrderedId();
    await store.recorder.append(submitted(session, statement, { statement: 'SELECT 1 AS ZONED' }));
    await store.recorder.append(completed(session, statement));
    const found = await search(store.pool, 'ZONED after:1h', { limit: 9, now: new Date() });
    expect(found.statements.map(({ id }) => id)).toEqual([statement]);
    expect(Math.abs((found.statements[0]?.at.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    const { pool } = store;
    await checkpointsOf(store).make();
    const report = await verified(pool, keys);
    expect(report.breaks).toEqual([]);
    const lines: string[] = [];
    await exportLines(pool, {
      sessions: undefined,
      origin: keys.origin,
      keys: trustedKeys(keys),
      publicKeys: [verifierKeyOf(keys)],
      now: new Date(),
      write: async (line) => void lines.push(`${JSON.stringify(line)}\n`),
    });
    const file = join(folder, 'export.jsonl');
    await writeFile(file, lines.join(''));
    expect((await verifyExport(file, trustedKeys(keys), [])).breaks).toEqual([]);
  });

  it('a day of bytes is one of UTC', async () => {
    await store.recorder.takeBytes('somebody', 5, 100);
    const { rows } = await store.pool.query<{ day: string }>('SELECT day::text AS day FROM scan_budget');
    const days = [new Date(), new Date(Date.now() - 60_000)].map((time) => time.toISOString().slice(0, 10));
    expect(days).toContain(rows[0]?.day);
  });
});
