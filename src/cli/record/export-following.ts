/** An export that goes on with what comes, until it is stopped. */
import { VERSION } from '../../config/version.js';
import {
  eventLine,
  follow,
  isToldAsOcsf,
  type SessionSummary,
  type StoredEvent,
  type TranscriptStore,
  toOcsf,
} from '../../transcript/index.js';
import { OPENS } from './export-ocsf.js';
import type { ExportRequest } from './export-request.js';

export async function followTo(
  store: TranscriptStore,
  request: ExportRequest,
  write: (text: string) => Promise<void>,
): Promise<number> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  process.stdout.once('error', stop);
  const wanted = new Set(request.sessions);
  const summaries = new Map<string, SessionSummary | undefined>();
  let written = 0;
  const onProblem = (problem: string): void => void process.stderr.write(`${problem}\n`);
  const followed = { pool: store.readPool, proofs: store.proofs, onProblem };
  for await (const events of follow(followed, request.after, stopping.signal)) {
    for (const event of events) {
      if (wanted.size > 0 && !wanted.has(event.session)) continue;
      if (request.format === 'jsonl') await write(`${JSON.stringify(eventLine(event))}\n`);
      else {
        if (!isToldAsOcsf(event)) continue;
        if (!summaries.has(event.session)) {
          if (summaries.size > 1000) summaries.clear();
          summaries.set(event.session, await store.reader.session(event.session));
        }
        const session = summaries.get(event.session);
        const opening = OPENS.has(event.kind) && 'statement' in event.body ? event : await openingOf(store, event);
        if (!session || !opening) continue;
        const before = await hashBefore(store, event);
        await write(`${JSON.stringify(toOcsf(event, opening, session, VERSION, before))}\n`);
      }
      written++;
    }
  }
  return written;
}

/** undefined where there is none any more: an archive took it. */
async function hashBefore(store: TranscriptStore, { session, position }: StoredEvent): Promise<string | undefined> {
  const [before] = await store.reader.events(session, position - 1, 1);
  if (before?.position !== position - 1) return undefined;
  const proved = await store.proofs.ofParsed([before]);
  if (proved.unproved) throw proved.unproved;
  return proved.events[0]?.hash;
}

async function openingOf(store: TranscriptStore, event: StoredEvent): Promise<StoredEvent | undefined> {
  if (event.statement === null) return undefined;
  const openings = await store.reader.openingsOf(event.session, event.statement);
  const found = openings.find((one) => one.position < event.position && !store.proofs.isForged(one));
  if (!found) return undefined;
  const proved = await store.proofs.ofParsed([found]);
  if (proved.unproved) throw proved.unproved;
  return proved.events[0];
}
