/** Statements of sessions as OCSF events: each once it has ended, with what opened it. */
import { VERSION } from '../../config/version.js';
import {
  isToldAsOcsf,
  type SessionSummary,
  type StoredEvent,
  type TranscriptStore,
  toOcsf,
} from '../../transcript/index.js';
import { eventsOf, sessionOf } from './stored.js';

export const OPENS: ReadonlySet<string> = new Set(['statement_submitted', 'statement_refused']);

export async function exportOcsf(
  store: TranscriptStore,
  wanted: readonly string[],
  write: (text: string) => Promise<void>,
): Promise<number> {
  let written = 0;
  const summaries =
    wanted.length > 0 ? await Promise.all(wanted.map((id) => sessionOf(store, id))) : await everySession(store);
  for (const session of summaries) {
    const openings = new Map<string, StoredEvent>();
    let last: StoredEvent | undefined;
    for await (const event of store.proofs.own(eventsOf(store, session.id))) {
      // What stood before a gap (an archive took it) is not known here.
      const before = last?.position === event.position - 1 ? last.hash : undefined;
      last = event;
      if (event.statement === null) continue;
      if (OPENS.has(event.kind) && !openings.has(event.statement)) openings.set(event.statement, event);
      const opening = openings.get(event.statement);
      if (!isToldAsOcsf(event) || !opening) continue;
      await write(`${JSON.stringify(toOcsf(event, opening, session, VERSION, before))}\n`);
      written++;
    }
  }
  return written;
}

async function everySession(store: TranscriptStore): Promise<readonly SessionSummary[]> {
  const { rows } = await store.readPool.query<{ id: string }>(
    `SELECT id FROM session WHERE actor = 'agent' ORDER BY id`,
  );
  const found = await Promise.all(rows.map(({ id }) => store.reader.session(id)));
  return found.filter((session) => session !== undefined);
}
