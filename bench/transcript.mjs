/**
 * The transcript's figures: how fast it is written, searched and verified.
 *
 *   npm run bench:transcript [-- --events=2000000] [--only=writing,search] [--json]
 *
 * Writing is measured beside batched inserts of rows of the same size into a plain table of the same server, in turns.
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { search, storePool, timeOrderedId } from '../dist/transcript/index.js';
import { random } from '../test/support/random.mjs';
import { checkpointsOf, verified } from '../test/support/store/keeping.mjs';
import { startPostgres } from '../test/support/store/postgres.mjs';
import { newKeys, openStore } from '../test/support/store/store.mjs';
import { actor, completed, refused, submitted } from '../test/transcript/fill.mjs';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const only = new Set((values.only ?? 'writing,search,verification').split(','));
const say = (text) => (values.json ? undefined : process.stdout.write(`${text}\n`));
const results = {};
const note = (name, value, wanted, isMet) => {
  results[name] = { value, wanted, isMet };
  say(`${isMet ? 'met   ' : 'missed'}  ${name}: ${value} (${wanted})`);
  if (!isMet) process.exitCode = 1;
};

const next = random(7);
const pick = (list) => list[Math.floor(next() * list.length)];
const TABLES = Array.from({ length: 400 }, (_, index) => `ANALYTICS.S${index % 20}.TABLE_${index}`);
const COLUMNS = ['ID', 'NAME', 'EMAIL', 'STATUS', 'TOTAL', 'ORDERED_AT', 'REGION', 'CARD_NO'];
const PURPOSES = [
  'Weekly revenue by region',
  'Which customers churned last month',
  'Find the orders that were returned',
  'Check the import of last night',
  'Answer a question of the support team',
];

/** A statement as gateways record them: two and a half kilobytes in three events. */
function statementOf(session, more = {}) {
  const id = timeOrderedId();
  const table = pick(TABLES);
  const columns = COLUMNS.filter(() => next() < 0.4);
  const text = `SELECT ${columns.join(', ') || '*'}, COUNT(*) AS N FROM ${table} WHERE REGION = '${pick(['EU', 'US', 'APAC'])}' AND ID > ${Math.floor(next() * 1e6)} GROUP BY ALL ORDER BY N DESC LIMIT 100`;
  const body = {
    statement: text,
    statement_length: text.length,
    purpose: pick(PURPOSES),
    fingerprint: `${table.length.toString(16).padStart(8, '0')}${Math.floor(next() * 2000)
      .toString(16)
      .padStart(8, '0')}`,
    objects: [{ object: table, access: 'read', via: [] }],
    columns: columns.map((column) => `${table}.${column}`),
    rules: [
      {
        effect: 'allow',
        kind: 'select',
        object: table,
        policy: 'sales-readers',
        rule: `policies/sales-readers.yaml:${8 + Math.floor(next() * 20)}`,
      },
    ],
    masks: columns.includes('EMAIL')
      ? [{ column: `${table}.EMAIL`, method: 'email', rule: 'policies/sales-readers.yaml:30' }]
      : [],
    policies: ['sales-readers'],
    policy_version: 'c1f780064a1645b2',
    sent: text,
    sent_digest: randomBytes(32).toString('hex'),
    tag: JSON.stringify({ app: 'snowfence', statement: id, session }),
    ...more,
  };
  return {
    intent: submitted(session, id, body),
    outcome: [
      { kind: 'statement_sent', sessionId: session, statementId: id, body: { query_id: id, tag: body.tag } },
      completed(session, id, {
        query_id: id,
        rows: Math.floor(next() ** 6 * 100_000),
        bytes: Math.floor(next() * 1e6),
        duration_ms: Math.floor(next() ** 8 * 60_000),
        truncated: false,
        masks: [],
        detected: [],
        digest: randomBytes(32).toString('hex'),
      }),
    ],
    denied: refused(session, id, {
      ...body,
      denial: { code: pick(['OBJECT_DENIED', 'KIND_DENIED']), message: 'No.', rule: 'policies/sales-readers.yaml:10' },
    }),
  };
}

const client = { transport: 'bench', name: 'bench', version: '1', address: '127.0.0.1' };
const median = (list) => [...list].sort((left, right) => left - right)[Math.floor(list.length / 2)];

// --- writing

const AT_ONCE = 64;
const TURN_MS = 2500;
const TURNS = 5;

