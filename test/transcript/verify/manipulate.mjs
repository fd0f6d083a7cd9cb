/**
 * Manipulations of the store by somebody who has no key: a superuser, who may do everything in the database, and the gateway's own role.
 * Each is made in a copy of its own, every other one while a gateway works on it, between two of its checkpoints. `verify` has to find
 * it, or the gateway itself. Before them changes to the store's tables, columns, functions and grants (store/changes.mjs), a SHARE of all.
 * COUNT, SEED and SHARE are arguments: node test/transcript/verify/manipulate.mjs 200 1 0.1
 */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import pg from 'pg';
import { People } from '../../../dist/console/people/people.js';
import { Cursors } from '../../../dist/gateway/answer/cursors.js';
import { Downloads } from '../../../dist/gateway/answer/downloads.js';
import { batchMessage, contentOf, firstHash, nextHash } from '../../../dist/transcript/form/chain.js';
import { leafText } from '../../../dist/transcript/form/leaf.js';
import { manifestOf } from '../../../dist/transcript/form/manifest.js';
import { signCheckpoint } from '../../../dist/transcript/form/note.js';
import { Frontier, leafHash } from '../../../dist/transcript/form/tree.js';
import {
  asTime,
  Checkpoints,
  canonical,
  SealedRows,
  storePool,
  timeOrderedId,
  trustedKeys,
  verifyStore,
} from '../../../dist/transcript/index.js';
import { timeText } from '../../../dist/transcript/read/columns.js';
import { random } from '../../support/random.mjs';
import { startPostgres } from '../../support/store/postgres.mjs';
import { gatewayUrlOf, newKeys, openStore } from '../../support/store/store.mjs';
import { actor, completed, cursorOf, fill, submitted } from '../fill.mjs';
import { tryStoreChanges } from '../store/changes.mjs';

const databaseUrl = (url, name) => {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
};

const TABLES = ['event', 'session', 'statement', 'outcome', 'chain', 'leaf', 'checkpoint', 'session_key', 'notarised'];
/** State that decides something. A row of the last three that is removed is in the table of docs/threat-model.md: it only takes away. */
const STATE = ['scan_budget', 'webhook', 'cursor', 'download', 'delivery', 'person_session'];
const KEPT_STATE = ['scan_budget', 'webhook'];
const UNITS = {
  scan_budget: 'principal, day',
  webhook: 'name',
  delivery: 'webhook, session_id',
  event: 'session_id, position',
  leaf: 'position',
  checkpoint: 'size',
  chain: 'session_id',
  session_key: 'session_id',
  notarised: 'writer',
};

const rowsOf = async (db, table) => (await db.query(`SELECT * FROM ${table} ORDER BY ${UNITS[table] ?? 'id'}`)).rows;

/** Another value of the same type; undefined where the column can't be changed by itself. */
function other(value, next) {
  if (typeof value === 'boolean') return !value;
  if (Buffer.isBuffer(value)) {
    const copy = Buffer.from(value);
    if (copy.length === 0) return Buffer.from([1]);
    copy[Math.floor(next() * copy.length)] ^= 1 << Math.floor(next() * 8);
    return copy;
  }
  if (value instanceof Date) return new Date(value.getTime() + 1 + Math.floor(next() * 3000));
  if (Array.isArray(value)) return [...value, 'x'];
  if (typeof value === 'object' && value !== null) return JSON.stringify({ ...value, changed: true });
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') {
    if (/^[0-9a-f]{8}-/.test(value)) return value.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    if (/^\d+$/.test(value)) return String(Number(value) + 1);
    const at = Math.floor(next() * (value.length + 1));
    return `${value.slice(0, at)}x${value.slice(at)}`;
  }
  return undefined;
}

const KEYS = {
  scan_budget: ['principal', 'day'],
  webhook: ['name'],
  cursor: ['id'],
  download: ['id'],
  delivery: ['webhook', 'session_id'],
  person_session: ['id'],
  event: ['session_id', 'position'],
  leaf: ['position'],
  checkpoint: ['size'],
  chain: ['session_id'],
  session_key: ['session_id'],
  notarised: ['writer'],
  session: ['id'],
  statement: ['id'],
  outcome: ['id'],
};
const whereOf = (table, row, from = 1) => ({
  sql: KEYS[table].map((column, index) => `${column} = $${index + from}`).join(' AND '),
  values: KEYS[table].map((column) => row[column]),
});

