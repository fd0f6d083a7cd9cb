/** Which downloads have to end is what the record says: whoever may change rows, or append events, neither hides one nor keeps anybody busy. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LostDownloads } from '../../../dist/gateway/record/lost-downloads.js';
import { SealedRows, stateProblems, type TranscriptStore, timeOrderedId } from '../../../dist/transcript/index.js';
import { startStore } from '../../support/store/own-store.js';
import { actor, client, completed, putIn, submitted } from '../../transcript/fill.mjs';

let own: Awaited<ReturnType<typeof startStore>>;
const told: string[] = [];
beforeAll(async () => {
  own = await startStore({ onIntegrityProblem: (problem) => void told.push(problem) });
});
afterAll(() => own.end());
beforeEach(() => void told.splice(0));

interface Opened {
  readonly id: string;
  readonly session: string;
  readonly statement: string;
}

/** One that a gateway gives out, with a page that was about to leave. */
async function openedBy(store: TranscriptStore, at = new Date()): Promise<Opened> {
  const { sessions, recorder } = store;
  const session = await sessions.find(actor(`bot-${randomUUID()}`), client, undefined);
  const [statement, id] = [timeOrderedId(), randomUUID()];
  const event = (kind: 'download_opened' | 'rows_fetched', more: object) =>
    recorder.append({
      kind,
      sessionId: session,
      statementId: statement,
      body: { download: id, format: 'csv', query_id: `q-${statement}`, ...more },
      at,
    });
  await recorder.append(submitted(session, statement) as never);
  await recorder.append(completed(session, statement) as never);
  await event('download_opened', {});
  await event('rows_fetched', { rows: 7, bytes: 70 });
  return { id, session, statement };
}

/** The processes that have written into these sessions are taken for dead. */
const dies = async (...opened: readonly Opened[]): Promise<void> => {
  await own.admin.query(
    'UPDATE writer SET settled_at = now() WHERE id IN (SELECT e.writer FROM event e WHERE e.session_id = ANY($1))',
    [opened.map(({ session }) => session)],
  );
};

async function endsOf({ statement }: Opened): Promise<Record<string, unknown>[]> {
  const { rows } = await own.admin.query<{ body: Record<string, unknown> }>(
    "SELECT body FROM event WHERE statement_id = $1 AND kind = 'download_ended' AND signature IS NOT NULL",
    [statement],
  );
  return rows.map(({ body }) => body);
}

const looker = async () => new LostDownloads(await own.another(), 0);
/** Until one was ended; none takes long. */
async function someLooks(one: LostDownloads): Promise<number> {
  for (let look = 0; look < 30; look++) {
    const from = performance.now();
    const ended = await one.end();
    expect(performance.now() - from).toBeLessThan(4000);
    if (ended > 0) return ended;
  }
  return 0;
}
const forge = (event: object, session: string, count = 1) =>
  putIn(
    own.store.pool,
    randomUUID(),
    session,
    Array.from({ length: count }, (_, n) => ({ n, ...event })),
  );

describe('a download that was opened and has no end', () => {
  it('ends without any row of it, once, and with what was about to leave', async () => {
    const opened = await openedBy(await own.another());
    const lookers = [await looker(), await looker()];
    for (const one of lookers) expect(await one.end()).toBe(0);
    expect(await endsOf(opened)).toEqual([]);
    await dies(opened);
    const ended = await Promise.all(lookers.map((one) => one.end()));
    expect(ended.reduce((sum, one) => sum + one, 0)).toBe(1);
    for (const one of [...lookers, await looker()]) expect(await one.end()).toBe(0);
    expect(await endsOf(opened)).toMatchObject([{ download: opened.id, end: 'unknown', rows: 7, bytes: 70 }]);
    expect(told).toEqual([]);
  });

  it('ends whatever is put in: an end of nobody’s, and rows of nobody’s without number', async () => {
    const opened = await openedBy(await own.another());
    await dies(opened);
    await own.store.pool.query(
      `INSERT INTO download (id, issuer, subject, client_id, session_id, statement_id, query_id, format, sealed, granted, end_row, bytes,
         opened_at, expires_at, mac)
       SELECT gen_random_uuid(), 'x', 'x', 'x', $1, $2, 'q', 'csv', '', '', 1, 1, now() - interval '1 hour', now() + interval '9 years', ''
       FROM generate_series(1, 30000)`,
      [opened.session, opened.statement],
    );
    await forge({ st: opened.statement, k: 'download_ended', body: { download: opened.id } }, opened.session);
    const { rowCount } = await own.admin.query(
      "SELECT FROM event WHERE kind = 'download_ended' AND statement_id = $1",
      [opened.statement],
    );
    expect(rowCount).toBe(1);
    const from = performance.now();
    expect(await (await looker()).end()).toBe(1);
    expect(performance.now() - from).toBeLessThan(3000);
    expect(await endsOf(opened)).toMatchObject([{ end: 'unknown' }]);
    expect(told.join('\n')).toContain(opened.id);
    await own.admin.query('TRUNCATE download');
  });

  it('ends behind thousands of openings of nobody’s, of which is told once, and no look takes long', async () => {
    const host = await openedBy(own.store);
    await forge({ st: host.statement, k: 'download_opened', body: { download: 'none' } }, host.session, 3000);
    const opened = await openedBy(await own.another());
    await dies(opened);
    const one = await looker();
    expect(await someLooks(one)).toBe(1);
    expect(await endsOf(opened)).toHaveLength(1);
    expect(told.filter((problem) => problem.includes('pass for opened'))).toHaveLength(1);
    const from = performance.now();
    expect(await one.end()).toBe(0);
    expect(performance.now() - from).toBeLessThan(2500);
  }, 120_000);

  it('is named by whoever verifies, once nobody can be at it any more', async () => {
    const rows = new SealedRows(own.keys.sealing, () => undefined);
    const named = async ({ id }: Opened) =>
      (await stateProblems(own.store.pool, rows)).filter((problem) => problem.includes(id));
    const now = await openedBy(await own.another());
    const old = await openedBy(await own.another(), new Date(Date.now() - 3 * 3_600_000));
    expect(await named(now)).toEqual([]);
    expect(await named(old)).toMatchObject([expect.stringContaining('has no end')]);
    await dies(old);
    expect(await someLooks(await looker())).toBe(1);
    expect(await named(old)).toEqual([]);
  });
});
