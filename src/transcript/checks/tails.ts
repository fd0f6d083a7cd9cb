/** What no checkpoint covers yet: every batch was signed by the process that wrote it, and none is missing before the last. */
import { verify as verifySignature } from 'node:crypto';
import { batchMessage } from '../form/chain.js';
import { publicPart, type VerifierKey } from '../form/keys.js';
import type { Breaks } from './breaks.js';
import type { TailEvent, WriterState } from './sessions.js';

/** `notarised`: up to which number of each writer checkpoints cover what it wrote, be it here or in an archive. */
export function checkTails(
  writers: ReadonlyMap<string, WriterState>,
  keys: readonly VerifierKey[],
  notarised: ReadonlyMap<string, number>,
  breaks: Breaks,
): void {
  for (const [writer, { covered, tail }] of writers) {
    const events = tail.sort((left, right) => left.n - right.n);
    if (events.length === 0) continue;
    checkTail(writer, Math.max(covered, notarised.get(writer) ?? -1) + 1, events, keys, breaks);
  }
}

function checkTail(
  writer: string,
  from: number,
  events: readonly TailEvent[],
  keys: readonly VerifierKey[],
  breaks: Breaks,
): void {
  let expected = from;
  let batch: TailEvent[] = [];
  for (const event of events) {
    if (event.n !== expected) {
      breaks.report(
        `What its writer wrote before this event is missing, or was written twice: number ${expected}.`,
        event,
      );
      return;
    }
    expected++;
    batch.push(event);
    if (event.signature === null) continue;
    checkBatch(writer, batch, event.signature, keys, breaks);
    batch = [];
  }
  const [loose] = batch;
  if (loose)
    breaks.report(
      'This event is not signed: what was written together with it is missing, or no gateway of ours wrote it.',
      loose,
    );
}

function checkBatch(
  writer: string,
  batch: readonly TailEvent[],
  encoded: string,
  keys: readonly VerifierKey[],
  breaks: Breaks,
): void {
  const [first] = batch;
  if (!first) return;
  const message = batchMessage(
    writer,
    first.n,
    batch.map(({ content }) => content),
  );
  const signature = Buffer.from(encoded, 'base64');
  if (!keys.some(({ key }) => verifySignature(null, message, publicPart(key), signature)))
    breaks.report(
      'This event was not written by a gateway of ours: the signature over it and what came with it does not fit.',
      first,
    );
}
