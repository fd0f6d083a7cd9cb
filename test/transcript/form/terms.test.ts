/** What a statement is found by is no larger than what the store takes, whatever stands in its names. */
import { afterAll, describe, expect, it } from 'vitest';
import { sessionTerms, statementRow } from '../../../dist/transcript/form/projection.js';
import { term } from '../../../dist/transcript/form/terms.js';
import { search, timeOrderedId } from '../../../dist/transcript/index.js';
import { random } from '../../support/random.mjs';
import { verified } from '../../support/store/keeping.mjs';
import { startStore } from '../../support/store/own-store.js';
import { openStore } from '../../support/store/store.mjs';
import { actor, client, refused, submitted } from '../fill.mjs';

const rowOf = (more: Record<string, unknown>) =>
  statementRow({ ...refused('s', 'x', more), at: '', session: 's', statement: 'x' });
const sizeOf = (terms: readonly string[]): number => terms.reduce((sum, one) => sum + one.length, 0);

const next = random(12);
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789éøſ漢字';
const noise = (length: number): string =>
  Array.from({ length }, () => LETTERS[Math.floor(next() * LETTERS.length)]).join('');
const DOTTED = 'a.'.repeat(60_000);

describe('terms', () => {
  it.each([
    ['table', { objects: [{ object: DOTTED }] }],
    ['column', { columns: [DOTTED] }],
    ['masked', { masks: [{ column: DOTTED, rule: 'x:1' }] }],
    ['rule', { rules: [{ rule: DOTTED }] }],
    ['policy', { policies: [DOTTED] }],
    ['code', { denial: { code: DOTTED } }],
    ['kind', { kind: DOTTED }],
    ['fingerprint', { fingerprint: DOTTED }],
  ])('of a %s with 60,000 dots are few and short', (prefix, more) => {
    const terms = rowOf(more)?.terms ?? [];
    expect(terms).toContain(term(prefix, DOTTED));
    expect(sizeOf(terms)).toBeLessThan(40_000);
    for (const one of terms) expect(Buffer.byteLength(one)).toBeLessThanOrEqual(2000);
  });

  it('of many names end somewhere, and say so', () => {
    const columns = Array.from({ length: 30_000 }, (_, index) => `D.S.T${index}.${'c.'.repeat(40)}`);
    const terms = rowOf({ columns })?.terms ?? [];
    expect(terms).toContain('is:cut');
    expect(terms.length).toBeLessThanOrEqual(20_001);
    expect(sizeOf(terms)).toBeLessThan(1_100_000);
    expect(rowOf({})?.terms).not.toContain('is:cut');
  });

  it('of a table of 2,000 columns are all there', () => {
    const columns = Array.from({ length: 2000 }, (_, index) => `ANALYTICS.SALES.WIDE.C${index}`);
    const terms = new Set(rowOf({ columns })?.terms);
    for (const index of [0, 999, 1999])
      for (const name of [`analytics.sales.wide.c${index}`, `sales.wide.c${index}`, `wide.c${index}`, `c${index}`])
        expect(terms).toContain(`column:${name}`);
    expect(terms).not.toContain('is:cut');
  });

  it('of names in quotes end with their last parts', () => {
    const name = `ANALYTICS.SALES."${'x.'.repeat(20)}y".ID`;
    const terms = rowOf({ columns: [name] })?.terms ?? [];
    expect(terms).toEqual(expect.arrayContaining([`column:${name.toLowerCase()}`, 'column:id', 'column:y".id']));
  });

  it('are cut between characters, and of a session as well', () => {
    for (const text of ['漢'.repeat(5000), '😀'.repeat(5000), `x${'é'.repeat(5000)}`, '\ud800'.repeat(5000)]) {
      const cut = term('client', text);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(2000);
      expect(cut.isWellFormed()).toBe(true);
      expect(text.toWellFormed().startsWith(cut.slice('client:'.length))).toBe(true);
    }
    const about = { subject: noise(5000), clientId: noise(5000), groups: [noise(5000)], client: noise(5000) };
    for (const one of sessionTerms(about)) expect(Buffer.byteLength(one)).toBeLessThanOrEqual(2000);
  });
});

/** Of a recorder: one session's events always take the same. */
const LANES = 3;
const laneOf = (session: string): number => Number.parseInt(session.slice(-4), 16) % LANES;

const { keys, postgres, store, admin, end } = await startStore();
afterAll(end);

