/** The store as its writers, readers and would-be editors meet it. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordMask } from '../../dist/gateway/record/recorded.js';
import {
  countKeys,
  eraseKeys,
  excessPrivileges,
  exportLines,
  follow,
  issuersToErase,
  newSealingKey,
  RecorderUnavailable,
  rotateKeys,
  SearchProblem,
  type StoredEvent,
  search,
  timeOrderedId,
  trustedKeys,
  Vault,
  type VerifyReport,
  verifierKeyOf,
  verifyExport,
} from '../../dist/transcript/index.js';
import { checkpointsOf, verified } from '../support/store/keeping.mjs';
import { startStore } from '../support/store/own-store.js';
import { gatewayUrlOf, newKeys, openStore } from '../support/store/store.mjs';
import { actor, client, completed, fill, refused, submitted } from './fill.mjs';

const { keys, postgres, store, admin, folder, end } = await startStore();
afterAll(end);

const verify = (): Promise<VerifyReport> =>
  verified(store.pool, keys, { openKey: (session, key) => store.vault.check(session, key) });

/** Events of a session as they were given, without those that open it. */
const kindsOf = async (session: string): Promise<string[]> =>
  (await store.reader.events(session)).map(({ kind }) => kind);

describe('the role of a gateway', () => {
  it.each([
    "UPDATE event SET kind = 'x'",
    'DELETE FROM event',
    'TRUNCATE event',
    'DELETE FROM session',
    'UPDATE chain SET length = 0',
    "UPDATE statement SET text = ''",
    'DELETE FROM outcome',
    'DELETE FROM checkpoint',
    'UPDATE checkpoint SET size = 1',
    'DELETE FROM leaf',
    'DELETE FROM session_key',
    'UPDATE writer SET settled_at = now()',
    'ALTER TABLE event DISABLE TRIGGER ALL',
    'DROP TABLE event',
    'CREATE TABLE mine (x int)',
    "INSERT INTO event (session_id, position, at, sequence, writer, n, kind, body, hash) VALUES (gen_random_uuid(), 0, now(), 1, gen_random_uuid(), 0, 'x', '{}', '')",
    'SET ROLE snowfence',
    'CREATE OR REPLACE FUNCTION first_hash(session_id uuid) RETURNS bytea LANGUAGE sql RETURN NULL',
  ])('may not %s', async (sql) => {
    await expect(store.pool.query(sql)).rejects.toThrow(/permission denied|must be owner|must be able to/i);
  });

  it('is told from an administrator', async () => {
    expect(await excessPrivileges(store.pool)).toEqual([]);
    expect(await excessPrivileges(admin)).toEqual(['snowfence is a superuser']);
  });
});

