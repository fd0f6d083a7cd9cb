/** What makes a verification expect less is believed by signatures alone: archives, where an export begins, what it leaves out, holds. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { contentOf, firstHash, nextHash } from '../../../dist/transcript/form/chain.js';
import { manifestOf } from '../../../dist/transcript/form/manifest.js';
import {
  archive,
  canonical,
  ensureHolds,
  exportLines,
  liftHold,
  placeHold,
  type TranscriptStore,
  timeOrderedId,
  trustedKeys,
  verifierKeyOf,
  verifyExport,
} from '../../../dist/transcript/index.js';
import { archiveBefore, checkpointsOf, verified } from '../../support/store/keeping.mjs';
import { startStore } from '../../support/store/own-store.js';
import { actor, client, completed, submitted } from '../fill.mjs';

const { keys, store, admin, folder, end } = await startStore();
const kept: { note: string; where: string }[] = [];
/** Of it the beginning is in an archive. */
let long: string;
/** All of it is here. */
let recent: string;
/** All of it is here, and no checkpoint covers its end. */
let open: string;

const checkpoint = async (): Promise<void> => {
  const place = { name: 'elsewhere', put: async (note: string) => void kept.push({ note, where: 'elsewhere' }) };
  await checkpointsOf(store, { places: [place] }).make();
};
const verify = async (): Promise<string[]> => (await verified(admin, keys, { kept })).breaks.map(({ what }) => what);
const run = async (session: string): Promise<void> => {
  const statement = timeOrderedId();
  await store.recorder.append(submitted(session, statement));
  await store.recorder.append(completed(session, statement));
};

beforeAll(async () => {
  await admin.query("SELECT ensure_partitions('2026-09-28', 10)");
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-09-29T10:00:00Z') });
  try {
    long = await store.sessions.find(actor('long'), client, undefined);
    await run(long);
  } finally {
    vi.useRealTimers();
  }
  await checkpoint();
  await run(long);
  recent = await store.sessions.find(actor('recent'), client, undefined);
  for (let index = 0; index < 3; index++) await run(recent);
  await checkpoint();
  const done = await archiveBefore('2026-10-06T00:00:00Z', { admin, store, folder });
  if (done === undefined) throw new Error('nothing was archived');
  await checkpoint();
  open = await store.sessions.find(actor('open'), client, undefined);
  await run(open);
});
afterAll(end);

type Line = Readonly<Record<string, unknown>> & { readonly type: string };

async function exported(sessions?: readonly string[]): Promise<Line[]> {
  const lines: Line[] = [];
  await exportLines(admin, {
    sessions,
    origin: keys.origin,
    keys: trustedKeys(keys),
    publicKeys: [verifierKeyOf(keys)],
    now: new Date(),
    write: async (line) => void lines.push(line as Line),
  });
  return lines;
}

async function lookAt(lines: readonly Line[]): Promise<string[]> {
  const file = join(folder, 'some.jsonl');
  const events = lines.filter(({ type }) => type === 'event').length;
  await writeFile(
    file,
    lines.map((line) => `${JSON.stringify(line.type === 'end' ? { ...line, events } : line)}\n`).join(''),
  );
  const report = await verifyExport(file, trustedKeys(keys), kept);
  expect(report.isWhole).toBe(report.breaks.length === 0);
  return report.breaks.map(({ what }) => what);
}

const isOf = (session: string) => (line: Line) => line['session'] === session;
/** Before the first event. */
const withLines = (lines: readonly Line[], ...more: Line[]): Line[] => {
  const at = lines.findIndex(({ type }) => type === 'event');
  return [...lines.slice(0, at), ...more, ...lines.slice(at)];
};

