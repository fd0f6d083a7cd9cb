/** A session as it is stored: found by its id, its events in pages. */
import { SnowfenceError } from '../../config/problem.js';
import type { SessionSummary, StoredEvent, TranscriptStore } from '../../transcript/index.js';
import { wholeId } from '../access/ids.js';

const unknown = (id: string): SnowfenceError =>
  new SnowfenceError('UNKNOWN_SESSION', `There is no session ${id}.`, 'snowfence sessions list shows them.', 1);

/** A session, by its id or what it alone begins with. Throws SnowfenceError. */
export async function sessionOf(store: TranscriptStore, typed: string): Promise<SessionSummary> {
  const id = await wholeId(store, 'session', typed);
  const session = await store.reader.session(id);
  if (!session) throw unknown(id);
  return session;
}

const PAGE = 5000;

export async function* eventsOf(store: TranscriptStore, id: string): AsyncGenerator<readonly StoredEvent[]> {
  for (let from = 0; ; ) {
    const events = await store.reader.events(id, from, PAGE);
    if (events.length > 0) yield events;
    if (events.length < PAGE) return;
    from = (events.at(-1)?.position ?? 0) + 1;
  }
}
