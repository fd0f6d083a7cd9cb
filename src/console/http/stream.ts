/** What happens, as it happens: events without their long parts, and approvals that change (Server-Sent Events, HTML Living Standard 9.2). */
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import {
  follow,
  isExplained,
  newestSequence,
  readEnd,
  type StoredEvent,
  type TranscriptStore,
  Unproved,
} from '../../transcript/index.js';
import type { People } from '../people/people.js';
import { type Env, personKey } from '../people/visitor.js';
import type { Feed } from './feed.js';

const MAX_STREAMS = 200;
const MAX_STREAMS_EACH = 40;
/** Events that a slow reader's stream keeps. */
const MAX_WAITING = 500;
const STREAM_PING_MS = 15_000;

interface StreamParts {
  readonly transcript: Pick<TranscriptStore, 'pool' | 'proofs'>;
  readonly feed: Feed;
  readonly people: People;
  /** Aborted when the console ends. */
  readonly ending: AbortSignal;
  /** How many pages each person has open. */
  readonly open: Map<string, number>;
}

export function streamEvents(context: Context<Env>, { transcript, feed, people, ending, open }: StreamParts): Response {
  const who = context.get('who');
  const whose = personKey(who);
  const each = open.get(whose) ?? 0;
  if (feed.listeners >= MAX_STREAMS || each >= MAX_STREAMS_EACH)
    return context.json({ error: 'Too many pages are open.', hint: 'Close some of them.' }, 429, {
      'retry-after': '60',
    });
  open.set(whose, each + 1);
  const from = /^\d{1,18}$/.exec(context.req.header('last-event-id') ?? '')?.[0];
  return streamSSE(context, async (stream) => {
    const { pool, proofs } = transcript;
    let waiting: readonly StoredEvent[] = [];
    let wake = (): void => undefined;
    // Who comes back goes on from what they have; who reads too slowly is told the rest out of the store.
    let hasMissed = from !== undefined;
    const { begun, stop } = feed.listen((events) => {
      hasMissed ||= waiting.length + events.length > MAX_WAITING;
      waiting = hasMissed ? [] : [...waiting, ...events];
      wake();
    });
    const over = new AbortController();
    const end = (): void => {
      over.abort();
      wake();
    };
    stream.onAbort(end);
    ending.addEventListener('abort', end);
    try {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      // Whoever asks, after the first word, for what they show misses nothing that happens to it.
      await Promise.race([begun, woken]);
      let last = from === undefined ? await newestSequence(pool) : BigInt(from);
      await stream.writeSSE({ event: 'hello', data: '{}' });
      const tell = async (events: readonly StoredEvent[]): Promise<void> => {
        const news = events.filter(({ sequence }) => BigInt(sequence) > last);
        const newest = news.at(-1);
        if (!newest) return;
        last = BigInt(newest.sequence);
        await stream.writeSSE({ event: 'events', id: newest.sequence, data: JSON.stringify(news.map(brief)) });
      };
      let seen = Date.now();
      let isTold = false;
      while (!stream.aborted && !ending.aborted) {
        // Whoever signed out, or was signed out, sees no more.
        if (Date.now() - seen > STREAM_PING_MS) {
          if (!(await people.isOpen(who.id))) break;
          seen = Date.now();
        }
        if (hasMissed) {
          hasMissed = false;
          const target = await newestSequence(pool);
          try {
            if (target > last)
              for await (const events of follow({ pool, proofs }, last, over.signal)) {
                await tell(events);
                if (last >= target) break;
              }
          } catch (error) {
            if (!(error instanceof Unproved)) throw error;
            feed.end();
          }
        }
        const events = waiting;
        waiting = [];
        await tell(events);
        if (feed.isOver && !isTold) {
          isTold = true;
          await stream.writeSSE({ event: 'stopped', data: '{}' });
        }
        if (waiting.length > 0 || hasMissed) continue;
        const isWoken = await new Promise<boolean>((resolve) => {
          const timer = setTimeout(() => resolve(false), STREAM_PING_MS);
          wake = () => {
            clearTimeout(timer);
            resolve(true);
          };
        });
        if (!isWoken) await stream.writeSSE({ event: 'ping', data: '' });
      }
    } finally {
      stop();
      ending.removeEventListener('abort', end);
      const left = (open.get(whose) ?? 1) - 1;
      if (left > 0) open.set(whose, left);
      else open.delete(whose);
    }
  });
}

const SHOWN_TEXT = 300;
const text = (value: unknown): string | null => (typeof value === 'string' ? value.slice(0, SHOWN_TEXT) : null);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** What a list shows of an event. */
function brief(event: StoredEvent) {
  const { sequence, at, session, statement, kind, body } = event;
  const end = readEnd(event);
  return {
    sequence,
    at,
    session,
    statement,
    kind,
    text: text(body['statement']),
    purpose: text(body['purpose']),
    verdict: text(body['verdict']),
    is_explained: isExplained(event),
    statement_kind: text(body['kind']),
    rows: end ? (end.rows ?? null) : number(body['rows']),
    bytes: number(body['bytes']),
    duration_ms: number(body['duration_ms']),
    approval: text(end?.approval ?? body['approval']),
    // A file of its result ends after the statement has.
    state: end && !end.file ? end.state : null,
    approval_end: end?.approvalEnd ?? null,
  };
}
