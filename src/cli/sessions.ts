/** `snowfence sessions`: transcripts in the terminal. */
import { z } from 'zod';
import type { StoredEvent, TranscriptStore } from '../transcript/index.js';
import { previewed } from './preview.js';
import { SnowfenceError } from './problem.js';
import { printable, type Style, table } from './terminal.js';

const opening = z.object({
  statement: z.string(),
  purpose: z.string().nullable(),
  verdict: z.string(),
  objects: z.array(z.object({ object: z.string() })).default([]),
  masks: z.array(z.object({ column: z.string(), method: z.string() })).default([]),
  denial: z.object({ code: z.string(), message: z.string(), rule: z.string().optional() }).nullish(),
});
const outcome = z.object({
  rows: z.number().optional(),
  duration_ms: z.number().optional(),
  message: z.string().optional(),
  code: z.string().optional(),
  query_id: z.string().nullish(),
});
const opened = z.object({
  subject: z.string(),
  client: z.object({ name: z.string().nullable() }).optional(),
  transport: z.string(),
});

/** One event as a line or two. */
function render(event: StoredEvent, style: Style): string {
  const time = style.dim(event.at.slice(11, 23));
  switch (event.kind) {
    case 'session_opened': {
      const body = opened.parse(event.body);
      return `${time}  ${style.bold(`session ${event.session ?? ''}`)} of ${printable(body.subject)} over ${body.transport}${body.client?.name ? ` with ${printable(body.client.name)}` : ''}`;
    }
    case 'statement_submitted':
    case 'statement_refused': {
      const body = opening.parse(event.body);
      const isDenied = event.kind === 'statement_refused';
      const colour = isDenied ? style.red : body.verdict === 'approve' ? style.yellow : style.green;
      const head = `${time}  ${colour(isDenied ? 'denied ' : body.verdict === 'approve' ? 'asks   ' : 'allowed')}  ${printable(body.statement)}`;
      const lines = [head];
      if (body.purpose) lines.push(`               ${style.dim('purpose')}  ${printable(body.purpose)}`);
      if (isDenied && body.denial)
        lines.push(
          `               ${style.dim('because')}  ${body.denial.code}: ${printable(body.denial.message)}${body.denial.rule ? style.dim(`  ${body.denial.rule}`) : ''}`,
        );
      if (!isDenied && body.masks.length > 0)
        lines.push(
          `               ${style.dim('masked ')}  ${body.masks.map((mask) => `${mask.column} (${mask.method})`).join(', ')}`,
        );
      return lines.join('\n');
    }
    case 'statement_completed': {
      const body = outcome.parse(event.body);
      return `${time}  ${style.dim('done   ')}  ${body.rows ?? 0} rows in ${body.duration_ms ?? 0} ms, query ${body.query_id ?? ''}`;
    }
    case 'rows_fetched': {
      const body = outcome.parse(event.body);
      return `${time}  ${style.dim('fetched')}  ${body.rows ?? 0} more rows`;
    }
    case 'statement_failed': {
      const body = outcome.parse(event.body);
      return `${time}  ${style.red('failed ')}  ${body.code ?? ''} ${printable(body.message ?? '')}`;
    }
    default:
      return `${time}  ${event.kind.replaceAll('_', ' ')}`;
  }
}

/** For people, as the events are given. */
export const renderEvents = (events: readonly StoredEvent[], style: Style): string =>
  events.map((event) => render(event, style)).join('\n');

export async function listSessions(
  store: TranscriptStore,
  agent: string | undefined,
  limit: number,
  json: boolean,
): Promise<string> {
  const sessions = await store.reader.sessions(agent, limit);
  if (json) return JSON.stringify(sessions, null, 2);
  if (sessions.length === 0) return 'No sessions are recorded yet.';
  return table(
    ['SESSION', 'AGENT', 'CLIENT', 'OPENED', 'STATEMENTS', 'REFUSED'],
    sessions.map((session) => [
      session.id,
      session.subject,
      session.client.name ?? session.transport,
      session.opened_at.toISOString().slice(0, 19),
      // A refused attempt that was never submitted counts as a statement, too.
      String(session.statements + session.refused),
      String(session.refused),
    ]),
  );
}

/** `isWhole`: with what the detectors find in statements, purposes and binds. */
export async function showSession(
  store: TranscriptStore,
  id: string,
  json: boolean,
  isWhole: boolean,
  style: Style,
): Promise<string> {
  if (!/^[0-9a-f-]{36}$/.test(id))
    throw new SnowfenceError('UNKNOWN_SESSION', `"${id}" is no session id.`, 'snowfence sessions list shows them.');
  const recorded = await store.reader.events(id);
  const events = isWhole ? recorded : recorded.map((event) => ({ ...event, body: previewed(event.body) }));
  if (events.length === 0)
    throw new SnowfenceError('UNKNOWN_SESSION', `There is no session ${id}.`, 'snowfence sessions list shows them.', 1);
  return json ? events.map((event) => JSON.stringify(event)).join('\n') : renderEvents(events, style);
}