describe('in the store', () => {
  const breaks = async () => (await verified(admin, keys)).breaks;
  const found = async (text: string) =>
    (await search(store.readPool, text, { limit: 100, now: new Date() })).statements.map(({ id }) => id);

  it('names of any length and making are recorded, and found', async () => {
    const session = await store.sessions.find(actor('long'), client, undefined);
    const names = [DOTTED, noise(30_000), noise(120_000).replaceAll('a', '.'), `"${'.'.repeat(250)}"`];
    const ids = names.map(() => timeOrderedId());
    await Promise.all(
      ids.map((id, index) =>
        store.recorder.append(
          refused(session, id, {
            objects: [{ object: names[index] }],
            columns: Array.from({ length: 3000 }, () => noise(300)),
            statement: noise(250_000),
          }),
        ),
      ),
    );
    for (const [index, id] of ids.entries())
      expect(await found(`table:"${names[index]?.slice(0, 700).replaceAll(/["\\]/g, '\\$&')}"`)).toEqual(
        index < 3 ? [] : [id],
      );
    expect(await found('agent:long verdict:denied')).toEqual(ids.toSorted().toReversed());
    expect(await breaks()).toEqual([]);
  });

  it('what the store does not take is recorded all the same, and nothing of others goes with it', async () => {
    // Whatever it is about a text that the database can't do: it raises, or takes longer than a statement may.
    await admin.query(`
      CREATE FUNCTION refuse_some() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF new.text LIKE '%RAISES%' AND length(new.text) > 5000 THEN RAISE EXCEPTION 'too much' USING ERRCODE = '54000'; END IF;
        IF new.text LIKE '%WAITS%' AND length(new.text) > 5000 THEN PERFORM pg_sleep(60); END IF;
        RETURN new;
      END $$`);
    await admin.query(
      'CREATE TRIGGER refuse_some BEFORE INSERT ON statement FOR EACH ROW EXECUTE FUNCTION refuse_some()',
    );
    await using own = await openStore(postgres.url, { keys, statementTimeoutMs: 5000 });
    const session = await own.sessions.find(actor('poison'), client, undefined);
    const text = `SELECT ${noise(40_000)}`;
    const ids = Array.from({ length: 6 }, () => timeOrderedId());
    const [, raises = '', , waits = ''] = ids;
    await Promise.all(
      ids.map((id) => {
        const statement = id === raises ? `RAISES ${text}` : id === waits ? `WAITS ${text}` : 'SELECT 1';
        return own.recorder.append(
          id === waits ? submitted(session, id, { statement }) : refused(session, id, { statement }),
        );
      }),
    );
    await admin.query('DROP TRIGGER refuse_some ON statement');
    await admin.query('DROP FUNCTION refuse_some');
    expect(own.recorder.isHealthy).toBe(true);
    expect(await found('agent:poison')).toEqual(ids.toSorted().toReversed());
    expect(await found('is:unsearched')).toEqual([waits, raises].toSorted().toReversed());
    const events = await own.reader.events(session);
    // Whole, but for search.
    expect(events.find(({ statement }) => statement === waits)?.body['statement']).toBe(`WAITS ${text}`);
    expect(new Set(events.flatMap(({ writer, statement }) => (statement === null ? [] : [writer]))).size).toBe(1);
    await own.recorder.append({
      kind: 'statement_completed',
      sessionId: session,
      statementId: waits,
      body: { query_id: 'q', rows: 1, bytes: 1, duration_ms: 1 },
    });
    expect(await breaks()).toEqual([]);
  });

  it('one session that somebody keeps locked holds up nobody else', async () => {
    await using own = await openStore(postgres.url, { keys, statementTimeoutMs: 5000 });
    const sessions = await Promise.all(
      Array.from({ length: LANES + 1 }, (_, index) => own.sessions.find(actor(`locked-${index}`), client, undefined)),
    );
    // One session more than there are lanes: two at least share one.
    const inLane = sessions.map((session) => sessions.filter((other) => laneOf(other) === laneOf(session)));
    const [locked = '', ...others] = inLane.find(({ length }) => length > 1) ?? [];
    expect(others.length).toBeGreaterThan(0);
    const holder = await admin.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM chain WHERE session_id = $1 FOR UPDATE', [locked]);
    const written = await Promise.allSettled(
      [others[0] ?? '', locked, ...others].map((session) => own.recorder.append(refused(session, timeOrderedId()))),
    );
    await holder.query('ROLLBACK');
    holder.release();
    expect(written.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', ...others.map(() => 'fulfilled')]);
    await own.recorder.append(refused(locked, timeOrderedId()));
    expect(await breaks()).toEqual([]);
  });
});
