/** What the notary reads before it signs: each manipulation between two checkpoints is found at the second, and nothing is signed then. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchMessage, contentOf, nextHash } from '../../../dist/transcript/form/chain.js';
import {
  type Checkpoints,
  storePool,
  type TranscriptStore,
  timeOrderedId,
  trustedKeys,
  type VerifyReport,
} from '../../../dist/transcript/index.js';
import { timeText } from '../../../dist/transcript/read/columns.js';
import { checkpointsOf, verified } from '../../support/store/keeping.mjs';
import { startPostgres, type TestPostgres } from '../../support/store/postgres.mjs';
import { gatewayUrlOf, newKeys, openStore } from '../../support/store/store.mjs';
import { actor, client, fill, refused } from '../fill.mjs';

const keys = newKeys();
let postgres: TestPostgres;
let control: pg.Client;
let folder: string;

const databaseUrl = (name: string): string => {
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return url.href;
};

const notaryOf = (store: TranscriptStore, state: string, problems: string[], forged?: ReadonlySet<string>) =>
  checkpointsOf(store, {
    state,
    ...(forged ? { forged } : {}),
    onIntegrityProblem: (problem) => problems.push(problem),
  });

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'snowfence-notary-'));
  control = new pg.Client({ connectionString: databaseUrl('template1') });
  await control.connect();
  const problems: string[] = [];
  const store = await openStore(postgres.url, { keys });
  const checkpoints = notaryOf(store, join(folder, 'base.json'), problems);
  await fill(store, { agents: 2, statements: 3 });
  await checkpoints.make();
  await store.recorder.close();
  await checkpoints.make();
  await store.pool.end();
  expect(problems).toEqual([]);
});
afterAll(async () => {
  await control.end();
  await postgres.end();
  await rm(folder, { recursive: true });
});

/** A gateway that works on a copy of its own, and somebody who may do everything in it. */
class Copy implements AsyncDisposable {
  readonly problems: string[] = [];

  readonly name: string;
  readonly admin: pg.Client;
  readonly store: TranscriptStore;
  readonly state: string;

  private constructor(name: string, admin: pg.Client, store: TranscriptStore, state: string) {
    this.name = name;
    this.admin = admin;
    this.store = store;
    this.state = state;
  }

  static #count = 0;

  static async make(): Promise<Copy> {
    const name = `copy_${Copy.#count++}`;
    await control.query(`CREATE DATABASE ${name} TEMPLATE postgres`);
    const admin = new pg.Client({ connectionString: databaseUrl(name), options: '-c timezone=UTC' });
    await admin.connect();
    const store = await openStore(databaseUrl(name), { keys, onIntegrityProblem: () => undefined });
    const state = join(folder, `${name}.json`);
    await copyFile(join(folder, 'base.json'), state);
    return new Copy(name, admin, store, state);
  }

  checkpoints(forged?: ReadonlySet<string>): Checkpoints {
    return notaryOf(this.store, this.state, this.problems, forged);
  }

  session(): Promise<string> {
    return this.store.sessions.find(actor('watched'), client, undefined);
  }

  async write(events: number): Promise<void> {
    const session = await this.session();
    for (let index = 0; index < events; index++) await this.store.recorder.append(refused(session, timeOrderedId()));
  }