async function writing(store, url) {
  const sessions = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) => store.sessions.find(actor(`writer-${index}`), client, undefined)),
  );
  const plain = storePool(url, 30_000, 1);
  // The same columns, one key: what any table of events would have.
  await plain.query(`CREATE TABLE plain (session_id uuid NOT NULL, position bigint NOT NULL, at timestamptz NOT NULL, writer uuid NOT NULL, n bigint NOT NULL,
    statement_id uuid, kind text NOT NULL, body json NOT NULL, hash bytea NOT NULL, signature bytea, PRIMARY KEY (session_id, position))`);
  // Made before anything is measured: what agents do is no part of either side.
  const made = Array.from({ length: 3000 }, () => statementOf(sessions[0]));
  let used = 0;
  /** The next of them, as a statement of its own. */
  const nextStatement = (sessionId) => {
    const { intent, outcome } = made[used++ % made.length];
    const more = { sessionId, statementId: timeOrderedId() };
    return { intent: { ...intent, ...more }, outcome: outcome.map((event) => ({ ...event, ...more })) };
  };
  let position = 0;
  const writer = timeOrderedId();
  const insertBatch = async () => {
    const rows = Array.from({ length: AT_ONCE }, (_, index) => {
      const { intent, outcome } = made[used++ % made.length];
      const event = { ...[intent, ...outcome][position % 3], sessionId: sessions[index] };
      return {
        s: event.sessionId,
        p: position,
        at: new Date(),
        w: writer,
        n: position,
        st: event.statementId,
        k: event.kind,
        body: JSON.stringify(event.body),
        hash: '0'.repeat(64),
      };
    });
    position++;
    await plain.query({
      name: 'plain',
      text: `INSERT INTO plain SELECT s, p, at, w, n, st, k, body::json, decode(hash, 'hex'), NULL
             FROM json_to_recordset($1) AS r (s uuid, p bigint, at timestamptz, w uuid, n bigint, st uuid, k text, body text, hash text)`,
      values: [JSON.stringify(rows)],
    });
    return rows.length;
  };
  const turnOf = async (work) => {
    const started = performance.now();
    let rows = 0;
    while (performance.now() - started < TURN_MS) rows += await work();
    return rows / ((performance.now() - started) / 1000);
  };
  /** Each session does as a statement does: intent, then outcome. */
  const record = async () => {
    let events = 0;
    const until = performance.now() + TURN_MS;
    await Promise.all(
      sessions.map(async (session) => {
        while (performance.now() < until) {
          const { intent, outcome } = nextStatement(session);
          await store.recorder.append(intent);
          await store.recorder.appendAll(outcome);
          events += 3;
        }
      }),
    );
    return events;
  };
  await insertBatch();
  const ratios = [];
  const rates = [];
  for (let turn = 0; turn <= TURNS; turn++) {
    const alone = await turnOf(insertBatch);
    const started = performance.now();
    const events = await record();
    const ours = events / ((performance.now() - started) / 1000);
    // The first turn warms up.
    if (turn > 0) {
      ratios.push(ours / alone);
      rates.push([ours, alone]);
    }
  }
  await plain.query('DROP TABLE plain');
  await plain.end();
  const ratio = median(ratios);
  say(
    `        ${rates.map(([ours, alone]) => `${Math.round(ours)} : ${Math.round(alone)}`).join('   ')} rows a second`,
  );
  note('events written to rows inserted alone, 64 sessions', ratio.toFixed(2), 'at least 0.6', ratio >= 0.6);

  const query = store.pool.query;
  let trips = 0;
  store.pool.query = (...args) => {
    trips++;
    return query.apply(store.pool, args);
  };
  const statements = 50;
  for (let index = 0; index < statements; index++) {
    const { intent, outcome } = statementOf(sessions[0]);
    await store.recorder.append(intent);
    await store.recorder.appendAll(outcome);
  }
  store.pool.query = query;
  note('round trips for the record of a statement', trips / statements, 'at most 2', trips / statements <= 2);
}

// --- a store with many events