const pick = (list, next) => list[Math.floor(next() * list.length)];

/** By whoever may write there: the superuser, and the gateway's own role. */
async function editOne(db, next, table) {
  // Days stay what they are: as text.
  const cast = table === 'scan_budget' ? 'principal, day::text, bytes, mac' : '*';
  const { rows } = await db.query(`SELECT ${cast} FROM ${table} ORDER BY ${UNITS[table] ?? 'id'}`);
  const row = pick(rows, next);
  const column = pick(
    Object.keys(row).filter((name) => row[name] !== null),
    next,
  );
  const value =
    column === 'day' ? new Date(Date.parse(row.day) + 86_400_000).toISOString().slice(0, 10) : other(row[column], next);
  const where = whereOf(table, row, 2);
  await db.query(`UPDATE ${table} SET ${column} = $1 WHERE ${where.sql}`, [value, ...where.values]);
  return `${table}.${column} edited`;
}

/** Does to a store what only its superuser can do. Each answers in a few words what it did, or undefined if it could not. */
const MANIPULATIONS = {
  async edit(db, next) {
    const table = TABLES[Math.floor(next() * TABLES.length)];
    const rows = await rowsOf(db, table);
    const row = rows[Math.floor(next() * rows.length)];
    const columns = Object.keys(row).filter((column) => row[column] !== null);
    const column = columns[Math.floor(next() * columns.length)];
    const value = other(row[column], next);
    const where = whereOf(table, row, 2);
    await db.query(`UPDATE ${table} SET ${column} = $1 WHERE ${where.sql}`, [value, ...where.values]);
    return `${table}.${column} edited`;
  },
  async delete(db, next) {
    const table = TABLES[Math.floor(next() * TABLES.length)];
    const rows = await rowsOf(db, table);
    const where = whereOf(table, rows[Math.floor(next() * rows.length)]);
    await db.query(`DELETE FROM ${table} WHERE ${where.sql}`, where.values);
    return `a row of ${table} deleted`;
  },
  /** The end of a session, its head mended. */
  async cutOff(db, next) {
    const chains = await rowsOf(db, 'chain');
    const chain = chains[Math.floor(next() * chains.length)];
    const keep = Math.floor(next() * Number(chain.length));
    await db.query('DELETE FROM event WHERE session_id = $1 AND position >= $2', [chain.session_id, keep]);
    const { rows } = await db.query('SELECT hash, at FROM event WHERE session_id = $1 AND position = $2', [
      chain.session_id,
      keep - 1,
    ]);
    await db.query('UPDATE chain SET length = $2, hash = $3, last_at = $4 WHERE session_id = $1', [
      chain.session_id,
      keep,
      rows[0]?.hash ?? Buffer.from(firstHash(chain.session_id), 'hex'),
      rows[0]?.at ?? chain.last_at,
    ]);
    return `a session cut to ${keep} of ${chain.length}`;
  },
  /** A whole session, everywhere but in the tree. */
  async session(db, next) {
    const chains = await rowsOf(db, 'chain');
    const { session_id: id } = chains[Math.floor(next() * chains.length)];
    await db.query('DELETE FROM outcome WHERE id IN (SELECT id FROM statement WHERE session_id = $1)', [id]);
    for (const table of ['statement', 'event', 'chain', 'session_key'])
      await db.query(`DELETE FROM ${table} WHERE session_id = $1`, [id]);
    await db.query('DELETE FROM session WHERE id = $1', [id]);
    if (next() < 0.5) await db.query('DELETE FROM leaf WHERE session_id = $1', [id]);
    return 'a whole session deleted';
  },
  /** Somebody else's event at the end of a session, chained as it has to be. */
  async insert(db, next) {
    const events = await rowsOf(db, 'event');
    const event = events[Math.floor(next() * events.length)];
    const { rows } = await db.query('SELECT * FROM chain WHERE session_id = $1', [event.session_id]);
    const [chain] = rows;
    const { rows: last } = await db.query('SELECT max(sequence) + 1 AS sequence, max(n) + 1 AS n FROM event');
    const body = JSON.stringify({ reason: 'put in' });
    const at = new Date();
    const forged = {
      session: event.session_id,
      at: at.toISOString(),
      writer: event.writer,
      n: Number(next() < 0.5 ? last[0].n : event.n),
      statement: null,
      kind: 'session_closed',
      body,
    };
    // Signed, but with another key.
    const signature = generateKeyPairSync('ed25519').privateKey;
    const signed =
      next() < 0.5 ? sign(null, batchMessage(forged.writer, forged.n, [contentOf(forged)]), signature) : null;
    const hash = nextHash(
      chain.hash.toString('hex'),
      contentOf(forged),
      BigInt(last[0].sequence),
      signed?.toString('base64') ?? null,
    );
    await db.query(
      `INSERT INTO event (session_id, position, at, sequence, writer, n, kind, body, hash, signature) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        forged.session,
        chain.length,
        at,
        last[0].sequence,
        forged.writer,
        forged.n,
        forged.kind,
        body,
        Buffer.from(hash, 'hex'),
        signed,
      ],
    );
    await db.query(
      'UPDATE chain SET length = length + 1, hash = $2, last_at = $3, is_open = false, is_covered = false WHERE session_id = $1',
      [forged.session, Buffer.from(hash, 'hex'), at],
    );
    return 'an event put in at the end';
  },
  /** Two events change places. */
  async swap(db, next) {
    const events = await rowsOf(db, 'event');
    const one = events[Math.floor(next() * events.length)];
    const same = events.filter((event) => event !== one && (next() < 0.5 || event.session_id === one.session_id));
    const two = same[Math.floor(next() * same.length)];
    if (!two) return undefined;
    const columns = next() < 0.5 ? ['body', 'kind', 'statement_id'] : ['session_id', 'position', 'sequence'];
    if (columns.every((column) => JSON.stringify(one[column]) === JSON.stringify(two[column]))) return undefined;
    await db.query(
      'DELETE FROM event WHERE (session_id = $1 AND position = $2) OR (session_id = $3 AND position = $4)',
      [one.session_id, one.position, two.session_id, two.position],
    );
    for (const [event, from] of [
      [one, two],
      [two, one],
    ]) {
      const row = { ...event, ...Object.fromEntries(columns.map((column) => [column, from[column]])) };
      const names = Object.keys(row);
      await db.query(
        `INSERT INTO event (${names.join(', ')}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')})`,
        names.map((name) => (name === 'body' ? JSON.stringify(row.body) : row[name])),
      );
    }
    return `two events swapped by ${columns.join(', ')}`;
  },
  async truncate(db, next) {
    const table = TABLES[Math.floor(next() * TABLES.length)];
    await db.query(`TRUNCATE ${table} CASCADE`);
    return `${table} truncated`;
  },
  /** An event is changed, and everything that hangs on it computed anew: chain, head, leaves, search rows; the roots can't be signed. */
  async recompute(db, next) {
    const chains = await rowsOf(db, 'chain');
    const { session_id: id } = chains[Math.floor(next() * chains.length)];
    const { rows: events } = await db.query(
      `SELECT event.*, ${timeText('at')} AS time, body::text AS text FROM event WHERE session_id = $1 ORDER BY position`,
      [id],
    );
    const at = Math.floor(next() * events.length);
    let hash = firstHash(id);
    for (const [index, event] of events.entries()) {
      if (index === at) event.text = JSON.stringify({ ...event.body, forged: true });
      const content = contentOf({
        session: id,
        at: event.time,
        writer: event.writer,
        n: Number(event.n),
        statement: event.statement_id,
        kind: event.kind,
        body: event.text,
      });
      hash = nextHash(hash, content, BigInt(event.sequence), event.signature?.toString('base64') ?? null);
      await db.query('UPDATE event SET body = $3, hash = $4 WHERE session_id = $1 AND position = $2', [
        id,
        event.position,
        event.text,
        Buffer.from(hash, 'hex'),
      ]);
      await db.query('UPDATE leaf SET hash = $3 WHERE session_id = $1 AND length = $2', [
        id,
        Number(event.position) + 1,
        Buffer.from(hash, 'hex'),
      ]);
    }
    await db.query('UPDATE chain SET hash = $2 WHERE session_id = $1', [id, Buffer.from(hash, 'hex')]);
    const isTreeAnew = next() < 0.7;
    if (isTreeAnew) await signAnew(db);
    return `a chain computed anew${isTreeAnew ? ', the tree signed with another key' : ''}`;
  },
  async state(db, next) {
    return editOne(db, next, pick(STATE, next));
  },
  async stateGone(db, next) {
    const table = pick(KEPT_STATE, next);
    await db.query(next() < 0.3 ? `TRUNCATE ${table}` : `DELETE FROM ${table}`);
    return `rows of ${table} deleted`;
  },
  /** A row that was there once, HMAC and all. */
  async putBack(db, next, older) {
    const { table, row } = pick(older, next);
    const { id, principal } = JSON.parse(row);
    await (id === undefined
      ? db.query(`DELETE FROM ${table} WHERE principal = $1`, [principal])
      : db.query(`DELETE FROM ${table} WHERE id = $1`, [id]));
    await db.query(`INSERT INTO ${table} SELECT * FROM jsonb_populate_record(NULL::${table}, $1::jsonb)`, [row]);
    return `a row of ${table} put back as it was`;
  },
  /** A row of one's own: of another principal, webhook or person, with the HMAC of one that is there. */
  async stateDouble(db, next) {
    const table = pick(STATE, next);
    const { rows } = await db.query(`SELECT to_jsonb(t) AS row FROM ${table} t`);
    const { row } = pick(rows, next);
    const [key] = KEYS[table];
    const mine = { ...row, [key]: other(row[key], next) };
    if (row.token !== undefined) mine.token = `\\x${'00'.repeat(32)}`;
    await db.query(`INSERT INTO ${table} SELECT * FROM jsonb_populate_record(NULL::${table}, $1::jsonb)`, [
      JSON.stringify(mine),
    ]);
    return `a row of ${table} doubled`;
  },
  /** A whole session goes, and rows and an event that nobody has signed say that an archive took it. */
  async archived(db, next) {
    const chains = await rowsOf(db, 'chain');
    const [chain, host] = [chains[Math.floor(next() * chains.length)], chains[Math.floor(next() * chains.length)]];
    if (chain === host) return undefined;
    const id = chain.session_id;
    await db.query('DELETE FROM outcome WHERE id IN (SELECT id FROM statement WHERE session_id = $1)', [id]);
    for (const table of ['statement', 'event', 'chain', 'session_key'])
      await db.query(`DELETE FROM ${table} WHERE session_id = $1`, [id]);
    await db.query('DELETE FROM session WHERE id = $1', [id]);
    const archive = randomUUID();
    const [length, hash] = [Number(chain.length), chain.hash.toString('hex')];
    const manifest = manifestOf([{ session: id, from_position: 0, length, hash, opened_at: null, opening: null }]);
    const digest = '00'.repeat(32);
    await db.query(
      `INSERT INTO archive (id, file, digest, manifest, before) VALUES ($1, 'x.jsonl.gz', decode($2, 'hex'), decode($3, 'hex'), '2030-01-01')`,
      [archive, digest, manifest],
    );
    await db.query(
      'INSERT INTO archived_session (archive_id, session_id, from_position, length, hash) VALUES ($1, $2, 0, $3, $4)',
      [archive, id, length, chain.hash],
    );
    const body = { archive, manifest, digest, file: 'x.jsonl.gz', from: '2026-01-01', to: '2030-01-01' };
    await appendForged(db, host, 'events_archived', body, next);
    return 'a session passed for archived';
  },
  /** A key goes, and an event that nobody has signed says that it was erased. */
  async erased(db, next) {
    const keys = await rowsOf(db, 'session_key');
    const { session_id: id } = keys[Math.floor(next() * keys.length)];
    await db.query('DELETE FROM session_key WHERE session_id = $1', [id]);
    const { rows } = await db.query('SELECT * FROM chain WHERE session_id <> $1 ORDER BY session_id LIMIT 1', [id]);
    await appendForged(db, rows[0], 'keys_erased', { sessions: [id] }, next);
    return 'a key passed for erased';
  },
  /** A hold that nobody has placed, or that an event says that nobody has signed. */
  async hold(db, next) {
    const id = randomUUID();
    await db.query(`INSERT INTO hold (id, subject, reason, placed_by) VALUES ($1, 'agent-1', 'none', 'nobody')`, [id]);
    const body = { hold: id, session: null, subject: 'agent-1', issuer: null, reason: 'none', by: 'nobody' };
    const [host] = await rowsOf(db, 'chain');
    const isTold = next() < 0.5;
    if (isTold) await appendForged(db, host, 'hold_placed', body, next);
    return `a hold put in${isTold ? ', with an event' : ''}`;
  },
  async schema(db, next) {
    const sql = SCHEMA[Math.floor(next() * SCHEMA.length)];
    if (sql.includes('pg_proc')) await db.query('SET allow_system_table_mods = on');
    await db.query(sql);
    return sql.slice(0, 90);
  },
};

