/** Whoever may connect takes every advisory lock there is, and keeps it: nothing that snowfence does hangs on one, and silence is told. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Approvals } from '../../../dist/approval/index.js';
import {
  type Checkpoints,
  ensurePartitions,
  Maintenance,
  NotaryWatch,
  setUpStore,
  storePool,
  type TranscriptStore,
  timeOrderedId,
  withClient,
} from '../../../dist/transcript/index.js';
import { structureProblems } from '../../../dist/transcript/store/structure.js';
import { questionOf } from '../../support/store/approvals.js';
import { checkpointsOf, fail } from '../../support/store/keeping.mjs';
import { startPostgres, type TestPostgres } from '../../support/store/postgres.mjs';
import { gatewayUrlOf, newKeys, openStore } from '../../support/store/store.mjs';
import { actor, client, putIn, refused, submitted } from '../fill.mjs';

const keys = newKeys();
const ROLES = { notary: 'snowfence_notary_test', reader: 'snowfence_reader_test' };
let postgres: TestPostgres;
let store: TranscriptStore;
let notary: ReturnType<typeof storePool>;
/** Of the role that may only read, and of the administrator. */
let reader: pg.Client;
let admin: pg.Client;
let urls: { gateway: string; notary: string; reader: string };

beforeAll(async () => {
  postgres = await startPostgres();
  store = await openStore(postgres.url, { keys });
  urls = {
    gateway: gatewayUrlOf(postgres.url),
    notary: gatewayUrlOf(postgres.url, ROLES.notary),
    reader: gatewayUrlOf(postgres.url, ROLES.reader),
  };
  await setUp();
  notary = storePool(urls.notary, 30_000, 2);
  reader = new pg.Client({ connectionString: urls.reader });
  admin = new pg.Client({ connectionString: postgres.url });
  await Promise.all([reader.connect(), admin.connect()]);
});
afterAll(async () => {
  await Promise.all([reader.end(), admin.end(), notary.end()]);
  await store[Symbol.asyncDispose]();
  await postgres.end();
});

async function setUp(): Promise<void> {
  const pool = storePool(postgres.url, 30_000, 1);
  await setUpStore(pool, urls).finally(() => pool.end());
}

const signer = (pool = notary) => checkpointsOf(store, { pool });
/** Whether the notary reads; `said`: what it tells of silence. */
const watchOf = (checkpoints: Checkpoints, said: string[], onEnd: (problem: string) => unknown) =>
  new NotaryWatch({
    pool: store.pool,
    checkpoints,
    everyMs: 1000,
    leastMs: 0,
    onSilence: (problem) => said.push(problem),
    onEnd,
  });
async function write(name: string): Promise<string> {
  const session = await store.sessions.find(actor(name), client, undefined);
  await store.recorder.append(refused(session, timeOrderedId()));
  return session;
}
const ask = async (session: string) => {
  const statementId = timeOrderedId();
  await store.recorder.append({ ...submitted(session, statementId, { verdict: 'approve' }), runs: 'pauses' });
  const sql = `DELETE FROM T WHERE ID = '${statementId}'`;
  return new Approvals(store).ask(questionOf(session, statementId, sql, { actor: { ...actor('held'), claims: {} } }));
};

/** Every advisory lock that one of our versions has ever gone by. */
const LOCKS = [7016642, 7016643, 7016644, 7016645, 7016646];

