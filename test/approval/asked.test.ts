/** An approval is in the record before anybody can know of it: what fails in between leaves nothing that has to be explained. */
import { afterAll, beforeEach, expect, it } from 'vitest';
import { type Approval, TooManyApprovals } from '../../dist/approval/index.js';
import { RecorderUnavailable, timeOrderedId } from '../../dist/transcript/index.js';
import { approvalBreaks, questionOf, startApprovals, steward, YES } from '../support/store/approvals.js';
import { actor, client, submitted } from '../transcript/fill.mjs';

const ana = steward('ana');

const told: string[] = [];

const { store, approvals, admin, end } = await startApprovals((problem) => void told.push(problem));
const session = await store.sessions.find({ ...actor('bot') }, client, undefined);
afterAll(end);
beforeEach(() => {
  told.length = 0;
});

type Record = (approval: Approval, isNew: boolean) => Promise<unknown>;
const written: Record = ({ id, binding, statement_id: statementId }) =>
  store.recorder.append({
    kind: 'approval_asked',
    sessionId: session,
    statementId,
    body: { approval: id, binding },
    runs: 'pauses',
  });

async function ask(sql: string, record: Record = written): Promise<{ approval: Approval; isNew: boolean }> {
  const statementId = timeOrderedId();
  await store.recorder.append(submitted(session, statementId));
  const asked = await approvals.ask(questionOf(session, statementId, sql), ({ approval, isNew }) =>
    record(approval, isNew),
  );
  if (asked instanceof TooManyApprovals) throw new Error('too many');
  return asked;
}
const breaks = () => approvalBreaks(admin, store.rows);
const rowsOf = async (): Promise<number> => (await admin.query('SELECT FROM approval')).rowCount ?? 0;
const kindsOf = async (statement: string): Promise<string[]> =>
  (await store.reader.events(session)).flatMap((event) => (event.statement === statement ? [event.kind] : []));
/** As if all that was written were of some time ago. */
const age = () => admin.query(`UPDATE event SET at = at - interval '2 minutes'`);

it('an approval that the record does not take is none', async () => {
  const before = await rowsOf();
  const refused = ask('DELETE FROM T WHERE ID = 1', () =>
    Promise.reject(new RecorderUnavailable(new Error('no answer in time'))),
  );
  await expect(refused).rejects.toThrow(RecorderUnavailable);
  expect(await rowsOf()).toBe(before);
  expect(await breaks()).toEqual([]);
  // The agent repeats it, and it is asked for as if never before.
  const again = await ask('DELETE FROM T WHERE ID = 1');
  expect(again.isNew).toBe(true);
  expect(await approvals.decide(again.approval.id, ana, YES)).toMatchObject({ state: 'approved' });
  expect(await breaks()).toEqual([]);
});

it('one that the record took, and whose row came to nothing, is over by the record', async () => {
  const before = await rowsOf();
  let lost: Approval | undefined;
  let meanwhile: readonly string[] | undefined;
  const refused = ask('DELETE FROM T WHERE ID = 2', async (approval, isNew) => {
    await written(approval, isNew);
    lost = approval;
    meanwhile = await breaks();
    throw new RecorderUnavailable(new Error('the answer was lost'));
  });
  await expect(refused).rejects.toThrow(RecorderUnavailable);
  expect(meanwhile).toEqual([]);
  expect(await rowsOf()).toBe(before);
  expect(await kindsOf(lost?.statement_id ?? '')).toEqual([
    'statement_submitted',
    'approval_asked',
    'approval_expired',
  ]);
  await age();
  expect(await breaks()).toEqual([]);
  expect((await ask('DELETE FROM T WHERE ID = 2')).isNew).toBe(true);
});

it('what was deleted of one that was kept is told', async () => {
  const { approval } = await ask('DELETE FROM T WHERE ID = 3');
  const { rows } = await admin.query('DELETE FROM approval WHERE id = $1 RETURNING *', [approval.id]);
  expect(rows).toHaveLength(1);
  await age();
  expect(await breaks()).toEqual([
    expect.stringContaining(`The approval ${approval.id} was asked for and is not shown`),
  ]);
  await admin.query('INSERT INTO approval SELECT (jsonb_populate_record(NULL::approval, $1::jsonb)).*', [
    JSON.stringify(
      Object.fromEntries(
        Object.entries(rows[0] as object).map(([name, value]) => [
          name,
          Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value,
        ]),
      ),
    ),
  ]);
  expect(await breaks()).toEqual([]);
});

it('another statement that waits for it does not pass for the one that asked', async () => {
  const { approval } = await ask('DELETE FROM T WHERE ID = 4', () => Promise.resolve());
  const other = await ask('DELETE FROM T WHERE ID = 4', async ({ id, binding, statement_id: waiting }, isNew) => {
    expect(isNew).toBe(false);
    const statementId = timeOrderedId();
    await store.recorder.append(submitted(session, statementId));
    const body = { approval: id, binding, waiting };
    await store.recorder.append({ kind: 'approval_asked', sessionId: session, statementId, body, runs: 'pauses' });
  });
  expect(other.approval.id).toBe(approval.id);
  expect(await breaks()).toEqual([`The approval ${approval.id} was asked for by no event: it was put in.`]);
  await admin.query('DELETE FROM approval WHERE id = $1', [approval.id]);
});

it('one whose statement has ended is over, and nobody is called a forger', async () => {
  // As earlier versions left one, whose statement was settled since its asking was not in the record.
  const { approval } = await ask('DELETE FROM T WHERE ID = 5', ({ statement_id: statementId }) =>
    store.recorder.append({
      kind: 'statement_settled',
      sessionId: session,
      statementId,
      body: { state: 'unknown', found: null },
    }),
  );
  const { id } = approval;
  await approvals.decide(id, ana, YES);
  expect(await approvals.use(id, () => Promise.resolve())).toBe(false);
  expect(await approvals.get(id)).toMatchObject({ state: 'expired' });
  expect(told).toEqual([]);
  expect((await ask('DELETE FROM T WHERE ID = 5')).isNew).toBe(true);
});
