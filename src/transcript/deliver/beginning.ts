/** From when on events are a webhook's: what it is delivered from where nobody can say how far it was. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { asTime, type Found, type SealedRows } from '../rows/sealed.js';
import type { Recorder } from '../write/recorder.js';

const moment = z.string().transform((text) => new Date(text));

/** Times at which it was added, by the record; whether anything was ever delivered to it. */
const ADDED = `
  SELECT e.body->>'since' AS since FROM event e
  WHERE e.kind = 'webhook_added' AND left(e.body->>'webhook', 100) = left($1, 100) AND e.body->>'webhook' = $1`;
const addedRow = z.object({ since: moment });
const WAS_DELIVERED = 'SELECT FROM delivery t WHERE t.webhook = $1 LIMIT 1';
const webhookRow = z.object({ since: moment });

/**
 * Events from this time on are a webhook's. By the record and by its row, whichever is earlier; where both are gone, or the row is none of
 * ours, everything that is there: what comes twice is known by its id, what is skipped is lost.
 */
export async function beginningOf(
  pool: Pool,
  { recorder, rows }: { readonly recorder: Pick<Recorder, 'append'>; readonly rows: SealedRows },
  name: string,
): Promise<Date> {
  const added = await pool.query(ADDED, [name]);
  const said = added.rows.flatMap((row) => addedRow.safeParse(row).data?.since ?? []);
  const { rows: there } = await pool.query<Found>(
    `SELECT (to_jsonb(t) - 'mac')::text AS text, t.mac FROM webhook t WHERE t.name = $1`,
    [name],
  );
  const [found] = there;
  // Of before the update that brought HMACs: taken up once, since from then on the record says it.
  const isBefore = found?.mac.length === 0 && said.length === 0;
  const own = found && (isBefore || rows.open('webhook', found)) ? webhookRow.parse(JSON.parse(found.text)) : undefined;
  const wasThere = (found !== undefined && !own) || ((await pool.query(WAS_DELIVERED, [name])).rowCount !== 0 && !own);
  if (!found && (wasThere || said.length > 0)) rows.tell(`The row of the webhook ${name} is gone.`);
  const times = [...said, ...(own ? [own.since] : [])].map((time) => time.getTime()).filter(Number.isFinite);
  const since = new Date(times.length > 0 ? Math.min(...times, Date.now()) : wasThere ? 0 : Date.now());
  if (said.length === 0)
    await recorder.append({
      kind: 'webhook_added',
      sessionId: undefined,
      statementId: undefined,
      body: { webhook: name, since: since.toISOString() },
    });
  const row = { name, since: asTime(since) };
  if (!found) await rows.put(pool, 'webhook', row);
  else if (!own || isBefore) await rows.swap(pool, 'webhook', found, row);
  return since;
}
