/**
 * What is used up, where reading goes on, how far webhooks are and who is signed in: made again from the events, and compared with the
 * rows that gateways go by. In each case the row is written before its event, or the event says no more than the row may: a process that
 * died in between leaves nothing that is found here, but for the row of a sign-in that it was about to end or to change; it opens nothing.
 */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { Breaks } from '../checks/breaks.js';
import type { JsonRow, SealedRows } from '../rows/sealed.js';
import { inSnapshot, rowsOf } from '../store/snapshot.js';
import { tableRows } from './rows.js';

/** When the update came that brought these HMACs. */
const UPDATED = `SELECT (m.applied_at AT TIME ZONE 'UTC')::date::text AS day FROM migration m WHERE m.name = '023_state_macs.sql'`;
const updatedRow = z.object({ day: z.string() });

/** What `doctor` asks: all of it in one snapshot, each in a sentence. Indexes of their own find the events, the record is not read. */
export function stateProblems(pool: Pool, rows: SealedRows): Promise<readonly string[]> {
  return inSnapshot(pool, async (client) => {
    const breaks = new Breaks();
    await checkState(client, breaks, rows);
    return breaks.sorted.map(({ what }) => what);
  });
}

export async function checkState(client: PoolClient, breaks: Breaks, rows: SealedRows | undefined): Promise<void> {
  await checkBudgets(client, breaks, rows);
  await checkCursors(client, breaks, rows);
  await checkDownloads(client, breaks, rows);
  await checkDeliveries(client, breaks, rows);
  await checkPeople(client, breaks, rows);
}

// --- bytes of a day

const TAKEN = `
  SELECT e.body->>'principal' AS principal, e.body->>'day' AS day, sum((e.body->>'bytes')::numeric)::float8 AS bytes
  FROM event e WHERE e.kind = 'bytes_taken' AND e.body->>'bytes' ~ '^[0-9]{1,16}$' GROUP BY 1, 2`;
const takenRow = z.object({ principal: z.string(), day: z.string(), bytes: z.number() });

async function checkBudgets(client: PoolClient, breaks: Breaks, rows: SealedRows | undefined): Promise<void> {
  const updated = updatedRow.safeParse((await client.query(UPDATED)).rows[0]).data?.day;
  const keyOf = ({ principal, day }: JsonRow): string => `${String(day)} ${String(principal)}`;
  const taken = new Map<string, z.infer<typeof takenRow>>();
  for await (const found of rowsOf(client, TAKEN))
    for (const row of z.array(takenRow).parse(found)) taken.set(keyOf(row), row);
  for await (const row of tableRows(client, 'scan_budget', breaks, rows, ({ day }) => day === updated)) {
    const bytes = taken.get(keyOf(row))?.bytes ?? 0;
    taken.delete(keyOf(row));
    if (typeof row['bytes'] !== 'number' || row['bytes'] < bytes)
      breaks.report(
        `The bytes that ${String(row['principal'])} took on ${String(row['day'])} are shown as ${String(row['bytes'])}, and the record says ${bytes}.`,
      );
  }
  for (const { principal, day, bytes } of taken.values())
    breaks.report(
      `The bytes that ${principal} took on ${day} are not shown, and the record says ${bytes}: the row is gone.`,
    );
}

// --- cursors

const POINTED = `
  SELECT t.id, o.query_id IS NOT NULL AS has_run, o.query_id = t.query_id AS is_its,
         (s.issuer, s.subject, s.client_id) IS NOT DISTINCT FROM (t.issuer, t.subject, t.client_id) AS is_theirs
  FROM cursor t LEFT JOIN session s ON s.id = t.session_id LEFT JOIN outcome o ON o.id = t.statement_id`;
const pointedRow = z.object({
  id: z.string(),
  has_run: z.boolean(),
  is_its: z.boolean().nullable(),
  is_theirs: z.boolean(),
});

