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

/**
 * As anybody can who may call append(): events of a session that are not signed, or not by us. What is the same for most of them is filled
 * in.
 */
export const putIn = (pool, writer, session, events) =>
  pool.query('SELECT append($1, NULL, $2, $3, NULL, NULL, NULL, NULL, NULL)', [
    writer,
    [session],
    JSON.stringify(
      events.map((event) => ({ s: session, at: new Date().toISOString(), st: null, sig: null, ...event })),
    ),
  ]);

/** Where reading on from a statement begins. */
export const cursorOf = (session, statement) => ({
  sessionId: session,
  statementId: statement,
  queryId: `q-${statement}`,
  statement: 'SELECT 1',
  binds: [],
  purpose: undefined,
  grant: 'grant',
  position: 3,
  endRow: 10,
  bytesLeft: 1000,
});

/** A session of an agent with so many events that follow its first one. */
export async function writeRefused(store, name, events) {
  const session = await store.sessions.find(actor(name), client, undefined);
  for (let index = 0; index < events; index++) await store.recorder.append(refused(session, timeOrderedId()));
  return session;
}

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
