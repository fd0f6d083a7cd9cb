/**
 * What verdicts were made from, written down once by its hash: files of policies, objects as the catalog had them. Each is an event like all
 * others, so that it is signed, verified, exported and archived with the record that names its hash.
 */
import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { RawEvent } from '../form/event.js';
import type { BatchesOptions } from '../read/batches.js';
import { EVENT_COLUMNS } from '../read/columns.js';
import { isOurs } from '../read/signed-events.js';
import { RecorderUnavailable } from './failures.js';
import type { Recorder } from './recorder.js';

/** Characters of what is kept; of more the hash alone is known. */
const MAX_CONTENT = 2_000_000;
/** That it is there is believed for so long: it may go to an archive. */
const BELIEVED_MS = 24 * 3_600_000;
const REMEMBERED = 20_000;

export interface Content {
  readonly of: 'policy' | 'object';
  /** A file's, or an object's. */
  readonly name: string;
  readonly text: string;
}

/** SHA-256 of a content, hexadecimal. */
export const contentDigest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Of $1, hexadecimal digests. */
const KEPT = `
  SELECT ${EVENT_COLUMNS} FROM event e WHERE e.kind = 'content_kept' AND left(e.body ->> 'digest', 64) = ANY($1) ORDER BY e.sequence`;
const keptBody = z.object({
  digest: z.string(),
  of: z.enum(['policy', 'object']),
  name: z.string(),
  content: z.string().nullable(),
});

/** Those of ours among some hashes, by their hash; what is not the content of its hash counts for nothing. Throws where the store does not answer. */
export async function keptContents(
  pool: Pool,
  digests: readonly string[],
  proving: BatchesOptions,
): Promise<ReadonlyMap<string, Content>> {
  const found = new Map<string, Content>();
  const { rows } = await pool.query<RawEvent>({ name: 'kept_contents', text: KEPT, values: [digests] });
  for (const event of rows) {
    const { data } = keptBody.safeParse(JSON.parse(event.body));
    if (!data || found.has(data.digest) || !(await isOurs(pool, event, proving))) continue;
    if (data.content !== null && contentDigest(data.content) !== data.digest) continue;
    found.set(data.digest, { of: data.of, name: data.name, text: data.content ?? '' });
  }
  return found;
}

export class Contents {
  readonly #pool: Pool;
  readonly #recorder: Recorder;
  readonly #proving: BatchesOptions;
  /** By hash: until when it is believed to be there, or the work that sees to it. */
  readonly #known = new Map<string, number | Promise<void>>();

  constructor(pool: Pool, recorder: Recorder, proving: BatchesOptions) {
    this.#pool = pool;
    this.#recorder = recorder;
    this.#proving = proving;
  }

  /** Durable once this resolves: those that are not there yet are written. Throws RecorderUnavailable. */
  async keep(contents: readonly Content[]): Promise<void> {
    const waiting: Promise<void>[] = [];
    const missing = new Map<string, Content>();
    for (const content of contents) {
      const digest = contentDigest(content.text);
      const known = this.#known.get(digest);
      if (typeof known === 'object') waiting.push(known);
      else if (known === undefined || known < Date.now()) missing.set(digest, content);
    }
    if (missing.size > 0) {
      const work = this.#write(missing);
      for (const digest of missing.keys()) this.#known.set(digest, work);
      waiting.push(work);
    }
    await Promise.all(waiting);
  }

  async #write(missing: ReadonlyMap<string, Content>): Promise<void> {
    try {
      const there = await keptContents(this.#pool, [...missing.keys()], this.#proving).catch((error: unknown) => {
        throw new RecorderUnavailable(error);
      });
      const events = [...missing]
        .filter(([digest]) => !there.has(digest))
        .map(([digest, { of, name, text }]) => ({
          kind: 'content_kept' as const,
          sessionId: undefined,
          statementId: undefined,
          body: { digest, of, name, content: text.length <= MAX_CONTENT ? text : null, characters: text.length },
        }));
      await Promise.all(events.map((event) => this.#recorder.append(event)));
    } catch (error) {
      for (const digest of missing.keys()) this.#known.delete(digest);
      throw error;
    }
    for (const digest of missing.keys()) {
      const [oldest] = this.#known.keys();
      if (this.#known.size >= REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
      this.#known.set(digest, Date.now() + BELIEVED_MS);
    }
  }
}