describe('a role that may only read', () => {
  it('keeps nobody from anything by advisory locks', async () => {
    for (const lock of LOCKS) await reader.query('SELECT pg_advisory_lock($1)', [lock]);
    const whose = ['https://issuer.example', 'held'];
    await reader.query(
      `SELECT pg_advisory_lock(hashtextextended('snowfence approvals ' || $1 || ' ' || $2, 0))`,
      whose,
    );
    try {
      const session = await write('held');
      expect(await signer().make()).toContain(keys.origin);
      expect(await ask(session)).toMatchObject({ isNew: true });
      await ensurePartitions(store.pool);
      await admin.query(`DELETE FROM migration WHERE name = '028_turns.sql'`);
      await admin.query('DROP TABLE notary_turn, closing_turn, approval_turn');
      await setUp();
      const problems: string[] = [];
      const maintenance = maintenanceOf(problems);
      await store.recorder.append({
        kind: 'rows_fetched',
        sessionId: session,
        statementId: undefined,
        body: {},
        at: new Date(Date.now() - 3_600_000),
      });
      await maintenance.round();
      expect(problems).toEqual([]);
      expect((await store.reader.events(session)).at(-1)).toMatchObject({ kind: 'session_closed' });
    } finally {
      await reader.query('SELECT pg_advisory_unlock_all()');
    }
  });

  it('gets no turn, and neither does anybody else whose it is not', async () => {
    const tried = async (db: pg.Client | pg.Pool, table: string, how: string) =>
      db.query(how.replace('TURN', table)).then(
        () => 'has it',
        (error: { code?: string }) => error.code,
      );
    const hows = [
      'SELECT FROM TURN FOR UPDATE',
      'SELECT FROM TURN FOR KEY SHARE',
      'LOCK TABLE TURN IN ROW SHARE MODE',
      'LOCK TABLE TURN IN ROW EXCLUSIVE MODE',
      'DELETE FROM TURN',
    ];
    await reader.query('BEGIN');
    for (const how of hows)
      for (const table of ['notary_turn', 'closing_turn', 'approval_turn', 'chain', 'event', 'migration']) {
        await reader.query('SAVEPOINT s');
        expect([how, table, await tried(reader, table, how)]).toEqual([how, table, '42501']);
        await reader.query('ROLLBACK TO s');
      }
    await reader.query('ROLLBACK');
    for (const how of hows.filter((one) => !one.startsWith('LOCK'))) {
      expect(await tried(store.pool, 'notary_turn', how)).toBe('42501');
      expect(await tried(notary, 'closing_turn', how)).toBe('42501');
      expect(await tried(notary, 'approval_turn', how)).toBe('42501');
    }
    // A turn's row stays what it is.
    await expect(notary.query('UPDATE notary_turn SET is_only = false')).rejects.toThrow('permission denied');
    await expect(store.pool.query('UPDATE approval_turn SET n = n')).rejects.toThrow('permission denied');
  });

  it('is in nobody’s way while it reads: weeks are made, and written into, and are as the migrations make them', async () => {
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM event, statement, outcome');
    try {
      await store.pool.query(`SELECT ensure_partitions(now() + interval '20 weeks', 2)`);
      await write('meanwhile');
    } finally {
      await reader.query('COMMIT');
    }
    const { rows } = await admin.query(
      `SELECT count(*)::int AS n FROM pg_inherits WHERE inhparent = ANY('{event,statement,outcome}'::regclass[])
       AND inhrelid::regclass::text > 'a' AND right(inhrelid::regclass::text, 10) > to_char(now() + interval '19 weeks', 'YYYY_MM_DD')`,
    );
    expect(rows[0]?.n).toBe(9);
    const pool = storePool(postgres.url, 30_000, 1);
    expect(await withClient(pool, structureProblems).finally(() => pool.end())).toEqual([]);
  });
});

describe('the gateway’s role', () => {
  it('keeps nobody from writing or reading by weeks that it makes and does not commit', async () => {
    const other = new pg.Client({ connectionString: urls.gateway });
    await other.connect();
    await other.query('BEGIN');
    await other.query(`SELECT ensure_partitions(now() + interval '30 weeks', 1)`);
    const session = await write('meanwhile');
    expect((await store.reader.events(session)).length).toBeGreaterThan(0);
    expect(await signer().make()).toContain(keys.origin);
    await ensurePartitions(store.pool);
    await other.end();
  });
});

const maintenanceOf = (
  problems: string[],
  pool = notary,
  over: Partial<ConstructorParameters<typeof Maintenance>[0]> = {},
) =>
  new Maintenance({
    pool: store.pool,
    recorder: store.recorder,
    sessions: store.sessions,
    checkpoints: signer(pool),
    everyMs: 60_000,
    silentMs: 60_000,
    settle: () => Promise.resolve(),
    onProblem: (problem) => problems.push(problem),
    ...over,
  });

it('checkpoints are signed while what follows from the record takes long', async () => {
  let goOn = (): void => undefined;
  const long = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const problems: string[] = [];
  const busy = maintenanceOf(problems, notary, { everyMs: 100, settle: () => long });
  const size = async () =>
    Number(
      (await admin.query<{ size: string }>('SELECT coalesce(max(size), 0) AS size FROM checkpoint')).rows[0]?.size,
    );
  busy.start();
  try {
    for (let more = 0; more < 2; more++) {
      const before = await size();
      await write(`meanwhile ${more}`);
      await expect.poll(size, { timeout: 10_000 }).toBeGreaterThan(before);
    }
  } finally {
    goOn();
  }
  expect(problems).toEqual([]);
}, 30_000);