describe('an export of everything', () => {
  it('is whole after an archive: the signed record in it tells what went', async () => {
    const lines = await exported();
    expect(lines.some(({ type }) => type === 'archived')).toBe(true);
    expect(await lookAt(lines)).toEqual([]);
  });

  it('from which a session was taken is not, whatever a line says that nobody signed', async () => {
    const all = await exported();
    const last = all.filter((line) => line.type === 'event' && isOf(recent)(line)).at(-1);
    const [session, length, hash] = [recent, Number(last?.['position']) + 1, last?.['hash']];
    const cut = all.filter((line) => !(['event', 'head'].includes(line.type) && isOf(recent)(line)));
    expect(await lookAt(cut)).not.toEqual([]);
    expect(await lookAt(withLines(cut, { type: 'start', session, length, hash }))).not.toEqual([]);
    const told = all.find(({ type }) => type === 'archived');
    for (const archived of [told?.['archive'], randomUUID()])
      expect(
        await lookAt(
          withLines(cut, {
            type: 'archived',
            archive: archived,
            session,
            from: 0,
            length,
            hash,
            opened_at: null,
            opening: null,
          }),
        ),
      ).not.toEqual([]);
  });

  it('whose first events were taken is not', async () => {
    const all = await exported();
    const third = all.find((line) => line.type === 'event' && isOf(recent)(line) && line['position'] === 2);
    const cut = all.filter((line) => !(line.type === 'event' && isOf(recent)(line) && Number(line['position']) < 3));
    expect(
      await lookAt(withLines(cut, { type: 'start', session: recent, length: 3, hash: third?.['hash'] })),
    ).not.toEqual([]);
  });

  it('needs what it goes by: each kind of line that is left out is missed', async () => {
    const all = await exported();
    for (const type of ['archived', 'checkpoint', 'leaf', 'head', 'end'])
      expect([type, (await lookAt(all.filter((line) => line.type !== type))).length > 0]).toEqual([type, true]);
    const acts = all.filter((line) => line['kind'] !== 'events_archived');
    expect(await lookAt(acts)).not.toEqual([]);
  });

  it('says everything once, and in its order', async () => {
    const all = await exported();
    const [first] = all;
    if (!first) throw new Error('empty');
    const leaf = all.find(({ type }) => type === 'leaf');
    if (!leaf) throw new Error('no leaf');
    for (const lines of [[...all, first], [...all, ...all], [...all, leaf], withLines(all, first)])
      await expect(lookAt(lines)).rejects.toThrow(/stands where none belongs|begins a second time/);
    const at = all.findIndex(({ type }) => type === 'event') + 1;
    await expect(lookAt([...all.slice(0, at), leaf, ...all.slice(at)])).rejects.toThrow('stands where none belongs');
  });
});

/** Another text in each statement, with hashes as they have to be then; nobody's key is needed for that. */
function rewritten(lines: readonly Line[], session: string): Line[] {
  let before: string | undefined;
  return lines.map((line) => {
    if (line.type !== 'event' || !isOf(session)(line)) return line;
    const event = { ...(line as unknown as Parameters<typeof contentOf>[0] & { sequence: string; hash: string }) };
    const body = { ...(line['body'] as object), forged: true };
    const content = contentOf({ ...event, body: canonical(body) });
    const from = before ?? (line['position'] === 0 ? firstHash(session) : startOf(lines, session));
    before = nextHash(from, content, BigInt(event.sequence), line['signature'] as string | null);
    return { ...line, body, hash: before };
  });
}
/** The hash that the first event of a session hangs on which an archive has the beginning of. */
const startOf = (lines: readonly Line[], session: string): string =>
  String(lines.find((line) => line.type === 'archived' && isOf(session)(line))?.['hash']);

describe('an export of some sessions', () => {
  it('is whole by its proofs, and by signatures where no checkpoint covers it yet', async () => {
    for (const sessions of [[recent], [open], [long], [recent, open, long]])
      expect(await lookAt(await exported(sessions))).toEqual([]);
  });

  it('without its proof is not, be it as it was or rewritten', async () => {
    for (const session of [recent, open, long])
      for (const lines of [await exported([session]), rewritten(await exported([session]), session)]) {
        const bare = lines.filter(({ type }) => type !== 'proof' && type !== 'batch');
        expect(await lookAt(bare)).not.toEqual([]);
      }
    expect(await lookAt(rewritten(await exported([open]), open))).not.toEqual([]);
    expect(await lookAt(rewritten(await exported([recent]), recent))).not.toEqual([]);
  });

  it('with signatures of another key is not', async () => {
    const lines = (await exported([open])).map((line) =>
      line.type === 'batch' ? { ...line, signature: Buffer.alloc(64, 1).toString('base64') } : line,
    );
    expect(await lookAt(lines)).not.toEqual([]);
  });

  it('begins later than a session did only where a signed event says so', async () => {
    const lines = await exported([long]);
    expect(lines.find((line) => line.type === 'event' && isOf(long)(line))?.['position']).toBeGreaterThan(0);
    expect(await lookAt(lines.filter(({ type }) => type !== 'archived'))).not.toEqual([]);
    expect(await lookAt(lines.filter((line) => line['kind'] !== 'events_archived'))).not.toEqual([]);
    const changed = lines.map((line) =>
      line.type === 'archived' && isOf(long)(line) ? { ...line, length: Number(line['length']) + 1 } : line,
    );
    expect(await lookAt(changed)).not.toEqual([]);
  });
});