  verify(forged: readonly string[] = [], acknowledged: readonly string[] = []): Promise<VerifyReport> {
    return verified(this.store.pool, keys, {
      forged: new Set(forged),
      acknowledged: new Set(acknowledged),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.pool.end();
    await this.admin.end();
    await control.query(`DROP DATABASE ${this.name} WITH (FORCE)`);
  }
}

/** What a thief of the gateway's password can do: append() takes what it is given. */
async function forge(copy: Copy, more: { writer?: string; n?: number; signature?: 'none' | 'other' }): Promise<string> {
  const session = await copy.session();
  const at = new Date().toISOString();
  const own = copy.store.recorder.writerOf(session) ?? '';
  const { writer = own, n = 0, signature = 'other' } = more;
  const event = { session, at, writer, n, statement: null, kind: 'session_closed', body: '{"reason":"forged"}' };
  const key = generateKeyPairSync('ed25519').privateKey;
  const signed =
    signature === 'none' ? null : sign(null, batchMessage(writer, n, [contentOf(event)]), key).toString('base64');
  const row = { s: session, at, n, st: null, k: event.kind, body: { reason: 'forged' }, sig: signed };
  await copy.store.pool.query('SELECT append($1, NULL, $2, $3, NULL, NULL, NULL, NULL, NULL)', [
    writer,
    [session],
    JSON.stringify([row]),
  ]);
  const { rows } = await copy.admin.query("SELECT encode(hash, 'hex') AS hash FROM chain WHERE session_id = $1", [
    session,
  ]);
  return rows[0].hash;
}

/** The chain of a session computed anew from a position on, head included. */
async function mend(copy: Copy, session: string): Promise<void> {
  const { rows } = await copy.admin.query(
    `SELECT e.*, ${timeText('e.at')} AS time, e.body::text AS text, encode(e.signature, 'base64') AS sig FROM event e WHERE e.session_id = $1 ORDER BY e.position`,
    [session],
  );
  let hash = (await copy.admin.query("SELECT encode(first_hash($1), 'hex') AS hash", [session])).rows[0].hash;
  for (const [position, event] of rows.entries()) {
    const { writer, n, statement_id: statement, kind, text, time, sequence, sig } = event;
    const content = contentOf({ session, at: time, writer, n: Number(n), statement, kind, body: text });
    hash = nextHash(hash, content, BigInt(sequence), sig?.replaceAll('\n', '') ?? null);
    await copy.admin.query(
      "UPDATE event SET position = $3, hash = decode($4, 'hex') WHERE session_id = $1 AND sequence = $2",
      [session, sequence, position, hash],
    );
  }
  await copy.admin.query("UPDATE chain SET length = $2, hash = decode($3, 'hex') WHERE session_id = $1", [
    session,
    rows.length,
    hash,
  ]);
}

interface Attack {
  readonly name: string;
  readonly found: RegExp;
  readonly make: (copy: Copy) => Promise<unknown>;
  /** The store looks whole again after it: only the notary could know. */
  readonly isHidden?: boolean;
}

const ATTACKS: readonly Attack[] = [
  {
    name: 'a forged event with a used number of its writer',
    found: /had written number 1 before/,
    make: (copy) => forge(copy, { n: 1 }),
  },
  {
    name: 'a forged event with the next number of its writer',
    found: /was not written by a gateway of ours/,
    make: async (copy) => {
      const { rows } = await copy.admin.query('SELECT max(n) + 1 AS n FROM event WHERE writer = $1', [
        copy.store.recorder.writerOf(await copy.session()),
      ]);
      return forge(copy, { n: Number(rows[0].n) });
    },
  },
  {
    name: 'a forged event of a writer that nobody knows',
    found: /says that it is the first of its writer, and is not/,
    make: (copy) => forge(copy, { writer: timeOrderedId() }),
  },
  {
    name: 'a forged event without a signature',
    found: /What its writer wrote before this event is missing: number 0/,
    make: (copy) => forge(copy, { writer: timeOrderedId(), n: 7, signature: 'none' }),
  },
  {
    name: 'an event that is said twice, in its own words',
    found: /had written number \d+ before/,
    make: async (copy) => {
      const session = await copy.session();
      const { rows } = await copy.admin.query(
        `SELECT ${timeText('e.at')} AS time, e.n, e.writer, e.statement_id, e.kind, e.body::text AS text, encode(e.signature, 'base64') AS sig FROM event e WHERE e.session_id = $1 AND e.position = 3`,
        [session],
      );
      const [{ time, n, writer, statement_id: st, kind, text, sig }] = rows;
      const row = `[{"s":"${session}","at":"${time}","n":${n},"st":"${st}","k":"${kind}","body":${text},"sig":"${sig?.replaceAll('\n', '')}"}]`;
      await copy.store.pool.query('SELECT append($1, NULL, $2, $3, NULL, NULL, NULL, NULL, NULL)', [
        writer,
        [session],
        row,
      ]);
    },
  },
  {
    name: 'an event cut out, and the chain mended',
    found: /What its writer wrote before this event is missing: number \d+/,
    make: async (copy) => {
      const session = await copy.session();
      await copy.admin.query('DELETE FROM event WHERE session_id = $1 AND position = 3', [session]);
      await mend(copy, session);
    },
  },
  {
    name: 'an event edited, and the chain mended',
    found: /was not written by a gateway of ours/,
    make: async (copy) => {
      const session = await copy.session();
      await copy.admin.query(`UPDATE event SET body = '{"denial":null}' WHERE session_id = $1 AND position = 3`, [
        session,
      ]);
      await mend(copy, session);
    },
  },
  {
    name: 'an event edited',
    found: /its hash does not follow|was not written by a gateway/,
    make: async (copy) =>
      copy.admin.query(`UPDATE event SET body = '{"denial":null}' WHERE session_id = $1 AND position = 3`, [
        await copy.session(),
      ]),
  },
  {
    name: 'a session cut off, its head mended',
    found: /is not what this gateway wrote, or is gone/,
    make: async (copy) => {
      const session = await copy.session();
      await copy.admin.query('DELETE FROM event WHERE session_id = $1 AND position >= 3', [session]);
      await mend(copy, session);
    },
    isHidden: true,
  },
  {
    name: 'row security that hides an event',
    found: /The notary is kept out: .*row-level security/,
    make: async (copy) => {
      const session = await copy.session();
      await copy.admin.query('ALTER TABLE event ENABLE ROW LEVEL SECURITY');
      await copy.admin.query(
        `CREATE POLICY hide ON event FOR SELECT USING (NOT (session_id = '${session}' AND position = 3))`,
      );
    },
  },
  {
    name: 'a trigger that changes leaves',
    found: /has written another checkpoint than it was given/,
    make: (copy) =>
      copy.admin.query(
        `CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.hash := sha256('x'); RETURN NEW; END $$;
         CREATE TRIGGER other BEFORE INSERT ON leaf FOR EACH ROW EXECUTE FUNCTION other()`,
      ),
    isHidden: true,
  },
  {
    name: 'a trigger that drops leaves',
    found: /Leaf \d+ of the tree is gone/,
    make: (copy) =>
      copy.admin.query(
        `CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE TRIGGER other BEFORE INSERT ON leaf FOR EACH ROW EXECUTE FUNCTION other()`,
      ),
    isHidden: true,
  },
  {
    name: 'a rule that drops checkpoints',
    found: /has written another checkpoint than it was given|cannot/,
    make: (copy) => copy.admin.query('CREATE RULE other AS ON INSERT TO checkpoint DO INSTEAD NOTHING'),
    isHidden: true,
  },
  {
    name: 'what was read of a writer, changed',
    found: /how far writer .* was read is not what was signed/,
    make: (copy) => copy.admin.query('UPDATE notarised SET n = n + 1'),
  },
  {
    name: 'what was read of each writer, gone',
    found: /What was read of each writer is gone/,
    make: (copy) => copy.admin.query('DELETE FROM notarised'),
    isHidden: true,
  },
  {
    name: 'a checkpoint taken away',
    found: /There are \d+ leaves in the tree, and the newest checkpoint covers \d+/,
    make: (copy) => copy.admin.query('DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)'),
  },
  {
    name: 'all checkpoints and leaves taken away',
    found: /The store has no checkpoint, and there was one/,
    make: (copy) => copy.admin.query('TRUNCATE checkpoint, leaf; UPDATE chain SET is_covered = false'),
  },
  {
    name: 'a leaf put in by the role that may',
    found: /There are \d+ leaves in the tree, and the newest checkpoint covers \d+/,
    make: (copy) =>
      copy.store.pool.query('SELECT take_heads((SELECT max(position) + 1 FROM leaf), $1, now())', [
        JSON.stringify([{ s: timeOrderedId(), l: 1, h: '00' }]),
      ]),
  },
  {
    name: 'a checkpoint taken away, and its leaves',
    found: /The store was rolled back: its newest checkpoint is of size/,
    make: (copy) =>
      copy.admin.query(`DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint);
        DELETE FROM leaf WHERE position >= (SELECT max(size) FROM checkpoint)`),
  },
  {
    name: 'a head that passes for uncovered',
    found: /passes for not covered by checkpoints, and is/,
    make: (copy) =>
      copy.admin.query(
        'UPDATE chain SET is_covered = false WHERE session_id = (SELECT session_id FROM chain WHERE is_covered LIMIT 1)',
      ),
  },
];

describe('between two checkpoints', () => {
  it.each(ATTACKS)('$name: nothing is signed', async ({ make, found, isHidden }) => {
    await using copy = await Copy.make();
    const checkpoints = copy.checkpoints();
    await copy.write(2);
    const first = await checkpoints.make();
    expect(copy.problems).toEqual([]);
    expect(first).toBeDefined();
    await copy.write(2);
    await make(copy);
    if (!isHidden || /trigger|rule/.test(found.source)) await copy.write(1).catch(() => undefined);
    expect(await checkpoints.make()).toBeUndefined();
    expect(copy.problems.join()).toMatch(found);
    // Not at the next try either.
    expect(await checkpoints.make()).toBeUndefined();
    const { rows } = await copy.admin.query('SELECT count(*)::int AS n FROM checkpoint WHERE note = $1', [first]);
    expect(rows[0].n).toBeLessThanOrEqual(1);
    expect(await readFile(copy.state, 'utf8')).toContain(JSON.stringify(first));
    if (!isHidden) expect((await copy.verify()).isWhole).toBe(false);
  });

  it('nothing but what was written: all is signed', async () => {
    await using copy = await Copy.make();
    const checkpoints = copy.checkpoints();
    await copy.write(3);
    await Promise.all(Array.from({ length: 40 }, () => copy.write(5)));
    const first = await checkpoints.make();
    expect(await checkpoints.make()).toBe(first);
    await copy.write(1);
    expect(await checkpoints.make()).not.toBe(first);
    expect(copy.problems).toEqual([]);
    expect((await copy.verify()).breaks).toEqual([]);
    expect((await stat(copy.state)).mode & 0o777).toBe(0o600);
  });
});

describe('what the notary keeps outside of the store', () => {
  it('tells of a store that was rolled back, and of one that went on differently', async () => {
    await using copy = await Copy.make();
    await copy.write(2);
    await copy.checkpoints().make();
    const later = await readFile(copy.state, 'utf8');
    // The same store a moment earlier.
    await using older = await Copy.make();
    await writeFile(older.state, later);
    expect(await older.checkpoints().make()).toBeUndefined();
    expect(older.problems.join()).toMatch(/The store was rolled back: its newest checkpoint is of size/);
    // Then as far again, with others' words.
    await using other = await Copy.make();
    await other.write(3);
    await other.checkpoints().make();
    await other.write(1);
    await other.checkpoints().make();
    await writeFile(other.state, later);
    expect(await other.checkpoints().make()).toBeUndefined();
    expect(other.problems.join()).toMatch(/was rolled back and went on differently/);
  });

  it('each replica keeps its own, and follows the others', async () => {
    await using copy = await Copy.make();
    const mine = notaryOf(copy.store, copy.state, copy.problems);
    const theirs = notaryOf(copy.store, `${copy.state}-2`, copy.problems);
    for (const turn of [mine, theirs, theirs, mine]) {
      await copy.write(1);
      expect(await turn.make()).toBeDefined();
    }
    expect(copy.problems).toEqual([]);
    expect((await copy.verify()).breaks).toEqual([]);
  });

  it('is not taken where it is not what was written', async () => {
    await using copy = await Copy.make();
    await writeFile(copy.state, '{"version":1');
    expect(await copy.checkpoints().make()).toBeUndefined();
    expect(copy.problems.join()).toMatch(/can not be read/);
  });

  it('where there is none, the store is taken as it is, and that is said', async () => {
    await using copy = await Copy.make();
    await rm(copy.state);
    let trusted = 0;
    const checkpoints = checkpointsOf(copy.store, {
      state: copy.state,
      onProblem: () => undefined,
      onIntegrityProblem: (problem) => copy.problems.push(problem),
      onTrusted: (size) => {
        trusted = size;
      },
    });
    await copy.write(1);
    expect(await checkpoints.make()).toBeDefined();
    expect(trusted).toBeGreaterThan(0);
    expect(copy.problems).toEqual([]);
    expect(await readFile(copy.state, 'utf8')).toContain('"version":1');
  });
});

describe('what somebody has looked into', () => {
  it('is passed over by its hash: a forged event, and the word of the gateway that found it', async () => {
    await using copy = await Copy.make();
    await copy.write(1);
    const forged = await forge(copy, { n: 1 });
    expect(await copy.checkpoints().make()).toBeUndefined();
    const problem = { problem: copy.problems[0] };
    await copy.store.recorder.append({
      kind: 'integrity_problem',
      sessionId: undefined,
      statementId: undefined,
      body: problem,
    });
    const report = await copy.verify([forged]);
    expect(report.breaks.map(({ what }) => what)).toEqual([
      expect.stringContaining('A gateway found the record changed'),
    ]);
    const said = /acknowledged with ([0-9a-f]{64})/.exec(report.breaks[0]?.what ?? '')?.[1] ?? '';
    copy.problems.length = 0;
    const note = await copy.checkpoints(new Set([forged])).make();
    expect(copy.problems).toEqual([]);
    expect(note).toBeDefined();
    expect(copy.problems).toEqual([]);
    expect((await copy.verify([forged], [said])).breaks).toEqual([]);
    expect((await copy.verify()).isWhole).toBe(false);
  });
});

describe('verify', () => {
  it('finds what a notary of an earlier version has signed unread', async () => {
    await using copy = await Copy.make();
    await copy.write(1);
    const forged = await forge(copy, { n: 1 });
    // Signed over: as if the notary had not looked.
    await copy.checkpoints(new Set([forged])).make();
    expect(copy.problems).toEqual([]);
    const report = await copy.verify();
    expect(report.uncovered).toBe(0);
    expect(report.breaks[0]?.what).toMatch(/had written number 1 before/);
  });

  it('fails where checkpoints that were kept elsewhere are missing', async () => {
    await using copy = await Copy.make();
    const report = await verified(copy.store.pool, keys, { missing: ['/nowhere/checkpoints.txt'] });
    expect(report.breaks[0]?.what).toBe('The checkpoints that are kept in /nowhere/checkpoints.txt are missing.');
  });

  it('finds batches that are cut by the borders between threads', async () => {
    await using copy = await Copy.make();
    const { Breaks } = await import('../../../dist/transcript/checks/breaks.js');
    const { WritersVerifier } = await import('../../../dist/transcript/checks/writers.js');
    await Promise.all(Array.from({ length: 30 }, () => copy.write(4)));
    const session = await copy.session();
    const all = (await copy.store.reader.events(session)).map((event) => ({
      ...event,
      body: JSON.stringify(event.body),
    }));
    const pool = storePool(gatewayUrlOf(databaseUrl(copy.name)), 30_000, 1);
    const { rows } = await pool.query(
      `SELECT e.sequence::text AS sequence, e.position::float8 AS position, ${timeText('e.at')} AS at, e.session_id AS session, e.statement_id AS statement, e.kind, e.body::text AS body, e.writer, e.n::float8 AS n, encode(e.hash, 'hex') AS hash, replace(encode(e.signature, 'base64'), E'\\n', '') AS signature FROM event e ORDER BY e.sequence`,
    );
    await pool.end();
    expect(rows.length).toBeGreaterThan(all.length);
    const options = { keys: trustedKeys(keys), forged: new Set<string>(), archivedBefore: undefined };
    const found = (events: typeof rows, ...cuts: readonly number[]): readonly string[] => {
      const breaks = new Breaks();
      const [first, ...others] = [0, ...cuts].map((from, index) => events.slice(from, cuts[index] ?? events.length));
      const verifier = new WritersVerifier(breaks, { ...options, isContinued: false });
      for (const event of first ?? []) verifier.event(event);
      for (const part of others) {
        const other = new WritersVerifier(breaks, { ...options, isContinued: true });
        for (const event of part) other.event(event);
        verifier.merge(structuredClone(other.state()));
      }
      verifier.end();
      return breaks.sorted.map(({ what }) => what);
    };
    for (let cut = 1; cut < rows.length; cut += 3) {
      expect(found(rows, cut)).toEqual([]);
      expect(found(rows, cut, Math.min(rows.length, cut + 2))).toEqual([]);
      const gone = rows[cut - 1];
      const without = rows.filter((row) => row !== gone);
      // What one wrote last, and alone, leaves no gap.
      const others = without.filter(({ writer }) => writer === gone.writer);
      const isLast = others.every(({ n }) => n < gone.n) && others.at(-1)?.signature !== null;
      expect(found(without, cut).length > 0).toBe(!isLast);
      const changed = rows.map((row, index) => (index === cut ? { ...row, body: '{}' } : row));
      expect(found(changed, cut).length).toBeGreaterThan(0);
    }
  });
});