/** Sessions and outcomes are held against the events elsewhere. */
async function checkCursors(client: PoolClient, breaks: Breaks, rows: SealedRows | undefined): Promise<void> {
  for await (const row of tableRows(client, 'cursor', breaks, rows)) void row;
  for await (const found of rowsOf(client, POINTED))
    for (const { id, has_run: hasRun, is_its: isIts, is_theirs: isTheirs } of z.array(pointedRow).parse(found)) {
      if (hasRun && isIts !== true)
        breaks.report(`The cursor ${id} reads on in another result than that of its statement.`);
      if (!isTheirs) breaks.report(`The cursor ${id} is somebody else's than its session.`);
    }
}

// --- downloads

const DOWNLOADS = `
  SELECT t.id, o.query_id IS NOT NULL AS has_run, o.query_id = t.query_id AS is_its,
         (s.issuer, s.subject, s.client_id) IS NOT DISTINCT FROM (t.issuer, t.subject, t.client_id) AS is_theirs,
         t.opened_at IS NULL AND EXISTS (
           SELECT FROM event e
           WHERE e.statement_id = t.statement_id AND e.kind = 'download_opened' AND e.body->>'download' = t.id::text
         ) AS is_of_before
  FROM download t LEFT JOIN session s ON s.id = t.session_id LEFT JOIN outcome o ON o.id = t.statement_id`;
const downloadRow = pointedRow.extend({ is_of_before: z.boolean() });

/** Nobody takes longer than an hour, and whoever is taken for dead is missed within minutes. */
const UNENDED = `
  SELECT e.body->>'download' AS id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at FROM event e
  WHERE e.kind = 'download_opened' AND e.at < now() - interval '2 hours' AND NOT EXISTS (
    SELECT FROM event x
    WHERE x.session_id = e.session_id AND x.statement_id = e.statement_id AND x.position > e.position
      AND x.kind = 'download_ended' AND x.body->>'download' = e.body->>'download'
  )`;
const unendedRow = z.object({ id: z.string().nullable(), at: z.string() });

/** As with cursors; one that was opened is opened before the record says so, and stays it. What was opened has an end, whatever rows there are. */
async function checkDownloads(client: PoolClient, breaks: Breaks, rows: SealedRows | undefined): Promise<void> {
  for await (const row of tableRows(client, 'download', breaks, rows)) void row;
  for await (const found of rowsOf(client, DOWNLOADS))
    for (const download of z.array(downloadRow).parse(found)) {
      const { id } = download;
      if (download.has_run && download.is_its !== true)
        breaks.report(`The download ${id} is of another result than that of its statement.`);
      if (!download.is_theirs) breaks.report(`The download ${id} is somebody else's than its session.`);
      if (download.is_of_before)
        breaks.report(`The download ${id} was opened, and its row is of before: it was put back, and opens nothing.`);
    }
  for await (const found of rowsOf(client, UNENDED))
    for (const { id, at } of z.array(unendedRow).parse(found))
      breaks.report(
        `The download ${id ?? 'without an id'} was opened at ${at} and has no end: no gateway has run since to say what became of it, or one was kept from it.`,
      );
}

// --- webhooks

const ADDED = `SELECT e.body->>'webhook' AS webhook, e.body->>'since' AS since FROM event e WHERE e.kind = 'webhook_added'`;
const addedRow = z.object({ webhook: z.string(), since: z.string() });
const BEYOND = `
  SELECT t.webhook, t.session_id AS session, t.position::float8 AS position, c.length::float8 AS length
  FROM delivery t LEFT JOIN chain c ON c.session_id = t.session_id
  WHERE t.position > coalesce(c.length, -1)
    AND (c.session_id IS NOT NULL OR NOT EXISTS (SELECT FROM archived_session a WHERE a.session_id = t.session_id))`;
const beyondRow = z.object({
  webhook: z.string(),
  session: z.string(),
  position: z.number(),
  length: z.number().nullable(),
});
const UNNAMED = `
  SELECT DISTINCT t.webhook FROM delivery t WHERE NOT EXISTS (SELECT FROM webhook w WHERE w.name = t.webhook)`;