describe('a turn of the notary that somebody keeps', () => {
  /** With the notary's own password. */
  async function held<T>(work: () => Promise<T>): Promise<T> {
    const thief = new pg.Client({ connectionString: urls.notary });
    await thief.connect();
    await thief.query('BEGIN');
    await thief.query('SELECT FROM notary_turn FOR UPDATE');
    return work().finally(() => thief.end());
  }

  it('is told of where there is something to sign, and once; and that it goes on', async () => {
    const said: string[] = [];
    const checkpoints = signer();
    const watch = watchOf(checkpoints, said, (problem) => said.push(`over: ${problem}`));
    const looks = async (count: number) => {
      for (let look = 0; look < count; look++) {
        await checkpoints.make();
        await watch.look();
      }
    };
    await looks(8);
    await held(async () => {
      // Nothing was written: there is nothing to be told.
      await looks(8);
      expect(said).toEqual([]);
      await write('unread');
      await looks(5);
      // A checkpoint of another's is none.
      await admin.query(
        "INSERT INTO checkpoint SELECT size + 1000, note || ' ', frontier FROM checkpoint ORDER BY size DESC LIMIT 1",
      );
      await looks(8);
      await admin.query("DELETE FROM checkpoint WHERE note LIKE '% '");
      expect(said).toEqual([expect.stringMatching(/^Nobody has notarised since .* something to sign/)]);
    });
    await expect.poll(() => checkpoints.make().then(() => checkpoints.isKeptWaiting)).toBe(false);
    await looks(2);
    expect(said).toEqual([said[0], `over: ${said[0]}`]);
  });

  it('has not ended where the look that follows finds what was put in meanwhile', async () => {
    const said: string[] = [];
    const found: string[] = [];
    // Of its own: its record is spoilt here.
    const spoilt = await startPostgres();
    const own = await openStore(spoilt.url, { keys, onIntegrityProblem: (problem) => void found.push(problem) });
    try {
      const checkpoints = checkpointsOf(own, {
        onIntegrityProblem: (problem) => {
          own.found(problem);
          found.push(problem);
        },
      });
      const watch = new NotaryWatch({
        pool: own.pool,
        checkpoints,
        everyMs: 1000,
        leastMs: 0,
        onSilence: (problem) => {
          own.silence = problem;
          said.push(problem);
        },
        onEnd: (problem) => {
          own.silence = undefined;
          said.push(`over: ${problem}`);
        },
      });
      const session = await own.sessions.find(actor('put in'), client, undefined);
      await checkpoints.make();
      await watch.look();
      await own.recorder.append(refused(session, timeOrderedId()));
      // Nobody reads.
      for (let look = 0; look < 8; look++) await watch.look();
      expect(said).toHaveLength(1);
      await putIn(own.pool, own.recorder.writerOf(session), session, [{ n: 1_000_000, k: 'policy_problem', body: {} }]);
      for (let look = 0; look < 8; look++) {
        await checkpoints.make();
        await watch.look();
      }
      expect(checkpoints.stopped).toBeDefined();
      expect(said).toHaveLength(1);
      expect(own.integrityProblem).toBe(checkpoints.stopped);
      // Nor would its end be one of what was found.
      own.silence = undefined;
      expect(own.integrityProblem).toBe(checkpoints.stopped);
      own.found('another');
      expect(own.integrityProblem).toBe(checkpoints.stopped);
      expect(found).toEqual([checkpoints.stopped]);
    } finally {
      await own[Symbol.asyncDispose]();
      await spoilt.end();
    }
  });

  it('is told of, too, where heads pass for covered by leaves that nobody signed', async () => {
    const said: string[] = [];
    const checkpoints = signer();
    const watch = watchOf(checkpoints, said, fail);
    const session = await write('covered');
    await held(async () => {
      const { rows } = await admin.query(
        `SELECT length::int AS l, encode(hash, 'hex') AS h, (SELECT max(position) + 1 FROM leaf)::int AS first FROM chain WHERE session_id = $1`,
        [session],
      );
      const { l, h, first } = rows[0];
      await notary.query('SELECT take_heads($1, $2, now())', [first, JSON.stringify([{ s: session, l, h }])]);
      await notary.query('SELECT cover_heads($1)', [first]);
      for (let look = 0; look < 8; look++) await watch.look();
      await admin.query('DELETE FROM leaf WHERE position = $1', [first]);
      await admin.query('UPDATE chain SET is_covered = false WHERE session_id = $1', [session]);
    });
    expect(said).toHaveLength(1);
    await expect.poll(() => checkpoints.make()).toContain(keys.origin);
  });

  it('is waited for at the end, and said where it does not come', async () => {
    const problems: string[] = [];
    await write('last');
    await held(async () => {
      const maintenance = maintenanceOf(problems);
      const quiet = Object.create(store.recorder, { close: { value: () => Promise.resolve() } });
      const ending = new Maintenance({
        pool: store.pool,
        recorder: quiet,
        sessions: store.sessions,
        checkpoints: signer(),
        everyMs: 60_000,
        silentMs: 60_000,
        settle: () => Promise.resolve(),
        onProblem: (problem) => problems.push(problem),
      });
      await maintenance.round();
      expect(problems).toEqual([]);
      await ending.stop();
    });
    expect(problems).toEqual([expect.stringContaining('The last checkpoint was not signed')]);
  });
});
