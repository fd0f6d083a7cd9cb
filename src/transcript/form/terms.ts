/**
 * What one searches by, in bounds. An event's names may be an agent's own, or those of an event that is not of our analysis: whatever stands
 * there, what is made of it is no larger than what the store's index takes, and follows from the event alone.
 */
import { storable } from './canonical.js';

/** More of these are those of a text that nobody searches by its words. */
const MAX_WORDS = 2000;
/** Terms of names, and characters of all of them together: a table of 2,000 columns has 8,000. */
const MAX_NAMES = 20_000;
const MAX_SIZE = 1_048_576;
/** An index of PostgreSQL takes no key of more than a third of a page, 2,712 bytes (its documentation, gin-limitations and btree). */
const MAX_BYTES = 2000;
/** From so many of its dots on a name is found, the last ones: four parts have three. */
const MAX_DOTS = 8;

/** A term as it is stored and searched by: what is longer than an index takes is found by its beginning. */
export function term(prefix: string, value: string): string {
  const whole = `${prefix}:${storable(value.toLowerCase()).replaceAll('\u001e', ' ')}`;
  // No character takes more than three bytes for each of its units.
  if (whole.length * 3 <= MAX_BYTES) return whole;
  const bytes = Buffer.from(whole);
  if (bytes.length <= MAX_BYTES) return whole;
  let end = MAX_BYTES;
  // A character is not cut in two.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** Of a statement with more names than it is found by. */
const CUT = 'is:cut';

/** The same names come again and again. */
const knownTails = new Map<string, readonly string[]>();
/** Characters of the names that are remembered. */
const MAX_KNOWN = 1_000_000;
let known = 0;

/** A name as one searches it: the whole of it, and from each of its last dots on. */
function tails(prefix: string, name: string): readonly string[] {
  const key = `${prefix}:${name}`;
  const before = knownTails.get(key);
  if (before) return before;
  const found: string[] = [];
  for (let dot = name.lastIndexOf('.'); dot >= 0 && found.length < MAX_DOTS; dot = name.lastIndexOf('.', dot - 1)) {
    found.push(term(prefix, name.slice(dot + 1)));
    if (dot === 0) break;
  }
  const out = [term(prefix, name), ...found.reverse()];
  if (name.length > MAX_BYTES) return out;
  known += key.length;
  if (known > MAX_KNOWN) {
    knownTails.clear();
    known = key.length;
  }
  knownTails.set(key, out);
  return out;
}

/** Terms of one statement, each once and in the order in which they come. */
export class Terms {
  readonly #all = new Set<string>();
  #size = 0;

  /** Those of a name with dots. */
  name(prefix: string, name: string): void {
    if (this.#all.has(CUT)) return;
    for (const tail of tails(prefix, name)) this.#add(tail);
  }

  plain(prefix: string, value: string): void {
    this.#add(term(prefix, value));
  }

  /** False where there are so many terms already that words are none any more. */
  word(word: string): boolean {
    if (this.#all.size >= MAX_WORDS) return false;
    this.#add(`w:${word}`);
    return true;
  }

  /** Past the bounds stands one term in place of all the others, so that one can search for where there were more. */
  #add(one: string): void {
    if (this.#all.has(one)) return;
    const isFull = this.#all.size >= MAX_NAMES || this.#size + one.length > MAX_SIZE;
    this.#size += one.length;
    this.#all.add(isFull ? CUT : one);
  }

  get list(): readonly string[] {
    return [...this.#all];
  }
}