/** Everything as it was: what a superuser does is undone. */
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** An event at the end of a session, chained as it has to be, signed by nobody. */
async function forge(session: string, writer: string, n: number, kind: string, body: object): Promise<void> {
  const { rows } = await admin.query(
    `SELECT length::float8 AS length, encode(hash, 'hex') AS hash, last_at, is_covered FROM chain WHERE session_id = $1`,
    [session],
  );
  const [head] = rows;
  const sequence = String((await admin.query(`SELECT nextval('event_sequence')::text AS n`)).rows[0].n);
  const at = new Date().toISOString();
  const signature = Buffer.alloc(64, 1);
  const content = contentOf({ session, at, writer, n, statement: null, kind, body: canonical(body) });
  const hash = nextHash(head.hash, content, BigInt(sequence), signature.toString('base64'));
  await admin.query(
    `INSERT INTO event (session_id, position, at, sequence, writer, n, kind, body, hash, signature)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, decode($9, 'hex'), $10)`,
    [session, head.length, at, sequence, writer, n, kind, canonical(body), hash, signature],
  );
  await admin.query(
    `UPDATE chain SET length = length + 1, hash = decode($2, 'hex'), last_at = $3, is_covered = false WHERE session_id = $1`,
    [session, hash, at],
  );
  undo.push(
    () => admin.query('DELETE FROM event WHERE session_id = $1 AND position = $2', [session, head.length]),
    () =>
      admin.query(
        `UPDATE chain SET length = $2, hash = decode($3, 'hex'), last_at = $4, is_covered = $5 WHERE session_id = $1`,
        [session, head.length, head.hash, head.last_at, head.is_covered],
      ),
  );
}

/** The rows of one session go, and come back in the end. */
async function takeAway(session: string): Promise<{ length: number; hash: string }> {
  const { rows } = await admin.query(
    `SELECT length::float8 AS length, encode(hash, 'hex') AS hash FROM chain WHERE session_id = $1`,
    [session],
  );
  for (const [table, condition] of [
    ['outcome', 'id IN (SELECT id FROM statement WHERE session_id = $1)'],
    ['statement', 'session_id = $1'],
    ['event', 'session_id = $1'],
    ['chain', 'session_id = $1'],
    ['session_key', 'session_id = $1'],
    ['session', 'id = $1'],
  ] as const) {
    const which = condition.replace('$1', `'${session}'`);
    await admin.query(`CREATE TABLE away_${table} AS SELECT * FROM ${table} WHERE ${which}`);
    await admin.query(`DELETE FROM ${table} WHERE ${which}`);
    undo.push(async () => {
      await admin.query(`INSERT INTO ${table} SELECT * FROM away_${table}`);
      await admin.query(`DROP TABLE away_${table}`);
    });
  }
  return rows[0];
}

