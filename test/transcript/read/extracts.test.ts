/** What is looked at of the record is bounded, and says so: whoever repeats one thing pushes nothing else out of sight. */
import { afterAll, describe, expect, it } from 'vitest';
import { Overview, timeOrderedId } from '../../../dist/transcript/index.js';
import { startStore } from '../../support/store/own-store.js';
import { actor, client, completed, lengthen, submitted } from '../fill.mjs';

const { store, admin, end } = await startStore();
afterAll(end);

const own = (kind: 'record_viewed' | 'keys_erased' | 'integrity_problem', body: Record<string, unknown>) => ({
  kind,
  sessionId: undefined,
  statementId: undefined,
  body,
});

describe('a look', () => {
  it('at a statement has its end, however often its agent asked in between', async () => {
    const session = await store.sessions.find(actor('poller'), client, undefined);
    const statement = timeOrderedId();
    const polled = (count: number) =>
      store.recorder.appendAll(
        Array.from({ length: count }, () => ({
          kind: 'approval_refused' as const,
          sessionId: session,
          statementId: statement,
          body: { denial: { code: 'APPROVAL_USED', message: 'It runs.' } },
        })),
      );
    await store.recorder.append(submitted(session, statement));
    await polled(600);
    await store.recorder.append(completed(session, statement));
    await polled(300);
    const { events, leftOut } = await new Overview(store.readPool).eventsOf(statement);
    expect(events.map(({ kind }) => kind).filter((kind) => kind !== 'approval_refused')).toEqual([
      'statement_submitted',
      'statement_completed',
    ]);
    expect(events).toHaveLength(52);
    expect(leftOut).toBe(850);
    expect(events.map(({ position }) => position)).toEqual(
      events.map(({ position }) => position).toSorted((one, other) => one - other),
    );
    const another = timeOrderedId();
    await store.recorder.append(submitted(session, another));
    expect(await new Overview(store.readPool).eventsOf(another)).toMatchObject({ events: [{}], leftOut: 0 });
    expect(await new Overview(store.readPool).eventsOf(timeOrderedId())).toEqual({ events: [], leftOut: 0 });
  });

  it('at the record has what was erased from it, however often somebody looked since', async () => {
    await store.recorder.append(own('keys_erased', { sessions: [] }));
    await store.recorder.append(own('integrity_problem', { problem: 'x' }));
    await store.recorder.appendAll(Array.from({ length: 120 }, () => own('record_viewed', { auditor: 'a' })));
    const { acts } = await new Overview(store.readPool).integrity(new Date(Date.now() - 60_000));
    const kinds = acts.events.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'record_viewed')).toHaveLength(50);
    expect(kinds.slice(-2)).toEqual(['integrity_problem', 'keys_erased']);
    expect(acts.leftOut).toBe(70);
  });
});

it('what opened a statement is found by few rows, wherever in its session it is', async () => {
  const session = await store.sessions.find(actor('long'), client, undefined);
  const statement = timeOrderedId();
  await store.recorder.append(submitted(session, statement));
  await lengthen(store, session, 3000);
  await store.recorder.append(completed(session, statement));
  let rows = 0;
  const counting = new Proxy(store.readPool, {
    get: (pool, name) =>
      name === 'query'
        ? async (...given: [never]) => {
            const answer = (await pool.query(...given)) as unknown as { rows: unknown[] };
            rows += answer.rows.length;
            return answer;
          }
        : Reflect.get(pool, name),
  });
  const { TranscriptReader } = await import('../../../dist/transcript/read/reader.js');
  const reader = new TranscriptReader(counting);
  expect(await reader.openingsOf(session, statement)).toMatchObject([{ kind: 'statement_submitted', position: 1 }]);
  expect(rows).toBeLessThanOrEqual(2);
  // Where search's row is gone, or says another time.
  await admin.query(`UPDATE statement SET at = at + interval '1 second' WHERE id = $1`, [statement]);
  expect(await reader.openingsOf(session, statement)).toMatchObject([{ position: 1 }]);
  await admin.query('DELETE FROM statement WHERE id = $1', [statement]);
  expect(await reader.openingsOf(session, statement)).toMatchObject([{ position: 1 }]);
  expect(await reader.openingsOf(session, timeOrderedId())).toEqual([]);
  expect(rows).toBeLessThanOrEqual(6);
});
