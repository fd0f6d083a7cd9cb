/**
 * What one principal may cost before anything of it is judged, so that none takes the gateway from the others: requests, refused
 * statements, text that is recorded, streams, sessions. It counts in this process; approvals, which all replicas share, are counted in
 * the store (`approval/store.ts`).
 */
import { setTimeout } from 'node:timers/promises';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Denial } from '../../policy/index.js';
import { Shares } from '../../turns/index.js';

/** Of each principal. */
export interface Limits {
  readonly requestsPerMinute: number;
  /** Under way at a time. */
  readonly requestsAtOnce: number;
  readonly refusalsPerHour: number;
  /** Bytes of statements, purposes and values, as they go into the record. */
  readonly textPerHour: number;
  /** Percent of the time that reading their long statements may take while others are here; 100: all of it. */
  readonly longTextShare: number;
  /** Open streams of HTTP+SSE. */
  readonly streams: number;
  readonly sessionsPerHour: number;
  /** Statements that wait for a person. */
  readonly openApprovals: number;
  readonly approvalsPerHour: number;
  /** Files that are downloaded at a time. */
  readonly downloads: number;
  /** Links to files that nobody has opened yet. */
  readonly openDownloads: number;
  /** Milliseconds that a download waits for a client that takes nothing. */
  readonly downloadStallMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  requestsPerMinute: 3000,
  requestsAtOnce: 16,
  refusalsPerHour: 1000,
  textPerHour: 50_000_000,
  longTextShare: 1,
  streams: 10,
  sessionsPerHour: 200,
  openApprovals: 50,
  approvalsPerHour: 200,
  downloads: 2,
  openDownloads: 20,
  downloadStallMs: 60_000,
};

export interface Whom {
  readonly issuer: string;
  readonly subject: string;
}

/** A no before judging. */
export interface TurnedAway {
  readonly message: string;
  readonly retryAfterSeconds: number;
}

/** Thrown where a statement does not come to be judged. What it says is of nobody's data. */
export class NotAdmitted extends Error {
  readonly denial: Denial;

  constructor(denial: Denial) {
    super(denial.message);
    this.name = 'NotAdmitted';
    this.denial = denial;
  }
}

type Counted =
  | 'requests'
  | 'requests_at_once'
  | 'refusals'
  | 'text'
  | 'long_text'
  | 'streams'
  | 'sessions'
  | 'approvals'
  | 'downloads'
  | 'open_downloads';

/** For the record: the first of each minute at once, the others as a number when it is over. */
export type Note = (body: Readonly<Record<string, unknown>>) => void;

/** Whoever comes again at once, though told to wait, is answered after so long: what they have under way is then bounded by time as well. */
const TURNED_AWAY_MS = 1000;
const NOTED_MS = 60_000;
const MAX_NOTED = 1000;
const HOUR = 3600;
/** Downloads of all principals at a time: each has a part of a result in memory. */
const DOWNLOADS_OF_ALL = 16;

const whomKey = ({ issuer, subject }: Whom): string => `${issuer} ${subject}`;

const wait = (seconds: number): string => `Try again in ${seconds} s.`;