describe('verify', () => {
  it('finds a session that is gone, whatever rows and an event that nobody signed say of an archive', async () => {
    expect(await verify()).toEqual([]);
    const { length, hash } = await takeAway(recent);
    const id = randomUUID();
    await admin.query(
      `INSERT INTO archive (id, file, digest, manifest, before) VALUES ($1, 'x.jsonl.gz', '\\x00', '\\x00', '2026-12-01')`,
      [id],
    );
    undo.push(() => admin.query('DELETE FROM archive WHERE id = $1', [id]));
    await admin.query(
      `INSERT INTO archived_session (archive_id, session_id, from_position, length, hash) VALUES ($1, $2, 0, $3, decode($4, 'hex'))`,
      [id, recent, length, hash],
    );
    undo.push(() => admin.query('DELETE FROM archived_session WHERE archive_id = $1', [id]));
    const manifest = manifestOf([{ session: recent, from_position: 0, length, hash, opened_at: null, opening: null }]);
    await admin.query(`UPDATE archive SET manifest = decode($2, 'hex') WHERE id = $1`, [id, manifest]);
    const body = {
      archive: id,
      manifest,
      digest: '00'.repeat(32),
      file: 'x.jsonl.gz',
      from: '2026-11-01',
      to: '2026-12-01',
    };
    const own = store.recorder.writerOf(undefined) ?? '';
    // In another's session, and in the session of a gateway of ours, under its name.
    for (const [host, writer, n] of [
      [long, timeOrderedId(), 7],
      [own, own, 1_000_000],
    ] as const) {
      await forge(host, writer, n, 'events_archived', body);
      const found = (await verify()).join('\n');
      expect(found).toContain('All events of this session, which checkpoints cover, are missing');
      expect(found).toContain(`No signed event says that there was an archive ${id}`);
    }
  });

  it('finds events that nobody signed, also under the name of a writer whose others were archived', async () => {
    const old = timeOrderedId(Date.parse('2026-09-29T10:00:00Z'));
    await forge(recent, old, 7, 'rows_fetched', { rows: 1 });
    expect((await verify()).join('\n')).toContain('missing: number');
  });

  it('finds a key that an event of nobody passes for erased', async () => {
    await admin.query('CREATE TABLE away_key AS SELECT * FROM session_key');
    await admin.query('DELETE FROM session_key WHERE session_id = $1', [recent]);
    undo.push(async () => {
      await admin.query('INSERT INTO session_key SELECT * FROM away_key WHERE session_id = $1', [recent]);
      await admin.query('DROP TABLE away_key');
    });
    await forge(long, timeOrderedId(), 0, 'keys_erased', { sessions: [recent] });
    expect((await verify()).join('\n')).toContain('no event says that it was erased');
  });

  it.each([
    ['digest', `'\\x00'`],
    ['file', `'other.jsonl.gz'`],
    ['before', `now()`],
    ['manifest', `'\\x00'`],
  ])('holds what the store says of an archive against the signed event: %s', async (column, value) => {
    const { rows } = await admin.query('SELECT * FROM archive');
    const [{ id, ...row }] = rows;
    await admin.query(`UPDATE archive SET ${column} = ${value} WHERE id = $1`, [id]);
    undo.push(() => admin.query(`UPDATE archive SET ${column} = $2 WHERE id = $1`, [id, row[column]]));
    expect((await verify()).join('\n')).toContain('is not what was recorded of it');
  });
});

describe('a hold', () => {
  const none = new Set<string>();
  const record = (event: Parameters<TranscriptStore['recorder']['append']>[0]) => store.recorder.append(event);
  const ensure = () => ensureHolds(admin, trustedKeys(keys), { acknowledged: none, forged: none });

  it('is what its event says: nobody takes it away, changes it or passes it for lifted', async () => {
    const id = await placeHold(admin, { session: recent }, 'a lawsuit', 'counsel', record);
    expect(await verify()).toEqual([]);
    for (const [sql, what] of [
      ['DELETE FROM hold', 'its row is gone'],
      ['UPDATE hold SET lifted_at = now()', 'nobody lifted it'],
      [`UPDATE hold SET session_id = '${long}'`, 'it was changed'],
      [`UPDATE hold SET reason = 'none'`, 'it was changed'],
      [
        `INSERT INTO hold (id, subject, reason, placed_by) VALUES (gen_random_uuid(), 'long', 'x', 'y')`,
        'placed by nobody',
      ],
    ] as const) {
      await admin.query('CREATE TABLE away_hold AS SELECT * FROM hold');
      await admin.query(sql);
      expect((await verify()).join('\n')).toContain(what);
      await expect(ensure()).rejects.toThrow(what);
      await expect(
        archive(admin, {
          keys,
          before: new Date('2026-10-20T00:00:00Z'),
          folder,
          record,
          now: new Date(),
          onProgress: () => undefined,
        }),
      ).rejects.toThrow('so nothing is dropped');
      await admin.query('DELETE FROM hold');
      await admin.query('INSERT INTO hold SELECT * FROM away_hold');
      await admin.query('DROP TABLE away_hold');
    }
    await ensure();
    expect(await liftHold(admin, id, 'counsel', record)).toBe(true);
    expect(await verify()).toEqual([]);
  });
});