async function checkDeliveries(client: PoolClient, breaks: Breaks, rows: SealedRows | undefined): Promise<void> {
  const added = new Map<string, number[]>();
  for await (const found of rowsOf(client, ADDED))
    for (const { webhook, since } of z.array(addedRow).parse(found))
      added.set(webhook, [...(added.get(webhook) ?? []), Date.parse(since)]);
  const gone = new Set(added.keys());
  // Of before the update: its gateway takes it up, and then the record has it.
  for await (const row of tableRows(client, 'webhook', breaks, rows, ({ name }) => !added.has(String(name)))) {
    const name = String(row['name']);
    gone.delete(name);
    const times = added.get(name);
    if (times && !times.includes(Date.parse(String(row['since']))))
      breaks.report(`The webhook ${name} is shown as begun at ${String(row['since'])}, and the record says otherwise.`);
  }
  for (const name of gone) breaks.report(`The webhook ${name} was added and is not shown: its row is gone.`);
  for await (const row of tableRows(client, 'delivery', breaks, rows)) void row;
  for await (const found of rowsOf(client, BEYOND))
    for (const { webhook, session, position, length } of z.array(beyondRow).parse(found))
      breaks.report(
        `The webhook ${webhook} is shown as having ${position} events of a session that has ${length ?? 'none'}.`,
        { session },
      );
  for (const { webhook } of (await client.query<{ webhook: string }>(UNNAMED)).rows)
    if (!gone.has(webhook)) breaks.report(`There are deliveries to the webhook ${webhook}, and its row is gone.`);
}

// --- people

const SIGN_INS = `
  SELECT t.id, i.id IS NOT NULL AS is_known, coalesce(i.is_same, false) AS is_same, coalesce(s.is_over, false) AS is_over, coalesce(s.n, 0) AS n
  FROM person_session t
  LEFT JOIN LATERAL (
    SELECT t.id, bool_or(e.body->>'issuer' = t.issuer AND e.body->>'subject' = t.subject AND (e.body->'groups')::jsonb = to_jsonb(t.groups)) AS is_same
    FROM event e WHERE e.kind = 'person_signed_in' AND left(e.body->>'sign_in', 36) = t.id::text HAVING count(*) > 0
  ) i ON true
  LEFT JOIN LATERAL (
    SELECT bool_or(e.kind = 'person_signed_out') AS is_over,
           max(CASE WHEN e.body->>'n' ~ '^[0-9]{1,9}$' AND e.at < now() - interval '2 minutes' THEN (e.body->>'n')::integer END) AS n
    FROM event e WHERE e.kind IN ('person_signed_out', 'person_token_changed') AND left(e.body->>'sign_in', 36) = t.id::text
  ) s ON true`;
const signInRow = z.object({
  id: z.string(),
  is_known: z.boolean(),
  is_same: z.boolean(),
  is_over: z.boolean(),
  n: z.number(),
});

async function checkPeople(client: PoolClient, breaks: Breaks, rows: SealedRows | undefined): Promise<void> {
  const rotations = new Map<string, unknown>();
  for await (const row of tableRows(client, 'person_session', breaks, rows))
    rotations.set(String(row['id']), row['rotations']);
  for await (const found of rowsOf(client, SIGN_INS))
    for (const { id, is_known: isKnown, is_same: isSame, is_over: isOver, n } of z.array(signInRow).parse(found)) {
      const known = rotations.get(id);
      if (!isKnown) breaks.report(`The sign-in ${id} is of nobody who signed in: it was put in.`);
      else if (!isSame)
        breaks.report(`The sign-in ${id} is shown as another person's, or with other groups, than the record says.`);
      if (isOver)
        breaks.report(`The sign-in ${id} has ended, and its row is there: it was put back, and opens nothing.`);
      else if (typeof known !== 'number' || known < n)
        breaks.report(
          `The token of the sign-in ${id} was changed ${n} times, and its row is of before: it was put back.`,
        );
    }
}
