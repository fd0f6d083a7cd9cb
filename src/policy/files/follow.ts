/**
 * Which set of policies is in force while the files change. A set is taken whole or not at all: two readings some time apart have to be
 * the same to the last inode, `policies.sha256` has to match where there is one, all files have to check; and what opens anything has to
 * stay as it is for longer, since half a file looks like that (`openings.ts`). Until then the set before it stays in force.
 */
import { basename } from 'node:path';
import { moment } from '../../times/index.js';
import type { PolicySet } from '../rules/policy.js';
import { PolicyProblems } from '../rules/problems.js';
import { policiesOf } from './load.js';
import { openingsOf, openingWords } from './openings.js';
import { FolderMoves, type Reading, readFolder, SUMS } from './reading.js';
import { isCounted } from './sums.js';

export interface Times {
  /** For how long a folder has to be still before it is taken, in milliseconds. */
  readonly stillMs: number;
  /** The same for a set that opens something. */
  readonly openingMs: number;
  /** Between two looks where nothing tells of a change. */
  readonly pollMs: number;
}

export const DEFAULT_TIMES: Times = { stillMs: 500, openingMs: 10_000, pollMs: 1000 };

/** A sound set that is not taken yet, since it opens something. */
export interface Held {
  readonly version: string;
  /** What it opens, in words. */
  readonly opens: string;
  readonly until: Date;
}

export const heldWords = ({ version, opens, until }: Held): string =>
  `Version ${version} is held back until ${moment(until)}, since it opens what is not open now. ${opens}`;

/** What came of a reload that somebody asked for. */
export type Reloaded =
  | { readonly isTaken: true; readonly version: string; readonly isNew: boolean; readonly opens: string | undefined }
  | { readonly isTaken: false; readonly version: string; readonly problem: string };

export interface FollowEvents {
  /** That tokens are taken from, where a configuration says so. */
  readonly issuers?: readonly string[] | undefined;
  /** `opens`: what was not allowed before, in words; undefined where the set only narrows. */
  readonly onReload: (set: PolicySet, opens: string | undefined) => void;
  readonly onHeld: (held: Held) => void;
  readonly onProblem: (problem: string) => void;
}

/** What time and disk are to the following; others in tests. */
export interface Surroundings {
  readonly read: (folder: string) => Promise<Reading>;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

const REAL: Surroundings = {
  read: readFolder,
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
};

/** Between the two readings of a reload that somebody asked for, and how often they are tried. */
const AGAIN_MS = 50;
const AGAIN_TRIES = 100;
/** A folder that is not still for so long is worth a word. */
const RESTLESS_MS = 60_000;
const START_MS = 30_000;
/** What was changed longer ago than any two clocks differ is still. */
const OLD_MS = 60_000;

/** What the file system says comes with its own code, and with what it was asked about. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  if (!('syscall' in error && 'path' in error && 'code' in error)) return error.message;
  return `The policies can not be read: ${String(error.path)} (${String(error.code)}).`;
};

type Seen =
  | { readonly kind: 'whole'; readonly state: string; readonly reading: Reading }
  | { readonly kind: 'unreadable'; readonly state: string; readonly error: unknown }
  | { readonly kind: 'moving' };

type Weighed =
  | { readonly kind: 'same' }
  | { readonly kind: 'problem'; readonly problem: string }
  | { readonly kind: 'set'; readonly set: PolicySet; readonly opens: string | undefined; readonly isSlow: boolean };

interface Candidate {
  readonly state: string | undefined;
  readonly since: number;
  weighed: Weighed | undefined;
}

async function see(folder: string, { read }: Surroundings): Promise<Seen> {
  try {
    const reading = await read(folder);
    return { kind: 'whole', state: reading.state, reading };
  } catch (error) {
    if (error instanceof FolderMoves) return { kind: 'moving' };
    return { kind: 'unreadable', state: `unreadable: ${messageOf(error)}`, error };
  }
}

const isSame = (one: Seen, other: Seen): boolean =>
  one.kind !== 'moving' && other.kind !== 'moving' && one.state === other.state;

const NO_SUMS = `${SUMS} is gone, so nothing says whether the policies are whole. Put it back, or run: snowfence policy reload`;

const RESTLESS = 'The folder of policies is not still long enough to be read as a whole.';

/** Looks until the folder has been still, or is known to have been. */
async function firstReading(folder: string, times: Times, around: Surroundings): Promise<Reading> {
  const began = around.now();
  let before = await see(folder, around);
  for (;;) {
    const age = before.kind === 'whole' ? Date.now() - before.reading.changedAt : -1;
    if (before.kind === 'whole' && age >= Math.max(OLD_MS, times.stillMs)) return before.reading;
    if (around.now() - began > START_MS)
      throw new PolicyProblems([{ place: `${basename(folder)}/:1`, column: 1, message: RESTLESS }]);
    await around.sleep(times.stillMs);
    const next = await see(folder, around);
    if (isSame(before, next)) {
      if (next.kind === 'whole') return next.reading;
      if (next.kind === 'unreadable') throw next.error;
    }
    before = next;
  }
}

export class Follower {
  readonly #folder: string;
  readonly #events: FollowEvents;
  readonly #times: Times;
  readonly #around: Surroundings;
  #current: PolicySet;
  /** The set in force came with `policies.sha256`: one without is then less than it was. */
  #hasSums: boolean;
  #home: string;
  #candidate: Candidate;
  #problem: string | undefined;
  #held: Held | undefined;
  #restlessSince: number | undefined;
  #isRestless = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    folder: string,
    reading: Reading,
    set: PolicySet,
    events: FollowEvents,
    times: Times,
    around: Surroundings,
  ) {
    this.#folder = folder;
    this.#events = events;
    this.#times = times;
    this.#around = around;
    this.#current = set;
    this.#hasSums = reading.sums !== undefined;
    this.#home = reading.home;
    this.#candidate = { state: reading.state, since: around.now(), weighed: { kind: 'same' } };
  }