describe('writing', () => {
  it('keeps events of one session in the order in which two processes wrote them, in one chain', async () => {
    const other = await openStore(postgres.url, { keys });
    const session = await store.sessions.find(actor('two-writers'), client, undefined);
    expect(await other.sessions.find(actor('two-writers'), client, undefined)).toBe(session);
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        (index % 2 === 0 ? store : other).recorder.append(refused(session, timeOrderedId())),
      ),
    );
    await other[Symbol.asyncDispose]();
    const events = await store.reader.events(session);
    expect(events.map(({ position }) => position)).toEqual(Array.from({ length: 201 }, (_, index) => index));
    expect((await verify()).breaks).toEqual([]);
  });

  it('takes one outcome for what ran, and none for what never began', async () => {
    const session = await store.sessions.find(actor('outcomes'), client, undefined);
    const statement = timeOrderedId();
    await expect(store.recorder.append(completed(session, statement))).rejects.toThrow(RecorderUnavailable);
    await store.recorder.append(submitted(session, statement));
    await store.recorder.append(completed(session, statement));
    await expect(store.recorder.append(completed(session, statement))).rejects.toThrow(RecorderUnavailable);
    expect(await kindsOf(session)).toEqual(['session_opened', 'statement_submitted', 'statement_completed']);
    // The store is well all the while: these were refused, not lost.
    expect(store.recorder.isHealthy).toBe(true);
  });

  it('keeps one event that can not be stored from spoiling those that come with it', async () => {
    const session = await store.sessions.find(actor('poison'), client, undefined);
    const results = await Promise.allSettled([
      store.recorder.append(refused(session, timeOrderedId())),
      store.recorder.append(completed(session, timeOrderedId())),
      store.recorder.append(refused('01a00000-0000-7000-8000-000000000000', timeOrderedId())),
      store.recorder.append({ ...refused(session, timeOrderedId()), at: new Date('1999-01-01') }),
      store.recorder.append(refused(session, timeOrderedId())),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled']);
    expect((await verify()).breaks).toEqual([]);
  });

  it('takes odd characters', async () => {
    const session = await store.sessions.find(
      actor('odd \u0000 \ud800 name'),
      { ...client, name: 'x\u0000"\\' },
      undefined,
    );
    const odd = "SELECT '\u0000 \ud800 \u2028 \\u0000 \\\\u0000 \"\u001f 😀'";
    await store.recorder.append(refused(session, timeOrderedId(), { statement: odd, purpose: '\u0000' }));
    const [, event] = await store.reader.events(session);
    expect(event?.body['statement']).toBe(odd.toWellFormed().replaceAll('\u0000', '\ufffd'));
    expect((await verify()).breaks).toEqual([]);
  });

  it('after others have settled what it ran, goes on under another name', async () => {
    const late = await openStore(postgres.url, { keys });
    const session = await late.sessions.find(actor('late'), client, undefined);
    const statement = timeOrderedId();
    await late.recorder.append(submitted(session, statement));
    const before = late.recorder.writerOf(session);
    await admin.query("UPDATE writer SET seen_at = now() - interval '2 minutes' WHERE id = $1", [before]);
    await late.pool.query("SELECT settle_writer('60 seconds')");
    await store.sessions.learnKey(session);
    await store.recorder.append({
      kind: 'statement_settled',
      sessionId: session,
      statementId: statement,
      body: { state: 'unknown' },
    });
    await expect(late.recorder.append(completed(session, statement))).rejects.toThrow(RecorderUnavailable);
    await late.recorder.append(refused(session, timeOrderedId()));
    expect(late.recorder.writerOf(session)).not.toBe(before);
    await late[Symbol.asyncDispose]();
    expect(await kindsOf(session)).toEqual([
      'session_opened',
      'statement_submitted',
      'statement_settled',
      'statement_refused',
    ]);
    expect((await verify()).breaks).toEqual([]);
  });

  it('writes an outcome later that could not be written in time', async () => {
    const session = await store.sessions.find(actor('owed'), client, undefined);
    const statement = timeOrderedId();
    await store.recorder.append(submitted(session, statement));
    // The database takes no connection and ends those that there are.
    await admin.query('ALTER ROLE snowfence_gateway_test NOLOGIN');
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'snowfence_gateway_test'`,
    );
    await expect(store.recorder.append(completed(session, statement))).rejects.toThrow(RecorderUnavailable);
    expect(store.recorder.isHealthy).toBe(false);
    await admin.query('ALTER ROLE snowfence_gateway_test LOGIN');
    await expect.poll(() => kindsOf(session)).toEqual(['session_opened', 'statement_submitted', 'statement_completed']);
    // Others see it before its writer has heard of it.
    await expect.poll(() => store.recorder.isHealthy).toBe(true);
    expect((await verify()).breaks).toEqual([]);
  });

  it('notices what was changed under it', async () => {
    const problems: string[] = [];
    const watched = await openStore(postgres.url, { keys, onIntegrityProblem: (problem) => problems.push(problem) });
    const session = await watched.sessions.find(actor('watched'), client, undefined);
    await watched.recorder.append(refused(session, timeOrderedId()));
    const { rows } = await admin.query("UPDATE chain SET hash = sha256('x') WHERE session_id = $1 RETURNING hash", [
      session,
    ]);
    expect(rows).toHaveLength(1);
    await watched.recorder.append(refused(session, timeOrderedId()));
    expect(problems.join()).toContain(`The end of session ${session} was changed`);
    expect((await verify()).breaks[0]).toMatchObject({ session, position: 2 });
    // Away with it, so that the other tests find a whole transcript.
    const gone = [session, watched.recorder.writerOf(session)];
    for (const table of ['event', 'chain', 'session_key', 'statement', 'leaf'])
      await admin.query(`DELETE FROM ${table} WHERE session_id = ANY($1)`, [gone]);
    await admin.query('DELETE FROM session WHERE id = ANY($1)', [gone]);
    await admin.query('DELETE FROM outcome o WHERE NOT EXISTS (SELECT FROM statement s WHERE s.id = o.id)');
    await watched.pool.end();
  });
});

describe('what agents write of people', () => {
  const CARD = '4111 1111 1111 1111';
  const personal = {
    statement: `SELECT * FROM T WHERE EMAIL = 'ann@example.com'`,
    purpose: `who has ${CARD}`,
    binds: ['078-05-1120'],
  };

  const stored = async (): Promise<string> => {
    const texts: string[] = [];
    for (const table of ['event', 'statement', 'outcome', 'session', 'approval', 'cursor']) {
      const { rows } = await admin.query<{ text: string }>(`SELECT t::text AS text FROM ${table} t`);
      texts.push(...rows.map(({ text }) => text));
    }
    return texts.join('\n');
  };

  it('is masked for readers, and whole for whoever has the key', async () => {
    const session = await store.sessions.find(actor('writer-of-names'), client, undefined);
    await store.recorder.append(refused(session, timeOrderedId(), personal));
    const [, event] = (await store.reader.events(session)) as [StoredEvent, StoredEvent];
    expect(event.body).toMatchObject({
      statement: "SELECT * FROM T WHERE EMAIL = '[email]'",
      purpose: 'who has [credit_card]',
      binds: ['[us_ssn]'],
    });
    expect(await stored()).not.toMatch(/ann@example|4111 1111|078-05-1120/);
    const reader = new Vault(keys, recordMask());
    const { rows } = await admin.query('SELECT key_id, wrapped FROM session_key WHERE session_id = $1', [session]);
    reader.learn(session, { keyId: rows[0].key_id, wrapped: rows[0].wrapped });
    expect(reader.open(session, event.statement, event.body).body).toMatchObject(personal);
    // A sealed part opens in its own place only.
    expect(reader.open(session, timeOrderedId(), event.body).closed).toEqual(['binds', 'purpose', 'statement']);
  });

  it('survives a change of keys, and goes with them', async () => {
    const session = await store.sessions.find(actor('to-forget'), client, undefined);
    await store.recorder.append(refused(session, timeOrderedId(), personal));
    const [, event] = (await store.reader.events(session)) as [StoredEvent, StoredEvent];
    const second = { ...keys, sealing: [newSealingKey(), ...keys.sealing] };
    const vault = new Vault(second, recordMask());
    expect(await rotateKeys(admin, vault)).toBeGreaterThan(0);
    expect(await rotateKeys(admin, vault)).toBe(0);
    const fresh = new Vault({ ...second, sealing: second.sealing.slice(0, 1) }, recordMask());
    const key = async () =>
      (await admin.query('SELECT key_id, wrapped FROM session_key WHERE session_id = $1', [session])).rows[0];
    fresh.learn(session, { keyId: (await key()).key_id, wrapped: (await key()).wrapped });
    expect(fresh.open(session, event.statement, event.body).body).toMatchObject(personal);
    // Back, for the other tests.
    await rotateKeys(admin, new Vault({ ...keys, sealing: [...keys.sealing, ...second.sealing] }, recordMask()));

    const erasure = { sessions: [], subject: 'to-forget', before: undefined };
    expect(await countKeys(admin, erasure)).toBe(1);
    // Somebody of that name at another issuer is somebody else: neither erased with them nor kept by a hold on them.
    const whose = actor('to-forget').issuer;
    expect(await countKeys(admin, { ...erasure, issuer: 'https://other.example' })).toBe(0);
    expect(await countKeys(admin, { ...erasure, issuer: whose })).toBe(1);
    expect(await issuersToErase(admin, erasure)).toEqual([whose]);
    const record = async (sessions: readonly string[]): Promise<void> => {
      await store.recorder.append({
        kind: 'keys_erased',
        sessionId: undefined,
        statementId: undefined,
        body: { sessions },
      });
    };
    await admin.query(
      `INSERT INTO hold (id, subject, reason, placed_by) VALUES (gen_random_uuid(), 'to-forget', 'a lawsuit', 'me')`,
    );
    expect(await eraseKeys(admin, erasure, record)).toBe(0);
    await admin.query('UPDATE hold SET issuer = $1', [whose]);
    expect(await eraseKeys(admin, erasure, record)).toBe(0);
    await admin.query(`UPDATE hold SET issuer = 'https://other.example'`);
    const [kept] = (await admin.query('SELECT * FROM session_key WHERE session_id = $1', [session])).rows;
    expect(await eraseKeys(admin, erasure, record)).toBe(1);
    expect(await key()).toBeUndefined();
    // No event has placed it.
    expect((await verify()).breaks.map(({ what }) => what)).toEqual([expect.stringContaining('was placed by nobody')]);
    await admin.query('DELETE FROM hold');
    expect((await verify()).breaks).toEqual([]);
    // Out of an old copy of the database: what was erased is opened by nobody unseen.
    await admin.query('INSERT INTO session_key VALUES ($1, $2, $3)', [kept.session_id, kept.key_id, kept.wrapped]);
    expect((await verify()).breaks[0]?.what).toContain('was erased, and is there');
    expect(await eraseKeys(admin, erasure, record)).toBe(1);
    expect((await verify()).breaks).toEqual([]);
    // Without a word in the record it would have been found.
    const other = await store.sessions.find(actor('to-forget-quietly'), client, undefined);
    const { rows } = await admin.query('DELETE FROM session_key WHERE session_id = $1 RETURNING *', [other]);
    expect((await verify()).breaks[0]?.what).toContain('no event says that it was erased');
    await admin.query('INSERT INTO session_key VALUES ($1, $2, $3)', [other, rows[0].key_id, rows[0].wrapped]);
  });
});

describe('exports', () => {
  const write = async (sessions: readonly string[] | undefined, name: string): Promise<string> => {
    const lines: string[] = [];
    await exportLines(store.pool, {
      sessions,
      origin: keys.origin,
      keys: trustedKeys(keys),
      publicKeys: [verifierKeyOf(keys)],
      now: new Date(),
      write: async (line) => void lines.push(JSON.stringify(line)),
    });
    const file = join(folder, name);
    await writeFile(file, `${lines.join('\n')}\n`);
    return file;
  };
  /** The first two sessions' export, changed by somebody. */
  const writeChanged = async (name: string, change: (text: string) => string): Promise<string> => {
    const file = await write(sessions.slice(0, 2), name);
    const text = await readFile(file, 'utf8');
    const changed = change(text);
    expect(changed).not.toBe(text);
    await writeFile(file, changed);
    return file;
  };
  let sessions: string[];
  beforeAll(async () => {
    sessions = await fill(store, { agents: 3, seed: 7 });
    await checkpointsOf(store).make();
  });

  it('verify offline with the public key alone, whole and by session', async () => {
    const whole = await verifyExport(await write(undefined, 'all.jsonl'), trustedKeys(keys), []);
    expect(whole).toMatchObject({ isWhole: true, isTailSigned: true });
    expect(whole.events).toBe((await verify()).events);
    const one = await verifyExport(await write(sessions.slice(0, 1), 'one.jsonl'), trustedKeys(keys), []);
    expect(one).toMatchObject({ isWhole: true, sessions: 1, proved: 1, uncovered: 0 });
  });

  it.each([
    ['a changed word', (text: string) => text.replace('OBJECT_DENIED', 'OBJECT_ALLOWED')],
    ['a line less', (text: string) => text.replace(/\n\{"type":"event".*?"position":2.*?\n/, '\n')],
    ['a cut end', (text: string) => text.slice(0, -200).replace(/\n[^\n]*$/, '\n')],
    [
      'two lines swapped',
      (text: string) => text.replace(/(\n\{"type":"event"[^\n]*)(\n\{"type":"event"[^\n]*)/, '$2$1'),
    ],
    [
      'a proof of another session',
      (text: string) =>
        text.replace(/"session":"([^"]+)","proof"/, '"session":"01a00000-0000-7000-8000-000000000000","proof"'),
    ],
    [
      'another number of events',
      (text: string) => text.replace(/"type":"end","events":\d+/, '"type":"end","events":1'),
    ],
  ])('with %s do not', async (_name, change) => {
    const file = await writeChanged('changed.jsonl', change);
    expect(await verifyExport(file, trustedKeys(keys), [])).toMatchObject({ isWhole: false });
  });

  it.each([
    ['a key twice', (text: string) => text.replace('"kind":', '"kind":"session_closed","kind":')],
    [
      'a key twice within what was recorded',
      (text: string) => text.replace('"body":{"', '"body":{"purpose":"forged","purpose":"x","'),
    ],
    ['a key in another spelling', (text: string) => text.replace('"kind":', '"k\\u0069nd":"session_closed","kind":')],
    ['a key of nobody’s', (text: string) => text.replace('"type":"event",', '"type":"event","agent":"cfo",')],
    ['a key of nobody’s at its head', (text: string) => text.replace('"format":1,', '"format":1,"auditor":"cfo",')],
    ['blanks', (text: string) => text.replace('"kind":', '"kind": ')],
  ])('with %s can be read in two ways, and are refused', async (_name, change) => {
    const file = await writeChanged('ambiguous.jsonl', change);
    await expect(verifyExport(file, trustedKeys(keys), [])).rejects.toThrow(
      /is no line of an export|is not written as exports are/,
    );
  });

  it('of one endless line are refused before they fill the memory', async () => {
    const file = join(folder, 'endless.jsonl.gz');
    await writeFile(file, gzipSync(Buffer.alloc(40 * 1024 * 1024, '{')));
    await expect(verifyExport(file, trustedKeys(keys), [])).rejects.toThrow('a line is too long');
  });

  it('verify without snowfence, as the documentation tells', async () => {
    const file = await write(sessions.slice(0, 2), 'alone.jsonl');
    const run = (key: string) =>
      promisify(execFile)(process.execPath, [
        fileURLToPath(new URL('../../examples/verify-export.mjs', import.meta.url)),
        file,
        key,
      ]).then(
        ({ stdout }) => stdout,
        ({ stdout }: { stdout: string }) => stdout,
      );
    const said = await run(verifierKeyOf(keys));
    expect(said.split('\n')).toHaveLength(3);
    expect(said).toMatch(/the first \d+ events are whole, covered since/);
    expect(await run(verifierKeyOf(newKeys()))).toContain('not signed with this key');
    await writeFile(file, (await readFile(file, 'utf8')).replace('OBJECT_DENIED', 'OBJECT_ALLOWED'));
    expect(await run(verifierKeyOf(keys))).toContain('was changed');
  });

  it('are refused with a reason where they are none', async () => {
    const file = join(folder, 'none.jsonl');
    await writeFile(file, 'nonsense\n');
    await expect(verifyExport(file, trustedKeys(keys), [])).rejects.toThrow('line 1 is no JSON');
    await writeFile(file, '{"type":"event"}\n');
    await expect(verifyExport(file, trustedKeys(keys), [])).rejects.toThrow('line 1 is no line of an export');
    await expect(verifyExport(join(folder, 'nowhere'), trustedKeys(keys), [])).rejects.toThrow('ENOENT');
    expect(await verifyExport(await write(undefined, 'all.jsonl'), trustedKeys(newKeys()), [])).toMatchObject({
      isWhole: false,
    });
  });

  it('follow what comes, each event once and in order, while several write', async () => {
    const other = await openStore(postgres.url, { keys });
    const session = await store.sessions.find(actor('followed'), client, undefined);
    const { rows } = await admin.query<{ last: string }>('SELECT max(sequence)::text AS last FROM event');
    const stopping = new AbortController();
    const seen: StoredEvent[] = [];
    const following = (async () => {
      for await (const events of follow(store, BigInt(rows[0]?.last ?? 0), stopping.signal, 20)) {
        seen.push(...events);
        if (seen.filter((event) => event.session === session).length >= 120) stopping.abort();
      }
    })();
    await Promise.all(
      Array.from({ length: 120 }, (_, index) =>
        (index % 2 === 0 ? store : other).recorder.append(refused(session, timeOrderedId())),
      ),
    );
    await following;
    await other[Symbol.asyncDispose]();
    const mine = seen.filter((event) => event.session === session);
    expect(mine.map(({ position }) => position)).toEqual(Array.from({ length: 120 }, (_, index) => index + 1));
  });
});

describe('search', () => {
  const found = async (text: string, limit = 50): Promise<string[]> =>
    (await search(store.pool, text, { limit, now: new Date() })).statements.map((row) => row.text);
  let session: string;
  beforeAll(async () => {
    session = await store.sessions.find(actor('finder', ['Searchers']), { ...client, name: 'Claude Code' }, undefined);
    const run = async (text: string, more: object, end: object): Promise<void> => {
      const statement = timeOrderedId();
      await store.recorder.append(submitted(session, statement, { statement: text, ...more }));
      await store.recorder.append(completed(session, statement, end));
    };
    await run(
      'SELECT CARD_NO FROM SHOP.PAY.CARDS',
      {
        purpose: 'Find the card of a customer',
        objects: [{ object: 'SHOP.PAY.CARDS', access: 'read', via: [] }],
        columns: ['SHOP.PAY.CARDS.CARD_NO'],
        masks: [{ column: 'SHOP.PAY.CARDS.CARD_NO', method: 'redact', rule: 'policies/pay.yaml:7' }],
        policies: ['pay'],
        fingerprint: 'feedfacefeedface',
      },
      { rows: 5000, duration_ms: 20_000, bytes: 2_000_000_000 },
    );
    await run("SELECT 'the card table' AS X", {}, { rows: 1, duration_ms: 5 });
    await store.recorder.append(
      refused(session, timeOrderedId(), {
        statement: 'DROP TABLE SHOP.PAY.CARDS',
        kind: 'drop',
        denial: { code: 'KIND_DENIED', message: 'No.', rule: 'policies/pay.yaml:9' },
      }),
    );
  });

  const CARDS = 'SELECT CARD_NO FROM SHOP.PAY.CARDS';
  const TEXT = "SELECT 'the card table' AS X";
  const DROP = 'DROP TABLE SHOP.PAY.CARDS';
  it.each([
    ['agent:finder', [DROP, TEXT, CARDS]],
    ['agent:FINDER group:searchers client:"claude code"', [DROP, TEXT, CARDS]],
    ['agent:finder table:CARDS', [CARDS]],
    ['agent:finder object:pay.cards', [CARDS]],
    ['agent:finder table:ARDS', []],
    ['column:CARD_NO', [CARDS]],
    ['masked:cards.card_no', [CARDS]],
    ['agent:finder rule:policies/pay.yaml:7', [CARDS]],
    ['agent:finder rule:policies/pay.yaml', [DROP, CARDS]],
    ['agent:finder policy:pay', [CARDS]],
    ['fp:feedfacefeedface', [CARDS]],
    ['agent:finder verdict:denied', [DROP]],
    ['agent:finder verdict:allowed', [TEXT, CARDS]],
    ['agent:finder -verdict:denied', [TEXT, CARDS]],
    ['agent:finder code:KIND_DENIED', [DROP]],
    ['agent:finder kind:drop', [DROP]],
    ['agent:finder state:ok', [TEXT, CARDS]],
    ['agent:finder card', [TEXT, CARDS]],
    ['agent:finder "card table"', [TEXT]],
    ['agent:finder -"card table"', [DROP, CARDS]],
    ['agent:finder -card', [DROP]],
    ['agent:finder text:*card_no*', [CARDS]],
    ['agent:finder text:"select \'*"', [TEXT]],
    ['agent:finder text:/^drop\\s/', [DROP]],
    ['agent:finder purpose:"card of a"', [CARDS]],
    ['agent:finder purpose:custom', [CARDS]],
    ['agent:finder purpose:*customer', [CARDS]],
    ['agent:finder duration:>10s', [CARDS]],
    ['agent:finder duration:<=5ms', [TEXT]],
    ['agent:finder rows:>=5k', [CARDS]],
    ['agent:finder rows:1', [TEXT]],
    ['agent:finder bytes:>1GB', [CARDS]],
    ['agent:finder after:1h', [DROP, TEXT, CARDS]],
    ['agent:finder before:1h', []],
    ['agent:finder after:2020-01-01 before:2020-01-02', []],
    ['agent:finder is:explain', []],
  ])('%s', async (text, expected) => expect(await found(text)).toEqual(expected));

  it('goes on by its cursor', async () => {
    const first = await search(store.pool, 'agent:finder', { limit: 2, now: new Date() });
    expect(first.statements).toHaveLength(2);
    const second = await search(store.pool, 'agent:finder', { limit: 2, cursor: first.cursor, now: new Date() });
    expect([second.statements.map(({ text }) => text), second.cursor]).toEqual([[CARDS], undefined]);
  });

  it.each([
    ['tabel:x', 'There is no search term "tabel:"', 1],
    ['constructor:x', 'There is no search term "constructor:"', 1],
    ['agent:x verdict:perhaps', 'There is no verdict "perhaps"', 9],
    ['rows:many', 'is no number', 1],
    ['after:yesterday', 'is no time', 1],
    ['"unclosed', 'This is no search term', 1],
    ['text:/(/', 'no regular expression', 1],
    ['text:/(a)\\1/', 'can not refer back', 1],
    ['session:x', 'is no id of a session', 1],
    ['"!!!"', 'There is no word', 1],
    ['x'.repeat(3000), 'at most 2000 characters', 2000],
    ['a '.repeat(60), 'at most 50 terms', 101],
  ])('%s is refused with its place', async (text, message, column) => {
    const problem = await search(store.pool, text, { limit: 1, now: new Date() }).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(SearchProblem);
    expect(problem).toMatchObject({ message: expect.stringContaining(message), column });
  });

  it('takes what looks like SQL for text', async () => {
    for (const text of [`agent:x'; DROP TABLE event; -x`, `"'; DROP TABLE event"`, 'text:"%_\\\\"', "purpose:'||'"])
      expect(await found(text)).toEqual([]);
  });
});

it('names the role in the URL, and takes a second set-up', async () => {
  const again = await openStore(postgres.url, { keys });
  await again[Symbol.asyncDispose]();
  const { rows } = await admin.query(`SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = $1`, [
    new URL(gatewayUrlOf(postgres.url)).username,
  ]);
  expect(rows).toEqual([{ rolsuper: false, rolcreaterole: false }]);
});
