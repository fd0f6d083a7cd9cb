/**
 * What was done to the record on purpose, so that a verification expects less of it: archives, erased keys, legal holds. Whoever holds
 * the store or a file can put such an event in, so each is believed only once the signature over it was checked here. Its place in the
 * chain is checked with every other event's.
 */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { digestOf, isSignedBatch, MAX_UNSIGNED } from '../form/chain.js';
import type { RawEvent } from '../form/event.js';
import type { VerifierKey } from '../form/keys.js';
import { AS_PRINTED, eventOf, PRINTED_EVENT, PRINTING, type PrintedEvent } from '../read/printed.js';
import { rowsOf } from '../store/snapshot.js';

export const ACT_KINDS = ['events_archived', 'keys_erased', 'hold_placed', 'hold_lifted'] as const;
const ACTS: ReadonlySet<string> = new Set(ACT_KINDS);

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const archiveBody = z.object({
  archive: z.string(),
  manifest: hex,
  /** SHA-256 of the file. */
  digest: hex,
  file: z.string(),
  /** The day on which its last week ended. */
  to: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
});
const erasedBody = z.object({ sessions: z.array(z.string()) });
const text = z.string().nullish();
const holdBody = z.object({ hold: z.string(), session: text, subject: text, issuer: text, reason: text, by: text });

export type ArchiveAct = z.infer<typeof archiveBody>;

export interface HoldAct extends z.infer<typeof holdBody> {
  /** Of the event that placed it. */
  readonly event: Pick<RawEvent, 'session' | 'position' | 'at' | 'hash'>;
}

interface Batch {
  readonly writer: string;
  readonly first: number;
  next: number;
  readonly digests: Uint8Array[];
  readonly acts: RawEvent[];
}

/** Takes the events of each session together and in order; those of sessions without an act may be left out. */
export class SignedActs {
  readonly #keys: readonly VerifierKey[];
  /** Hashes of events that are known to be none of ours. */
  readonly #forged: ReadonlySet<string>;
  #batch: Batch | undefined;
  readonly archives = new Map<string, ArchiveAct>();
  /** Sessions whose keys were erased. */
  readonly erased = new Set<string>();
  readonly holds = new Map<string, HoldAct>();
  readonly lifted = new Set<string>();

  constructor(keys: readonly VerifierKey[], forged: ReadonlySet<string> = new Set()) {
    this.#keys = keys;
    this.#forged = forged;
  }

  event(event: RawEvent): void {
    const { session, writer, n, kind, signature, hash: of } = event;
    // Whoever does such a thing tells it in a session of their own: so a batch stands together, and can be checked by itself.
    if (session !== writer) return;
    if (this.#forged.has(of)) return;
    let batch = this.#batch;
    if (batch?.writer !== writer || batch.next !== n || batch.digests.length >= MAX_UNSIGNED)
      batch = { writer, first: n, next: n, digests: [], acts: [] };
    batch.next = n + 1;
    batch.digests.push(digestOf(event));
    if (ACTS.has(kind)) batch.acts.push(event);
    this.#batch = signature === null ? batch : undefined;
    if (signature !== null && batch.acts.length > 0 && isSignedBatch(batch, signature, this.#keys))
      for (const act of batch.acts) this.#learn(act);
  }

  #learn({ session, position, at, hash: of, kind, body: json }: RawEvent): void {
    const body: unknown = JSON.parse(json);
    switch (kind) {
      case 'events_archived': {
        const { data } = archiveBody.safeParse(body);
        // The first word holds: nobody archives under one name twice.
        if (data && !this.archives.has(data.archive)) this.archives.set(data.archive, data);
        break;
      }
      case 'keys_erased':
        for (const erased of erasedBody.safeParse(body).data?.sessions ?? []) this.erased.add(erased);
        break;
      case 'hold_placed': {
        const { data } = holdBody.safeParse(body);
        if (data && !this.holds.has(data.hold))
          this.holds.set(data.hold, { ...data, event: { session, position, at, hash: of } });
        break;
      }
      case 'hold_lifted': {
        const { data } = holdBody.safeParse(body);
        if (data) this.lifted.add(data.hold);
        break;
      }
    }
  }
}

const TELLING = `
  SELECT ${PRINTED_EVENT} FROM event e
  WHERE e.session_id = e.writer AND e.session_id IN (SELECT a.session_id FROM event a WHERE a.kind = ANY($1)) ORDER BY e.session_id, e.position`;

/** All of a store. Within a transaction. */
export async function readActs(
  client: PoolClient,
  keys: readonly VerifierKey[],
  forged?: ReadonlySet<string>,
): Promise<SignedActs> {
  const acts = new SignedActs(keys, forged);
  await client.query(PRINTING);
  for await (const rows of rowsOf<PrintedEvent>(client, TELLING, [[...ACT_KINDS]], AS_PRINTED))
    for (const row of rows) acts.event(eventOf(row));
  return acts;
}
