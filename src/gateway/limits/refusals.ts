/** Each refusal counts: whoever has used up theirs is told no before anything is judged. */
import type { Denial } from '../../policy/index.js';
import type { Answer, QueryRequest } from '../answer/answer.js';
import { isTheirs } from '../answer/denials.js';
import type { Caller } from '../judge/whose.js';
import type { Admission } from './admission.js';

export class Refusals {
  readonly #admission: Admission;
  /** Nothing of these was judged, so that they are no refusals. */
  readonly #turned = new WeakSet<Denial>();

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  /** Who hears this was turned away: it does not count. */
  turnedAway(denial: Denial): void {
    this.#turned.add(denial);
  }

  /** The answer, once it is counted; whoever is turned away hears it after a while. */
  async counted(
    { principal }: Caller,
    { signal, onWaiting }: Pick<QueryRequest, 'signal' | 'onWaiting'>,
    answering: Answer | Promise<Answer>,
  ): Promise<Answer> {
    const answer = await answering;
    const { denial } = answer;
    if (!denial) return answer;
    if (isTheirs(denial) && !this.#turned.has(denial)) await this.#admission.refused(principal);
    onWaiting?.();
    await this.#admission.beforeTelling(denial, signal);
    return answer;
  }
}