async function fill(store, wanted) {
  const sessions = [];
  for (let index = 0; index < 3000; index++)
    sessions.push(
      await store.sessions
        .find(actor(`agent-${index % 150}`, [`team-${index % 12}`]), { ...client, name: `client-${index}` }, undefined)
        .then((id) => id),
    );
  const started = Date.now();
  let events = 0;
  const isTerminal = process.stderr.isTTY;
  while (events < wanted) {
    const work = [];
    for (let index = 0; index < 400; index++) {
      // Some agents do most of it.
      const session = sessions[Math.floor(next() ** 2 * sessions.length)];
      const { intent, outcome, denied } = statementOf(session);
      if (next() < 0.04) {
        work.push(store.recorder.append(denied));
        events++;
      } else {
        work.push(store.recorder.append(intent), store.recorder.appendAll(outcome));
        events += 3;
      }
    }
    await Promise.all(work);
    if (isTerminal)
      process.stderr.write(`\r${events} events, ${Math.round(events / ((Date.now() - started) / 1000))} a second`);
  }
  if (isTerminal) process.stderr.write('\n');
  return { events, sessions };
}

async function searching(pool, sessions) {
  const { rows } = await pool.query('SELECT fingerprint, id FROM statement ORDER BY md5(id::text) LIMIT 40');
  const some = (make) => Array.from({ length: 12 }, (_, index) => make(index));
  const kinds = {
    principal: some((index) => `agent:agent-${index * 7}`),
    group: some((index) => `group:team-${index}`),
    client: some((index) => `client:client-${index * 200}`),
    time: some((index) => `after:${index + 1}h before:${index}h`),
    verdict: some((index) => (index % 2 ? 'verdict:denied' : 'verdict:allowed')),
    rule: some((index) => `rule:policies/sales-readers.yaml:${8 + index}`),
    object: some((index) => `table:table_${index * 31}`),
    column: some((index) => `column:table_${index * 31}.card_no`),
    fingerprint: some((index) => `fp:${rows[index].fingerprint}`),
    words: some((index) => pick(['churned', 'revenue region', '"returned"', 'card_no apac', `table_${index}`])),
    patterns: some((index) => `text:*TABLE_${index * 13}*APAC*`),
    purpose: some(() => `purpose:"${pick(PURPOSES)}"`),
    duration: some((index) => `duration:>${index * 4 + 10}s`),
    rows: some((index) => `rows:>${index * 7000 + 10_000}`),
    together: some(
      (index) =>
        `agent:agent-${index} table:table_${index * 3} verdict:${index % 2 ? 'denied' : 'allowed'} after:30d "region"`,
    ),
    nothing: some((index) => `agent:nobody-${index} region`),
    session: some((index) => `session:${sessions[index * 100]}`),
  };
  const all = [];
  const byKind = {};
  for (let turn = 0; turn < 3; turn++)
    for (const [kind, texts] of Object.entries(kinds))
      for (const text of texts) {
        const started = performance.now();
        await search(pool, text, { limit: 50, now: new Date() });
        const ms = performance.now() - started;
        // The first turn warms the cache up.
        if (turn === 0) continue;
        all.push(ms);
        byKind[kind] ??= [];
        byKind[kind].push(ms);
      }
  const at = (list, part) =>
    [...list].sort((left, right) => left - right)[Math.min(list.length - 1, Math.floor(list.length * part))];
  for (const [kind, list] of Object.entries(byKind))
    note(
      `search by ${kind}, p95`,
      `${at(list, 0.95).toFixed(0)} ms (p50 ${at(list, 0.5).toFixed(0)})`,
      'at most 150 ms',
      at(list, 0.95) <= 150,
    );
  note('every search, p95', `${at(all, 0.95).toFixed(0)} ms`, 'at most 150 ms', at(all, 0.95) <= 150);
}

const postgres = await startPostgres();
try {
  const keys = newKeys();
  const store = await openStore(postgres.url, { keys });
  if (only.has('writing')) await writing(store, postgres.url);
  if (only.has('search') || only.has('verification')) {
    const { events, sessions } = await fill(store, Number(values.events));
    say(`        ${events} events`);
    await checkpointsOf(store).make();
    const admin = storePool(postgres.url, 600_000, 1);
    // As autovacuum would have done in the days that so many events take.
    await admin.query('VACUUM ANALYZE');
    await admin.end();
    if (only.has('search')) await searching(store.pool, sessions);
    if (only.has('verification')) {
      const pool = storePool(postgres.url, 0, 1);
      const started = performance.now();
      const report = await verified(pool, keys, { url: postgres.url });
      const rate = report.events / ((performance.now() - started) / 1000);
      await pool.end();
      if (!report.isWhole) throw new Error(`The store does not verify: ${report.breaks[0]?.what}`);
      note('events verified a second', Math.round(rate), 'at least 50,000', rate >= 50_000);
    }
  }
  await store[Symbol.asyncDispose]();
} finally {
  await postgres.end();
}
if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
