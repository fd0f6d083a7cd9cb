/** What a principal may use up: statements in an hour, bytes in a day. Both stand in the store that all replicas share. */
import type { Principal } from './identity/index.js';
import type { Intent } from './intent.js';
import { bytesDenial, type Denial, hides, type Verdict } from './policy/index.js';
import type { TranscriptStore } from './transcript/index.js';

export const nameOf = (principal: Principal): string => `${principal.issuer} ${principal.subject}`;

export class Budgets {
  readonly #recorder: TranscriptStore['recorder'];

  constructor(recorder: TranscriptStore['recorder']) {
    this.#recorder = recorder;
  }

  /** Writes an event down and counts it against the hour's statements; a denial where they are used up. */
  async append(
    principal: Principal,
    verdict: Verdict | undefined,
    event: ReturnType<Intent['event']>,
  ): Promise<Denial | undefined> {
    const limit = verdict?.limits.statementsPerHour;
    const count = limit === undefined ? undefined : { principal: nameOf(principal) };
    const statements = await this.#recorder.append(event, count);
    if (limit === undefined || statements === undefined || statements <= limit) return undefined;
    return {
      code: 'LIMIT_REACHED',
      message: `You have used up your ${limit} statements for this hour.`,
      hint: 'Go on in the next hour.',
    };
  }

  /** Takes bytes from the day's, where there is a limit on them; a denial where too few are left, or nobody can say how many these are. */
  async take(principal: Principal, verdict: Verdict, bytes: number | undefined): Promise<Denial | undefined> {
    const perDay = verdict.limits.bytesPerDay;
    if (perDay === undefined) return undefined;
    if (bytes !== undefined && (await this.#recorder.takeBytes(nameOf(principal), bytes, perDay))) return undefined;
    const limit = `is left of the ${perDay} that you may scan in a day`;
    return bytesDenial(bytes, hides(verdict), limit, 'Narrow the statement, or go on tomorrow (UTC).');
  }
}