  /** Throws PolicyProblems where the folder is unsound from the start, and what the file system says where it can't be read. */
  static async begin(
    folder: string,
    events: FollowEvents,
    times: Times = DEFAULT_TIMES,
    around: Surroundings = REAL,
  ): Promise<Follower> {
    const reading = await firstReading(folder, times, around);
    return new Follower(folder, reading, await policiesOf(folder, reading, events.issuers), events, times, around);
  }

  get current(): PolicySet {
    return this.#current;
  }

  /** What is wrong with the folder as it is now; undefined while it is sound. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get held(): Held | undefined {
    return this.#held;
  }

  /** Where the folder really is, as far as it was read. */
  get home(): string {
    return this.#home;
  }

  /** When a look might take something, in milliseconds from now; undefined where only a change could make it. */
  get dueMs(): number | undefined {
    const { weighed, since } = this.#candidate;
    if (weighed && !(weighed.kind === 'set' && weighed.isSlow)) return undefined;
    return Math.max(0, since + (weighed ? this.#times.openingMs : this.#times.stillMs) - this.#around.now());
  }

  /** Reads the folder once more, and takes what has been still for long enough. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#look());
  }

  /** Takes what is there without waiting, whole or not at all: for whoever says that they are done. */
  reload(): Promise<Reloaded> {
    return this.#inTurn(() => this.#reload());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #look(): Promise<void> {
    const at = this.#around.now();
    const seen = await see(this.#folder, this.#around);
    if (seen.kind === 'whole') this.#home = seen.reading.home;
    if (seen.kind === 'moving' || seen.state !== this.#candidate.state) return this.#moved(seen);
    const stillMs = at - this.#candidate.since;
    if (stillMs < this.#times.stillMs) return;
    this.#restlessSince = undefined;
    this.#isRestless = false;
    if (!this.#candidate.weighed) {
      this.#candidate.weighed = await this.#weigh(seen, false);
      this.#report(this.#candidate.weighed, stillMs);
    }
    const { weighed } = this.#candidate;
    if (weighed.kind === 'set' && (!weighed.isSlow || stillMs >= this.#times.openingMs)) this.#take(weighed, seen);
  }

  /** Another state than before: it has to be still from now on. */
  #moved(seen: Seen): void {
    const now = this.#around.now();
    this.#candidate = { state: seen.kind === 'moving' ? undefined : seen.state, since: now, weighed: undefined };
    this.#held = undefined;
    this.#restlessSince ??= now;
    if (this.#isRestless || now - this.#restlessSince < Math.max(RESTLESS_MS, 2 * this.#times.openingMs)) return;
    this.#isRestless = true;
    this.#complain(RESTLESS);
  }

  #complain(problem: string): void {
    this.#problem = problem;
    this.#events.onProblem(problem);
  }

  /** `isAsked`: somebody says that all is as it should be. */
  async #weigh(seen: Seen, isAsked: boolean): Promise<Weighed> {
    if (seen.kind === 'moving') return { kind: 'problem', problem: RESTLESS };
    if (seen.kind === 'unreadable') return { kind: 'problem', problem: messageOf(seen.error) };
    const { reading } = seen;
    try {
      const set = await policiesOf(this.#folder, reading, this.#events.issuers);
      const hasSums = reading.sums !== undefined;
      if (set.version === this.#current.version) {
        this.#hasSums ||= hasSums;
        return { kind: 'same' };
      }
      // A folder that is cleared and filled again has no such file for a while, either.
      if (!hasSums && this.#hasSums && !isAsked) return { kind: 'problem', problem: NO_SUMS };
      const { lost, gained } = openingsOf(this.#current, set);
      // A new permission under whole sums is no half of a file; what held something back and is gone may be a slip all the same.
      const isSlow = lost.length > 0 || (gained.length > 0 && !isCounted(reading.sums));
      const opens = lost.length + gained.length > 0 ? openingWords({ lost, gained }) : undefined;
      return { kind: 'set', set, opens, isSlow };
    } catch (error) {
      return { kind: 'problem', problem: messageOf(error) };
    }
  }

  #report(weighed: Weighed, stillMs: number): void {
    if (weighed.kind === 'problem') {
      this.#complain(weighed.problem);
      return;
    }
    this.#problem = undefined;
    if (weighed.kind !== 'set' || !weighed.isSlow || stillMs >= this.#times.openingMs) return;
    this.#held = {
      version: weighed.set.version,
      opens: weighed.opens ?? '',
      until: new Date(Date.now() + this.#times.openingMs - stillMs),
    };
    this.#events.onHeld(this.#held);
  }

  #take({ set, opens }: Extract<Weighed, { kind: 'set' }>, seen: Seen): void {
    this.#current = set;
    this.#hasSums = seen.kind === 'whole' && seen.reading.sums !== undefined;
    this.#candidate.weighed = { kind: 'same' };
    this.#problem = undefined;
    this.#held = undefined;
    this.#events.onReload(set, opens);
  }

  async #reload(): Promise<Reloaded> {
    const seen = await this.#seenTwice();
    if (seen.kind === 'whole') this.#home = seen.reading.home;
    const weighed = await this.#weigh(seen, true);
    const state = seen.kind === 'moving' ? undefined : seen.state;
    this.#candidate = { state, since: this.#around.now(), weighed };
    this.#held = undefined;
    if (weighed.kind === 'problem') {
      this.#complain(weighed.problem);
      return { isTaken: false, version: this.#current.version, problem: weighed.problem };
    }
    this.#problem = undefined;
    if (weighed.kind === 'set') this.#take(weighed, seen);
    // Whoever asks for a reload without the list of files wants to go on without it.
    this.#hasSums = seen.kind === 'whole' && seen.reading.sums !== undefined;
    const opens = weighed.kind === 'set' ? weighed.opens : undefined;
    return { isTaken: true, version: this.#current.version, isNew: weighed.kind === 'set', opens };
  }

  async #seenTwice(): Promise<Seen> {
    let before = await see(this.#folder, this.#around);
    for (let tries = 0; tries < AGAIN_TRIES; tries++) {
      await this.#around.sleep(AGAIN_MS);
      const next = await see(this.#folder, this.#around);
      if (isSame(before, next)) return next;
      before = next;
    }
    return { kind: 'moving' };
  }
}
