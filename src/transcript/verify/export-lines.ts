/** The lines of an export, one after the other: what each must look like, and which may follow on which. */
import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { EVENT_KINDS } from '../form/event.js';

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const id = z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const count = z.number().int().nonnegative();

/** What a proof proves of a session. */
export const leafOf = z.strictObject({ session: id, length: count, hash: hex, at: time });
/** What has no place here is nobody's word: another reader of the file may believe it. */
const line = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('export'),
    format: z.literal(1),
    complete: z.boolean(),
    origin: z.string(),
    keys: z.array(z.string()),
    at: time,
  }),
  z.strictObject({ type: z.literal('checkpoint'), note: z.string() }),
  z.strictObject({ type: z.literal('leaf'), position: count, session: id, length: count, hash: hex, at: time }),
  z.strictObject({
    type: z.literal('event'),
    session: id,
    position: count,
    at: time,
    kind: z.enum(EVENT_KINDS),
    statement: id.nullable(),
    body: z.record(z.string(), z.unknown()),
    writer: id,
    n: count,
    sequence: z.string().regex(/^\d+$/),
    hash: hex,
    signature: z.string().nullable(),
  }),
  z.strictObject({ type: z.literal('head'), session: id, length: count, hash: hex }),
  z.strictObject({ type: z.literal('proof'), session: id, proof: z.string() }),
  // Earlier versions wrote this: a word that nobody has signed.
  z.strictObject({ type: z.literal('start'), session: id, length: count, hash: hex }),
  z.strictObject({
    type: z.literal('archived'),
    archive: id,
    session: id,
    from: count,
    length: count,
    hash: hex,
    opened_at: time.nullable(),
    opening: hex.nullable(),
  }),
  z.strictObject({
    type: z.literal('batch'),
    writer: id,
    first: count,
    digests: z.array(hex).min(1).max(10_000),
    signature: z.string(),
  }),
  z.strictObject({ type: z.literal('notarised'), writer: id, n: count, signature: z.string() }),
  z.strictObject({ type: z.literal('end'), events: count }),
]);

export type Line = z.infer<typeof line>;

/** What one line says holds for those that come later: none may come behind what was judged without it. */
export const ORDER: Readonly<Record<Line['type'], number>> = {
  export: 0,
  checkpoint: 1,
  leaf: 1,
  start: 2,
  archived: 2,
  notarised: 2,
  batch: 2,
  event: 3,
  head: 4,
  proof: 4,
  end: 5,
};

/** Throws where the file can not be read, or a line is none. */
export async function* linesOf(file: string): AsyncGenerator<z.infer<typeof line>> {
  const raw = createReadStream(file);
  const input = file.endsWith('.gz') ? pipeline(raw, createGunzip(), () => undefined) : raw;
  let number = 0;
  for await (const text of textLines(input)) {
    number++;
    if (text === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new Error(`line ${number} is no JSON`);
    }
    const parsed = line.safeParse(value);
    if (!parsed.success)
      throw new Error(
        `line ${number} is no line of an export: ${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}`,
      );
    // Of two keys of one name readers take the first or the last (RFC 8259, section 4): none may be there twice, nor hide in another spelling.
    if (JSON.stringify(value) !== text)
      throw new Error(`line ${number} is not written as exports are: a key may be there twice`);
    yield parsed.data;
  }
}

/** In UTF-16 units: a statement of the largest size, each character escaped, several times over. */
const MAX_LINE = 32 * 1024 * 1024;

/** Throws what the stream fails with, which node:readline would not. */
async function* textLines(input: Readable): AsyncGenerator<string> {
  // What is left of a line that has not ended: joined once, however many pieces it comes in.
  let pieces: string[] = [];
  let size = 0;
  input.setEncoding('utf8');
  for await (const chunk of input as AsyncIterable<string>) {
    const lines = chunk.split('\n');
    const last = lines.pop() ?? '';
    for (const part of lines) {
      if (size + part.length > MAX_LINE) throw new Error('a line is too long');
      yield pieces.length === 0 ? part : pieces.join('') + part;
      pieces = [];
      size = 0;
    }
    size += last.length;
    if (size > MAX_LINE) throw new Error('a line is too long');
    if (last !== '') pieces.push(last);
  }
  if (size > 0) yield pieces.join('');
}
