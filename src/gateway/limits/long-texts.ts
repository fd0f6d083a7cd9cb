/**
 * Long statements, one at a time. Reading one takes the only thread that there is for as long as a hundred ordinary ones take; while it is
 * read, nobody else is served. So a principal whose long statement was read waits before the next, as many times longer as the reading
 * took, and whoever else has one goes first. Whoever is alone here waits for nobody.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Denial } from '../../policy/index.js';
import { FairGate } from '../../turns/index.js';
import type { QueryRequest } from '../answer/answer.js';

/** Characters. Shorter ones take milliseconds. */
export const LONG_TEXT = 16 * 1024;
/** Whoever was here so long ago, may be here again at once. */
const HERE_MS = 10_000;
/** Nobody is kept for longer; they are told to come again. */
const MAX_WAIT_MS = 10_000;
const MAX_REMEMBERED = 10_000;
/** Characters of a statement and its binds together. */
const MAX_LENGTH = 256 * 1024;
const MAX_BINDS = 1000;

type Sent = Pick<QueryRequest, 'sql' | 'binds'>;

/** Characters: a bind costs as much as a literal in its place. */
export const lengthOf = ({ sql, binds = [] }: Sent): number =>
  binds.reduce((sum: number, bind) => sum + (typeof bind === 'string' ? bind.length : 8), sql.length);

/** A no to what would never be read to its end. */
export function tooLong({ binds = [] }: Sent, length: number): Denial | undefined {
  const hint = 'Shorten it, for example by joining with a table instead of listing values.';
  if (binds.length > MAX_BINDS)
    return { code: 'NOT_UNDERSTOOD', message: `There are ${binds.length} binds; at most ${MAX_BINDS} are read.`, hint };
  if (length <= MAX_LENGTH) return undefined;
  const what = binds.length > 0 ? 'The statement and its binds have' : 'The statement has';
  const message = `${what} ${length} characters; at most ${MAX_LENGTH} are read.`;
  return { code: 'NOT_UNDERSTOOD', message, hint };
}

export class LongTexts {
  readonly #gate = new FairGate(1);
  readonly #rest: number;
  readonly #restUntil = new Map<string, number>();
  readonly #seen = new Map<string, number>();

  /** `share`: percent of the time that a principal's long texts may take. */
  constructor(share: number) {
    this.#rest = 100 / share - 1;
  }

  /** A turn, to be given back when the text is read; milliseconds to wait where that is too long; undefined for a text that is not long. */
  async enter(whose: string, length: number): Promise<Disposable | number | undefined> {
    this.#saw(whose);
    if (length < LONG_TEXT) return undefined;
    const left = this.#left(whose);
    if (left > MAX_WAIT_MS) return left;
    if (left > 0) await pause(left);
    const place = await this.#gate.enter(whose);
    // Others of the same principal may have had their turn meanwhile.
    const more = this.#left(whose);
    if (more > 0) {
      place[Symbol.dispose]();
      return more;
    }
    const started = performance.now();
    return {
      [Symbol.dispose]: () => {
        place[Symbol.dispose]();
        // To look for personal data in it, for the record, takes about as long again.
        this.#rests(whose, Date.now(), 2 * (performance.now() - started));
      },
    };
  }

  /** Reading something else for the same statement took so many milliseconds. */
  took(whose: string, length: number, ms: number): void {
    if (length >= LONG_TEXT) this.#rests(whose, Math.max(Date.now(), this.#restUntil.get(whose) ?? 0), ms);
  }

  #rests(whose: string, from: number, ms: number): void {
    if (this.#restUntil.size >= MAX_REMEMBERED) this.#forget();
    this.#restUntil.set(whose, from + ms * this.#rest);
  }

  #left(whose: string): number {
    return this.#isAlone(whose) ? 0 : (this.#restUntil.get(whose) ?? 0) - Date.now();
  }

  /** The one who was here last stands last. */
  #saw(whose: string): void {
    this.#seen.delete(whose);
    this.#seen.set(whose, Date.now());
    const [oldest] = this.#seen;
    if (oldest && (this.#seen.size > MAX_REMEMBERED || Date.now() - oldest[1] > HERE_MS)) this.#seen.delete(oldest[0]);
  }

  #isAlone(whose: string): boolean {
    const since = Date.now() - HERE_MS;
    for (const [other, at] of this.#seen) if (other !== whose && at > since) return false;
    return true;
  }

  #forget(): void {
    for (const [whose, until] of this.#restUntil) if (until < Date.now()) this.#restUntil.delete(whose);
    const [oldest] = this.#restUntil;
    if (oldest && this.#restUntil.size >= MAX_REMEMBERED) this.#restUntil.delete(oldest[0]);
  }
}