/** An event at the end of a session, chained as it has to be, of a writer that nobody knows, signed with nothing. */
async function appendForged(db, chain, kind, body, next) {
  const text = canonical(body);
  const { rows } = await db.query(`SELECT nextval('event_sequence')::text AS sequence`);
  const [{ sequence }] = rows;
  const at = new Date();
  const [session, writer, n] = [chain.session_id, next() < 0.5 ? timeOrderedId() : chain.session_id, 1000];
  const content = contentOf({ session, at: at.toISOString(), writer, n, statement: null, kind, body: text });
  const signature = Buffer.alloc(64, 1);
  const hash = nextHash(chain.hash.toString('hex'), content, BigInt(sequence), signature.toString('base64'));
  await db.query(
    `INSERT INTO event (session_id, position, at, sequence, writer, n, kind, body, hash, signature) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, decode($9, 'hex'), $10)`,
    [session, chain.length, at, sequence, writer, n, kind, text, hash, signature],
  );
  await db.query(
    `UPDATE chain SET length = length + 1, hash = decode($2, 'hex'), last_at = $3, is_covered = false WHERE session_id = $1`,
    [session, hash, at],
  );
}

const MINE = 'CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$';

/** What changes the store itself, for each of its tables and functions. */
const SCHEMA = [
  ...['event', 'statement', 'outcome', 'session', 'chain', 'leaf', 'checkpoint', 'notarised'].flatMap((table) => [
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON ${table} USING (true)`,
    `CREATE RULE mine AS ON UPDATE TO ${table} DO INSTEAD NOTHING`,
    `${MINE}; CREATE TRIGGER mine BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION mine()`,
    `GRANT UPDATE ON ${table} TO PUBLIC`,
    `GRANT INSERT ON ${table} TO snowfence_gateway_test WITH GRANT OPTION`,
    `ALTER TABLE ${table} RENAME TO away; CREATE VIEW ${table} AS SELECT * FROM away; GRANT SELECT ON ${table} TO PUBLIC`,
  ]),
  ...STATE.flatMap((table) => [
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    `CREATE RULE mine AS ON UPDATE TO ${table} DO INSTEAD NOTHING`,
    `${MINE}; CREATE TRIGGER mine BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION mine()`,
    `GRANT UPDATE ON ${table} TO PUBLIC`,
    `ALTER TABLE ${table} RENAME TO away; CREATE VIEW ${table} AS SELECT * FROM away; GRANT SELECT ON ${table} TO PUBLIC`,
  ]),
  ...['append', 'take_heads', 'cover_heads', 'settle_writer', 'ensure_partitions'].flatMap((name) => [
    `ALTER FUNCTION ${name} SET search_path = mine, public`,
    `ALTER FUNCTION ${name} SECURITY INVOKER`,
    `GRANT EXECUTE ON FUNCTION ${name} TO PUBLIC`,
    `UPDATE pg_proc SET prosrc = prosrc || ' ' WHERE proname = '${name}'`,
  ]),
  'DROP TRIGGER approval_changed ON approval',
  'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO PUBLIC',
  'ALTER DATABASE copy SET search_path = mine, public',
];

/** As the gateway's own role: what append() takes, and what it may do to tables. */
const AS_THE_GATEWAY = {
  async stateByRole(db, next) {
    return editOne(db, next, pick(STATE, next));
  },
  async forge(db, next) {
    const { rows } = await db.query(
      'SELECT e.session_id AS session, e.writer, e.n::int AS n FROM event e ORDER BY e.sequence',
    );
    const one = rows[Math.floor(next() * rows.length)];
    const pick = next();
    const writer = pick < 0.3 ? '01a2172e-33ec-7345-b772-302e2ccfb9bc' : one.writer;
    const last = Math.max(...rows.filter((row) => row.writer === writer).map(({ n }) => n), -1);
    const n = next() < 0.5 ? last + 1 : one.n;
    const at = new Date().toISOString();
    const event = { session: one.session, at, writer, n, statement: null, kind: 'approval_decided', body: '{}' };
    const { privateKey } = generateKeyPairSync('ed25519');
    const sig =
      next() < 0.7 ? sign(null, batchMessage(writer, n, [contentOf(event)]), privateKey).toString('base64') : null;
    await db.query('SELECT append($1, NULL, $2, $3, NULL, NULL, NULL, NULL, NULL)', [
      writer,
      [one.session],
      JSON.stringify([{ s: one.session, at, n, st: null, k: event.kind, body: {}, sig }]),
    ]);
    return `an event forged with number ${n} by append()`;
  },
  /** A batch of one event, in its own words and with its own signature. */
  async double(db, next) {
    const { rows } = await db.query(
      `SELECT e.session_id AS s, ${timeText('e.at')} AS at, e.n::int AS n, e.statement_id AS st, e.kind AS k, e.body::text AS body, replace(encode(e.signature, 'base64'), E'\\n', '') AS sig, e.writer FROM event e WHERE e.signature IS NOT NULL ORDER BY e.sequence`,
    );
    const { s, at, n, st, k, body, sig, writer } = rows[Math.floor(next() * rows.length)];
    const row = `[{"s":"${s}","at":"${at}","n":${n},"st":${JSON.stringify(st)},"k":"${k}","body":${body},"sig":"${sig}"}]`;
    await db.query('SELECT append($1, NULL, $2, $3, NULL, NULL, NULL, NULL, NULL)', [writer, [s], row]);
    return 'an event said twice by append()';
  },
  /** Rows of search that say something else than the event that they come with, which nobody signed. */
  async row(db, next) {
    const { rows } = await db.query(
      'SELECT e.session_id AS session, e.writer FROM event e ORDER BY e.sequence LIMIT 1',
    );
    const id = `01a2172e-33ec-7345-b772-${Math.floor(next() * 1e12)
      .toString()
      .padStart(12, '0')}`;
    const statement = {
      id,
      at: new Date(),
      session_id: rows[0].session,
      kind: 'select',
      verdict: 'allowed',
      fingerprint: null,
      text: 'SELECT 1',
      purpose: null,
      terms: '',
    };
    const { writer, session } = rows[0];
    const n = Math.floor(next() * 1e6) + 1000;
    const event = { s: session, at: new Date(), n, st: id, k: 'statement_refused', body: {}, sig: null };
    await db.query('SELECT append($1, NULL, $2, $3, $4, NULL, NULL, NULL, NULL)', [
      writer,
      [session],
      JSON.stringify([event]),
      JSON.stringify([statement]),
    ]);
    return 'a row of search with a forged event by append()';
  },
  /** Leaves that nobody has signed: the gateway's role may add them where no notary is named. */
  async leaves(db, next) {
    const { rows } = await db.query(
      "SELECT c.session_id AS s, c.length::int + 1 AS l, encode(c.hash, 'hex') AS h FROM chain c ORDER BY 1",
    );
    const { rows: size } = await db.query('SELECT max(position) + 1 AS n FROM leaf');
    await db.query('SELECT take_heads($1, $2, now())', [
      size[0].n,
      JSON.stringify([rows[Math.floor(next() * rows.length)]]),
    ]);
    return 'a leaf put in by take_heads()';
  },
};

/** The tree over the leaves as they are now, signed with a key that is not ours. */
async function signAnew(db) {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { rows } = await db.query(
    `SELECT session_id AS session, length::float8 AS length, encode(hash, 'hex') AS hash, ${timeText('at')} AS at FROM leaf ORDER BY position`,
  );
  const { rows: notes } = await db.query('SELECT size::float8 AS size FROM checkpoint ORDER BY size');
  const frontier = Frontier.empty();
  for (const leaf of rows) {
    frontier.push(leafHash(leafText(leaf)));
    if (notes.some(({ size }) => size === frontier.size))
      await db.query('UPDATE checkpoint SET note = $2, frontier = $3 WHERE size = $1', [
        frontier.size,
        signCheckpoint({ origin: 'snowfence-test', size: frontier.size, root: frontier.root() }, privateKey),
        frontier.encode(),
      ]);
  }
}

/** One row of each kind of state, and what the record has of it; the second time, more of it. */
async function fillState(store, session, before) {
  const { recorder, rows, pool } = store;
  const own = (kind, body, more = {}) =>
    recorder.append({ kind, sessionId: undefined, statementId: undefined, body, ...more });
  const taken = await recorder.takeBytes('https://issuer.example agent-0', 100, 1_000_000);
  const statement = timeOrderedId();
  await recorder.appendAll([
    submitted(session, statement),
    { kind: 'bytes_taken', sessionId: session, statementId: statement, body: { ...taken } },
    completed(session, statement),
  ]);
  await new Cursors(store).make(actor('agent-0'), cursorOf(session, statement));
  const downloads = new Downloads(store);
  const kept = { ...cursorOf(session, statement), format: 'csv', bytes: 1000 };
  const { id: download } = await downloads.make(actor('agent-0'), kept, 1000);
  if (before) {
    const { kept } = await downloads.find(actor('agent-0'), before.download);
    if (!(await downloads.open(kept))) throw new Error('A download was not opened.');
    await recorder.append({
      kind: 'download_opened',
      sessionId: kept.session_id,
      statementId: kept.statement_id,
      body: { download: before.download },
    });
  }
  const people = new People({
    pool,
    rows,
    // As if it was some time ago: for a moment a token of before holds.
    record: (kind, body) => own(kind, body, { at: new Date(Date.now() - 300_000) }),
    lifetimeMs: 3_600_000,
    idleMs: 3_600_000,
    roles: { reviewer: [], auditor: [], administrator: [] },
    secret: new Uint8Array(32),
  });
  if (!before) {
    const since = new Date();
    await own('webhook_added', { webhook: 'siem', since: since.toISOString() });
    await rows.put(pool, 'webhook', { name: 'siem', since: asTime(since) });
    const delivery = {
      webhook: 'siem',
      session_id: session,
      position: 2,
      attempts: 0,
      failing_since: null,
      problem: null,
    };
    await rows.put(pool, 'delivery', { ...delivery, delivered_at: asTime(new Date()) });
    const open = (subject) =>
      people.open({ issuer: 'https://issuer.example', subject, name: subject, groups: ['stewards'], claims: {} });
    const tokens = { gone: await open('gone'), there: await open('there'), download };
    const [row] = await rows.select(pool, 'person_session', "WHERE t.subject = 'there'", []);
    await rows.update(pool, 'person_session', row, { rotated_at: new Date(Date.now() - 660_000).toISOString() });
    return tokens;
  }
  const gone = await people.find(before.gone);
  await people.close(gone.who, 'asked');
  await people.find(before.there);
  return before;
}

/** One that works on the copy: it has signed a checkpoint, and written more since. */
class Gateway {
  kept = [];
  #problems = [];

  static async start(url, keys, seed) {
    const gateway = new Gateway();
    const problem = (text) => void gateway.#problems.push(text);
    gateway.store = await openStore(url, { keys, onIntegrityProblem: problem });
    const { pool, recorder } = gateway.store;
    gateway.checkpoints = new Checkpoints({
      pool,
      keys,
      recorder,
      places: [{ name: 'here', put: async (note) => void gateway.kept.push({ note, where: "the gateway's own" }) }],
      onProblem: () => undefined,
      onIntegrityProblem: problem,
    });
    await fill(gateway.store, { seed, agents: 1, statements: 2 });
    await gateway.checkpoints.make();
    await fill(gateway.store, { seed: seed + 1, agents: 1, statements: 2 });
    return gateway;
  }

  /** What it found, if anything. */
  async nextCheckpoint() {
    // What fails without a word of a difference is no finding.
    await this.checkpoints.make().catch(() => undefined);
    return this.#problems[0];
  }

  async end() {
    await this.store.pool.end();
  }
}

/**
 * Makes them, and answers those that were not found: empty where all were.
 *
 * @param share of the changes to the store itself (store/changes.mjs) that is tried as well
 */
export async function manipulate(count, seed, share, say = () => undefined) {
  const postgres = await startPostgres();
  const control = new pg.Client({ connectionString: databaseUrl(postgres.url, 'template1') });
  try {
    await control.connect();
    const keys = newKeys();
    const kept = [];
    let tokens;
    const place = { name: 'here', put: async (note) => void kept.push({ note, where: 'the kept ones' }) };
    // Half of it is covered by a checkpoint, then copied: the older dump. Then comes more, and the last checkpoint.
    const record = async (filling) => {
      const store = await openStore(postgres.url, { keys });
      const fail = (problem, error) => {
        throw new Error(problem, { cause: error });
      };
      const { pool, recorder } = store;
      const checkpoints = new Checkpoints({
        pool,
        keys,
        recorder,
        places: [place],
        onProblem: fail,
        onIntegrityProblem: fail,
      });
      const [session] = await fill(store, filling);
      tokens = await fillState(store, session, tokens);
      await checkpoints.make();
      await recorder.close();
      await checkpoints.make();
      await pool.end();
      return store.vault;
    };
    await record({ seed });
    await control.query('CREATE DATABASE older TEMPLATE postgres');
    const vault = await record({ seed: seed + 1, agents: 3 });
    const olderState = [];
    const olderDb = new pg.Client({ connectionString: databaseUrl(postgres.url, 'older') });
    await olderDb.connect();
    for (const table of ['scan_budget', 'download', 'person_session'])
      for (const { row } of (await olderDb.query(`SELECT to_jsonb(t)::text AS row FROM ${table} t`)).rows)
        olderState.push({ table, row });
    await olderDb.end();
    const look = async (name, more = []) => {
      const copy = storePool(databaseUrl(postgres.url, name), 60_000, 2);
      try {
        return await verifyStore(copy, {
          keys: trustedKeys(keys),
          kept: [...kept, ...more],
          onProgress: () => undefined,
          openKey: (session, key) => vault.check(session, key),
          rows: new SealedRows(keys.sealing, () => undefined),
          roles: { gateway: 'snowfence_gateway_test' },
        });
      } finally {
        await copy.end();
      }
    };
    const untouched = await look('postgres');
    if (!untouched.isWhole || untouched.uncovered !== 0)
      throw new Error(`The untouched store does not verify: ${JSON.stringify(untouched)}`);
    const next = random(seed);
    const names = Object.keys({ ...MANIPULATIONS, ...AS_THE_GATEWAY });
    const missed = [];
    let made = 0;
    const found = new Map();
    const rolledBack = await look('older');
    if (rolledBack.isWhole) missed.push('rolled back to an older dump');
    const superuser = new pg.Client({
      connectionString: postgres.url,
      options: '-c search_path=public -c timezone=UTC -c row_security=off',
    });
    await superuser.connect();
    const changes = await tryStoreChanges(superuser, { gateway: 'snowfence_gateway_test' }, { share, seed });
    await superuser.end();
    say(`${changes.made} changes to the store itself`);
    missed.push(...changes.unseen);
    for (let tried = 0; made < count && tried < count * 3; tried++) {
      const name = names[tried % names.length];
      await control.query('CREATE DATABASE copy TEMPLATE postgres');
      const isGateway = name in AS_THE_GATEWAY;
      const isLive = Math.floor(tried / names.length) % 2 === 1;
      const url = databaseUrl(postgres.url, 'copy');
      const db = new pg.Client({
        connectionString: isGateway ? gatewayUrlOf(url) : url,
        options: '-c search_path=public -c timezone=UTC',
      });
      await db.connect();
      const gateway = isLive ? await Gateway.start(url, keys, seed + tried) : undefined;
      let what;
      try {
        what = await (isGateway ? AS_THE_GATEWAY : MANIPULATIONS)[name](db, next, olderState);
      } catch (error) {
        // What the database itself does not let happen, such as two rows with one key, is no manipulation.
        if (!/^(?:22|23|SF)/.test(error.code ?? '')) throw error;
      } finally {
        await db.end();
      }
      if (what !== undefined) {
        made++;
        const own = await gateway?.nextCheckpoint();
        const report = await look('copy', gateway?.kept);
        const first = report.isWhole ? own : report.breaks[0]?.what;
        const when = isLive ? `${own === undefined ? 'live' : 'live, found by the gateway'}: ` : '';
        if (report.isWhole && own === undefined) missed.push(`${when}${what}`);
        else found.set(name, (found.get(name) ?? 0) + 1);
        if (!report.isWhole && first === undefined) missed.push(`${what}: found, without a place`);
        say(`${made} ${when}${what}: ${first ?? 'NOT FOUND'}`);
      }
      await gateway?.end();
      await control.query('DROP DATABASE copy WITH (FORCE)');
    }
    return { made: made + 1 + changes.made, missed, found: Object.fromEntries(found) };
  } finally {
    await control.end();
    await postgres.end();
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [count = '200', seed = '1', share = '0.1'] = process.argv.slice(2);
  const started = Date.now();
  const { made, missed, found } = await manipulate(Number(count), Number(seed), Number(share), (text) =>
    process.stdout.write(`${text}\n`),
  );
  process.stdout.write(`${JSON.stringify(found)}\n`);
  for (const what of missed) process.stdout.write(`NOT FOUND: ${what}\n`);
  process.stdout.write(
    `${made - missed.length} passed, ${missed.length} failed (${Math.round((Date.now() - started) / 1000)} s)\n`,
  );
  process.exitCode = missed.length === 0 ? 0 : 1;
}
