/**
 * JSON of callers, of which nothing is built before its size is known: the cost of what is nested deeply, or has many small values, is
 * no matter of bytes. (4 MB of brackets held the thread for more than a second.)
 */
import { exactJson } from '../exact-json/index.js';

/** More than any request of ours has: a thousand values to bind, and what clients say of themselves. */
const MAX_VALUES = 20_000;
const MAX_DEPTH = 64;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** What it says is of no content of the text. */
export class JsonProblem extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonProblem';
  }
}

/** Where the string that begins at `from` ends: at its closing quote, or behind the text. */
function endOfString(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(QUOTE, from + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (bytes[at - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return bytes.length;
}

/** One pass over the bytes. Throws JsonProblem where there is too much of it. */
function ensureSmall(bytes: Buffer): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        if (++depth > MAX_DEPTH)
          throw new JsonProblem(`The request is nested deeper than ${MAX_DEPTH} levels of lists and objects.`);
        values++;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--;
        break;
      case COMMA:
      case COLON:
        values++;
        break;
    }
    if (values > MAX_VALUES)
      throw new JsonProblem(`The request has more than ${MAX_VALUES} names and values. Send fewer at a time.`);
  }
}

/** UTF-8; an object or a list. Numbers that would be others are told apart (src/exact-json/). Throws JsonProblem. */
export function parseBounded(bytes: Buffer): object {
  ensureSmall(bytes);
  let value: unknown;
  try {
    value = exactJson(bytes.toString('utf8'));
  } catch {
    // What JSON.parse quotes of it is nobody's to read.
    throw new JsonProblem('The request is not JSON.');
  }
  // A string could be JSON once more, to somebody behind us.
  if (typeof value !== 'object' || value === null) throw new JsonProblem('The request is no object of JSON.');
  return value;
}