export class Admission {
  readonly limits: Limits;
  readonly #note: Note;
  readonly #requests: RateLimiterMemory;
  readonly #refusals: RateLimiterMemory;
  readonly #text: RateLimiterMemory;
  readonly #sessions: RateLimiterMemory;
  readonly #underWay = new Map<string, number>();
  readonly #streams = new Map<string, number>();
  readonly #downloads = new Map<string, number>();
  readonly #denials = new WeakSet<Denial>();
  readonly #shares = new Shares();
  readonly #noted = new Map<string, { readonly whom: Whom; readonly limit: Counted; more: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Limits, note: Note) {
    this.limits = limits;
    this.#note = note;
    this.#requests = new RateLimiterMemory({ points: limits.requestsPerMinute, duration: 60 });
    this.#refusals = new RateLimiterMemory({ points: limits.refusalsPerHour, duration: HOUR });
    this.#text = new RateLimiterMemory({ points: limits.textPerHour, duration: HOUR });
    this.#sessions = new RateLimiterMemory({ points: limits.sessionsPerHour, duration: HOUR });
  }

  /** A request's place among those under way, to be given back; asked before its body is read. */
  async request(whom: Whom): Promise<Disposable | TurnedAway> {
    const { requestsPerMinute } = this.limits;
    const seconds = await this.#over(this.#requests, whom, 1);
    if (seconds !== undefined)
      return this.#turnedAway(whom, 'requests', `You may send ${requestsPerMinute} requests in a minute.`, seconds);
    return this.call(whom);
  }

  /** A call's place among those under way, where its request is answered before it is done (HTTP+SSE). */
  call(whom: Whom): Disposable | TurnedAway {
    const { requestsAtOnce } = this.limits;
    const place = this.#enter(this.#underWay, whom, requestsAtOnce);
    return place ?? this.#turnedAway(whom, 'requests_at_once', `You may have ${requestsAtOnce} requests under way.`, 1);
  }

  /** The caller's turn to be worked on, to be given back where a request waits for the warehouse or for a person, or ends. */
  turn(whom: Whom): Promise<Disposable> {
    return this.#shares.enter(whomKey(whom));
  }

  /** A stream's place, to be given back. */
  stream(whom: Whom): Disposable | TurnedAway {
    const { streams } = this.limits;
    return (
      this.#enter(this.#streams, whom, streams) ??
      this.#turnedAway(whom, 'streams', `You may keep ${streams} streams open.`, 60)
    );
  }

  /** A download's place, to be given back. */
  download(whom: Whom): Disposable | TurnedAway {
    const { downloads } = this.limits;
    const place = this.#enter(this.#downloads, whom, downloads);
    if (!place) return this.#turnedAway(whom, 'downloads', `You may have ${downloads} downloads under way.`, 5);
    const all = [...this.#downloads.values()].reduce((sum, one) => sum + one, 0);
    if (all <= DOWNLOADS_OF_ALL) return place;
    place[Symbol.dispose]();
    return { message: `${DOWNLOADS_OF_ALL} downloads of others are under way.`, retryAfterSeconds: 5 };
  }

  /** Too many links of theirs wait to be opened. `hasRun`: others were made while the statement ran. */
  openDownloads(whom: Whom, seconds: number, hasRun = false): NotAdmitted {
    const message = `You may have ${this.limits.openDownloads} downloads that you have not opened yet.`;
    const denial = this.#denied(whom, 'open_downloads', message, seconds);
    const begun = hasRun ? 'It has run, and there is no link to what came of it.' : 'Nothing has run.';
    const hint = `${begun} Open the links that you have; one ends by itself in ${Math.ceil(seconds / 60)} min.`;
    return new NotAdmitted(this.#withHint(denial, hint));
  }

  /** Throws NotAdmitted where a statement does not come to be judged. */
  async statement(whom: Whom, parts: readonly unknown[]): Promise<void> {
    const { refusalsPerHour, textPerHour } = this.limits;
    const refused = await this.#refusals.get(whomKey(whom));
    if (refused !== null && refused.consumedPoints >= refusalsPerHour) {
      const message = `${refusalsPerHour} of your statements were refused within an hour.`;
      throw new NotAdmitted(this.#denied(whom, 'refusals', message, secondsOf(refused)));
    }
    const seconds = await this.#over(this.#text, whom, Buffer.byteLength(JSON.stringify(parts)));
    if (seconds === undefined) return;
    const message = `You may send ${textPerHour} bytes of statements in an hour.`;
    throw new NotAdmitted(this.#denied(whom, 'text', message, seconds));
  }

  longText(whom: Whom, seconds: number): NotAdmitted {
    const message = 'You have just sent a long statement, and others are waiting.';
    const denial = this.#denied(whom, 'long_text', message, seconds);
    const hint = `${denial.hint ?? ''} Or write it shorter: join with a table instead of listing values.`;
    return new NotAdmitted(this.#withHint(denial, hint));
  }

  /** A statement was refused. */
  async refused(whom: Whom): Promise<void> {
    await this.#over(this.#refusals, whom, 1);
  }

  /** Throws NotAdmitted. */
  async session(whom: Whom): Promise<void> {
    const seconds = await this.#over(this.#sessions, whom, 1);
    if (seconds === undefined) return;
    const message = `You may begin ${this.limits.sessionsPerHour} sessions in an hour.`;
    const denial = this.#denied(whom, 'sessions', message, seconds);
    const hint = `Name the session of an earlier answer, or wait. ${denial.hint ?? ''}`;
    throw new NotAdmitted(this.#withHint(denial, hint));
  }

  /** Too many statements of theirs wait for a person, or were asked for. */
  approvals(whom: Whom, seconds: number): Denial {
    const { openApprovals, approvalsPerHour } = this.limits;
    const message = `You may have ${openApprovals} statements wait for approval, and ask for ${approvalsPerHour} in an hour.`;
    const denial = this.#denied(whom, 'approvals', message, seconds);
    return this.#withHint(denial, 'Withdraw what you no longer need, or wait.');
  }

  /** Waits before a no of this class is told; nothing where the denial is another's. */
  async beforeTelling(denial: Denial, signal: AbortSignal | undefined): Promise<void> {
    if (this.#denials.has(denial)) await this.pause(signal);
  }

  /** Before whoever is turned away is told so. Whoever has gone need not be kept. */
  async pause(signal?: AbortSignal): Promise<void> {
    await setTimeout(TURNED_AWAY_MS, undefined, { signal }).catch(() => undefined);
  }

  // --- counting

  /** Takes points; where there are too few, how many seconds until there are. */
  async #over(limiter: RateLimiterMemory, whom: Whom, points: number): Promise<number | undefined> {
    try {
      await limiter.consume(whomKey(whom), points);
      return undefined;
    } catch (error) {
      if (error instanceof RateLimiterRes) return secondsOf(error);
      throw error;
    }
  }

  #enter(places: Map<string, number>, whom: Whom, most: number): Disposable | undefined {
    const key = whomKey(whom);
    const others = places.get(key) ?? 0;
    if (others >= most) return undefined;
    places.set(key, others + 1);
    let isLeft = false;
    return {
      [Symbol.dispose]: () => {
        if (isLeft) return;
        isLeft = true;
        const left = (places.get(key) ?? 1) - 1;
        if (left > 0) places.set(key, left);
        else places.delete(key);
      },
    };
  }

  #denied(whom: Whom, limit: Counted, message: string, seconds: number): Denial {
    const turned = this.#turnedAway(whom, limit, message, seconds);
    return this.#withHint({ code: 'LIMIT_REACHED', message: turned.message }, wait(turned.retryAfterSeconds));
  }

  #withHint(denial: Denial, hint: string): Denial {
    const told = { ...denial, hint };
    this.#denials.add(told);
    return told;
  }

  #turnedAway({ issuer, subject }: Whom, limit: Counted, message: string, seconds: number): TurnedAway {
    const key = `${limit} ${issuer} ${subject}`;
    const known = this.#noted.get(key);
    if (known) known.more++;
    else if (this.#noted.size < MAX_NOTED) {
      this.#noted.set(key, { whom: { issuer, subject }, limit, more: 0 });
      this.#note({ issuer, subject, limit, count: 1 });
    }
    this.#timer ??= globalThis.setTimeout(() => this.flush(), NOTED_MS).unref();
    return { message, retryAfterSeconds: Math.max(1, seconds) };
  }

  /** Writes what was only counted. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { whom, limit, more } of this.#noted.values())
      if (more > 0) this.#note({ issuer: whom.issuer, subject: whom.subject, limit, count: more });
    this.#noted.clear();
  }
}

const secondsOf = ({ msBeforeNext }: RateLimiterRes): number => Math.ceil(msBeforeNext / 1000);
