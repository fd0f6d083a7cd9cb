/** A transcript to try things on: sessions of some agents with statements of every end. */
import { timeOrderedId } from '../../dist/transcript/index.js';
import { random } from '../support/random.mjs';

export const actor = (name, groups = ['sales-agents']) => ({
  issuer: 'https://issuer.example',
  subject: name,
  clientId: name,
  groups,
  tokenId: `token of ${name}`,
});
export const client = { transport: 'test', name: 'tests', version: '1', address: '127.0.0.1' };

export const submitted = (session, statement, more = {}) => ({
  kind: 'statement_submitted',
  sessionId: session,
  statementId: statement,
  runs: 'begins',
  body: {
    statement: 'SELECT ID FROM ANALYTICS.SALES.ORDERS',
    binds: [],
    purpose: null,
    explain: false,
    kind: 'select',
    fingerprint: '0123456789abcdef',
    objects: [{ object: 'ANALYTICS.SALES.ORDERS', access: 'read', via: [] }],
    columns: ['ANALYTICS.SALES.ORDERS.ID'],
    verdict: 'allow',
    rules: [{ rule: 'policies/sales.yaml:8' }],
    masks: [],
    policies: ['sales'],
    policy_version: 'v1',
    sent: 'SELECT ID FROM ANALYTICS.SALES.ORDERS',
    sent_digest: 'x',
    ...more,
  },
});

export const completed = (session, statement, more = {}) => ({
  kind: 'statement_completed',
  sessionId: session,
  statementId: statement,
  body: { query_id: `q-${statement}`, rows: 3, bytes: 30, duration_ms: 12, ...more },
});

export const refused = (session, statement, more = {}) => ({
  ...submitted(session, statement),
  kind: 'statement_refused',
  runs: undefined,
  body: {
    ...submitted(session, statement).body,
    verdict: 'deny',
    denial: { code: 'OBJECT_DENIED', message: 'No.', rule: 'policies/sales.yaml:10' },
    ...more,
  },
});

/** Lengthens a session by so many small events that no search goes by; many at once. */
export async function lengthen(store, session, events) {
  for (let from = 0; from < events; from += 500)
    await store.recorder.appendAll(
      Array.from({ length: Math.min(500, events - from) }, (_, index) => ({
        kind: 'rows_fetched',
        sessionId: session,
        statementId: undefined,
        body: { rows: from + index },
      })),
    );
}

/** Some sessions, each with some statements; answers the sessions' ids. */
export async function fill(store, { agents = 4, statements = 6, seed = 1 } = {}) {
  const next = random(seed);
  const sessions = [];
  for (let agent = 0; agent < agents; agent++) {
    const session = await store.sessions.find(actor(`agent-${agent}`), client, undefined);
    sessions.push(session);
    for (let index = 0; index < statements; index++) {
      const statement = timeOrderedId();
      const pick = next();
      if (pick < 0.2) await store.recorder.append(refused(session, statement));
      else {
        await store.recorder.append(
          submitted(
            session,
            statement,
            pick < 0.4
              ? { statement: `SELECT '${agent}${index}@example.com'`, purpose: 'who is 4111 1111 1111 1111' }
              : {},
          ),
        );
        if (pick > 0.9)
          await store.recorder.append({
            ...completed(session, statement, { code: '1003', message: 'no' }),
            kind: 'statement_failed',
          });
        else
          await store.recorder.appendAll([
            { kind: 'statement_sent', sessionId: session, statementId: statement, body: { query_id: 'q', tag: 't' } },
            completed(session, statement),
          ]);
      }
    }
  }
  return sessions;
}
