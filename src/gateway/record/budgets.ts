/** What a principal may use up: statements in an hour, bytes in a day. Both stand in the store that all replicas share. */
import type { Principal } from '../../identity/index.js';
import { bytesDenial, type Denial, hides, type Verdict } from '../../policy/index.js';
import type { Event, Taken, TranscriptStore } from '../../transcript/index.js';
import { nameOf } from '../judge/whose.js';
import type { Intent } from './intent.js';

/** A denial where too few bytes are left of the day's; else what was taken, if anything. */
export interface Taking {
  readonly denial: Denial | undefined;
  readonly taken: Taken | undefined;
}

const NOTHING: Taking = { denial: undefined, taken: undefined };

export class Budgets {
  readonly #recorder: TranscriptStore['recorder'];

  constructor(recorder: TranscriptStore['recorder']) {
    this.#recorder = recorder;
  }

  /**
   * Writes an event down and counts it against the hour's statements; a denial where they are used up. What was taken of the day's bytes
   * for it goes with it, at once.
   */
  async append(
    principal: Principal,
    verdict: Verdict | undefined,
    event: ReturnType<Intent['event']>,
    taken?: Taken,
  ): Promise<Denial | undefined> {
    const limit = verdict?.limits.statementsPerHour;
    const count = limit === undefined ? undefined : { principal: nameOf(principal) };
    const [statements] = await Promise.all([
      this.#recorder.append(event, count),
      taken && this.#recorder.append(takenEvent(event, taken)),
    ]);
    const twice = taken && (await this.#twice(taken));
    if (twice) return twice;
    if (limit === undefined || statements === undefined || statements <= limit) return undefined;
    return {
      code: 'LIMIT_REACHED',
      message: `You have used up your ${limit} statements for this hour.`,
      hint: 'Go on in the next hour.',
    };
  }

  /** What was taken for a statement that is in the record already; a denial where another had the same bytes. */
  async record(intent: Pick<Intent, 'session' | 'statementId'>, taken: Taken): Promise<Denial | undefined> {
    await this.#recorder.append(takenEvent({ sessionId: intent.session, statementId: intent.statementId }, taken));
    return this.#twice(taken);
  }

  /** Asked once it is in the record, and before anything is run. */
  async #twice(taken: Taken): Promise<Denial | undefined> {
    if (!(await this.#recorder.isTakenTwice(taken))) return undefined;
    return {
      code: 'LIMIT_REACHED',
      message: 'What you may scan in this day was counted wrongly in the store while this statement was weighed.',
      hint: 'Send it again.',
    };
  }

  /**
   * Takes bytes from the day's, where there is a limit on them; a denial where too few are left, or nobody can say how many these are.
   * Whoever asks has to write down what was taken.
   */
  async take(principal: Principal, verdict: Verdict, bytes: number | undefined): Promise<Taking> {
    const perDay = verdict.limits.bytesPerDay;
    // What reads nothing takes nothing.
    if (perDay === undefined || bytes === 0) return NOTHING;
    const taken = bytes === undefined ? undefined : await this.#recorder.takeBytes(nameOf(principal), bytes, perDay);
    if (taken) return { denial: undefined, taken };
    const limit = `is left of the ${perDay} that you may scan in a day`;
    const hint = 'Narrow the statement, or go on tomorrow (UTC).';
    return { denial: bytesDenial(bytes, hides(verdict), limit, hint), taken: undefined };
  }
}

const takenEvent = ({ sessionId, statementId }: Pick<Event, 'sessionId' | 'statementId'>, taken: Taken): Event => ({
  kind: 'bytes_taken',
  sessionId,
  statementId,
  body: { ...taken },
});
