/** Verification of an export, with nothing but the file and public keys. */
import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { canonical } from './canonical.js';
import { EVENT_KINDS } from './event.js';
import type { VerifierKey } from './keys.js';
import { openCheckpoint } from './note.js';
import { leafHash, rootFromProof } from './tree.js';
import { type KeptCheckpoint, Verifier, type VerifyReport } from './verify.js';

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const id = z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const count = z.number().int().nonnegative();

const leafOf = z.strictObject({ session: id, length: count, hash: hex, at: time });
const line = z.discriminatedUnion('type', [
  z.object({ type: z.literal('export'), format: z.literal(1), complete: z.boolean() }),
  z.object({ type: z.literal('checkpoint'), note: z.string() }),
  z.object({ type: z.literal('leaf'), position: count, session: id, length: count, hash: hex, at: time }),
  z.object({
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
  z.object({ type: z.literal('head'), session: id, length: count, hash: hex }),
  z.object({ type: z.literal('proof'), session: id, proof: z.string() }),
  z.object({ type: z.literal('start'), session: id, length: count, hash: hex }),
  z.object({ type: z.literal('end'), events: count }),
]);

/** What a proof proves: that a checkpoint covers this leaf. Throws what is wrong with it. */
function openProof(proof: string, keys: readonly VerifierKey[]): z.infer<typeof leafOf> {
  const gap = proof.indexOf('\n\n');
  const [head, extra, index, ...hashes] = proof.slice(0, gap).split('\n');
  const note = proof.slice(gap + 2);
  if (head !== 'c2sp.org/tlog-proof@v1' || !extra?.startsWith('extra ') || !/^index (?:0|[1-9]\d*)$/.test(index ?? ''))
    throw new Error('it is no proof of the form c2sp.org/tlog-proof@v1');
  const text = Buffer.from(extra.slice(6), 'base64').toString();
  const { size, root } = openCheckpoint(note, keys);
  const computed = rootFromProof(
    leafHash(text),
    Number(index?.slice(6)),
    size,
    hashes.map((hash) => Buffer.from(hash, 'base64')),
  );
  if (!computed?.equals(root)) throw new Error('it does not lead to the root of its checkpoint');
  const leaf = leafOf.parse(JSON.parse(text));
  if (canonical(leaf) !== text) throw new Error('its leaf is not in canonical form');
  return leaf;
}

async function* linesOf(file: string): AsyncGenerator<z.infer<typeof line>> {
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
    yield parsed.data;
  }
}

const MAX_LINE = 256 * 1024 * 1024;

/** Throws what the stream fails with, which node:readline would not. */
async function* textLines(input: Readable): AsyncGenerator<string> {
  let rest = '';
  input.setEncoding('utf8');
  for await (const chunk of input as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) throw new Error('a line is too long');
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** Throws where the file can't be read, or is no export. */
export async function verifyExport(
  file: string,
  keys: readonly VerifierKey[],
  kept: readonly KeptCheckpoint[],
): Promise<VerifyReport> {
  let verifier: Verifier | undefined;
  let isTreeRead = false;
  let events = 0;
  let hasEnd = false;
  let isComplete = false;
  const lengths = new Map<string, { readonly length: number; readonly hashes: Map<number, string> }>();
  for await (const entry of linesOf(file)) {
    if (entry.type === 'export') {
      isComplete = entry.complete;
      verifier = new Verifier(keys, entry.complete);
      if (entry.complete) for (const { note, where } of kept) verifier.checkpoint(note, where, true);
      continue;
    }
    if (!verifier) throw new Error('it does not begin with the line of an export');
    if (!isTreeRead && entry.type !== 'checkpoint' && entry.type !== 'leaf') {
      verifier.endOfTree();
      isTreeRead = true;
    }
    switch (entry.type) {
      case 'checkpoint':
        verifier.checkpoint(entry.note, 'the export', false);
        break;
      case 'leaf': {
        const { type: _type, position, ...leaf } = entry;
        verifier.leaf(position, leaf);
        break;
      }
      case 'start':
        verifier.startsAt(entry.session, {
          length: entry.length,
          hash: entry.hash,
          opening: undefined,
        });
        break;
      case 'event': {
        const { type: _type, body, ...event } = entry;
        verifier.event({ ...event, body: canonical(body) });
        events++;
        if (!isComplete) {
          const known = lengths.get(entry.session) ?? { length: 0, hashes: new Map<number, string>() };
          known.hashes.set(entry.position, entry.hash);
          lengths.set(entry.session, { ...known, length: entry.position + 1 });
        }
        break;
      }
      case 'head':
        verifier.head(entry.session, entry.length, entry.hash);
        break;
      case 'proof':
        checkProof(verifier, entry.session, entry.proof, keys, lengths);
        break;
      case 'end':
        hasEnd = true;
        if (entry.events !== events)
          verifier.report(`The export says that it has ${entry.events} events, and has ${events}.`);
        break;
    }
  }
  if (!verifier) throw new Error('it is empty');
  if (!isTreeRead) verifier.endOfTree();
  if (!hasEnd) verifier.report('The export has no last line: it was cut off.');
  verifier.endOfEvents();
  return verifier.result();
}

function checkProof(
  verifier: Verifier,
  session: string,
  proof: string,
  keys: readonly VerifierKey[],
  known: ReadonlyMap<string, { readonly length: number; readonly hashes: ReadonlyMap<number, string> }>,
): void {
  try {
    const leaf = openProof(proof, keys);
    const events = known.get(session);
    if (leaf.session !== session) throw new Error('it is of another session');
    if (!events || leaf.length > events.length) {
      verifier.report(`Events ${events?.length ?? 0} to ${leaf.length - 1}, which the proof covers, are missing.`, {
        session,
        position: events?.length ?? 0,
      });
      return;
    }
    if (events.hashes.get(leaf.length - 1) !== leaf.hash)
      verifier.report(`Event ${leaf.length - 1} is not the one that the proof covers.`, {
        session,
        position: leaf.length - 1,
      });
    else verifier.proved(session, leaf.length);
  } catch (error) {
    verifier.report(
      `The proof of session ${session} is not valid: ${error instanceof Error ? error.message : String(error)}.`,
      { session },
    );
  }
}
