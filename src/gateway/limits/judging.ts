/** Whose turn it is to be judged. Judging takes the one thread that there is, so principals take it by turns. */
import type { InForce, Subject } from '../../policy/index.js';
import { FairGate } from '../../turns/index.js';
import type { QueryRequest } from '../answer/answer.js';
import type { Judge } from '../judge/judge.js';
import { type Judged, NOTHING_JUDGED, type Question } from '../judge/judged.js';
import { nameOf, type Whose } from '../judge/whose.js';
import type { Admission } from './admission.js';
import { LONG_TEXT, LongTexts, lengthOf, tooLong } from './long-texts.js';

/** More than one, since judging asks the catalog now and then; of these, what one principal holds at most. */
const JUDGED_AT_ONCE = 4;
const JUDGED_OF_ONE = JUDGED_AT_ONCE / 2;
/** Whose turn it is where people try statements out. */
const PEOPLE = '';

export class Judging {
  readonly #judge: Judge;
  readonly #admission: Admission;
  readonly #longTexts: LongTexts;
  readonly #gate = new FairGate(JUDGED_AT_ONCE, JUDGED_OF_ONE);

  constructor(judge: Judge, admission: Admission) {
    this.#judge = judge;
    this.#admission = admission;
    this.#longTexts = new LongTexts(admission.limits.longTextShare);
  }

  /** Of those that wait, each principal has its turn, and long texts wait for their own. Throws NotAdmitted. */
  async inTurn({ principal, policies }: Whose, request: QueryRequest): Promise<Judged> {
    const name = nameOf(principal);
    const length = lengthOf(request);
    // Nothing of it is read, however often it is sent.
    const denial = tooLong(request, length);
    if (denial) return { ...NOTHING_JUDGED, version: policies.set.version, denial };
    const turn = await this.#longTexts.enter(name, length);
    if (typeof turn === 'number') throw this.#admission.longText(principal, Math.ceil(turn / 1000));
    const place = await this.#gate.enter(name);
    try {
      return await this.#judge.judge(principal, policies, request, (work) => this.#renewed(name, length, work));
    } finally {
      place[Symbol.dispose]();
      turn?.[Symbol.dispose]();
    }
  }

  /** What is judged besides a statement that had its turn: it waits for no other, and takes of the same share. */
  async more({ principal, policies }: Whose, question: Question): Promise<Judged> {
    const name = nameOf(principal);
    const place = await this.#gate.enter(name);
    const started = performance.now();
    try {
      return await this.#judge.judge(principal, policies, question, (work) =>
        this.#renewed(name, question.sql.length, work),
      );
    } finally {
      place[Symbol.dispose]();
      this.#longTexts.took(name, question.sql.length, performance.now() - started);
    }
  }

  /** What the policies would say to somebody's statement: for people who write policies. Runs nothing, records nothing. */
  async tryOut(
    subject: Subject,
    rules: InForce,
    request: Question,
  ): Promise<{ judged: Judged; policies: readonly string[] }> {
    const place = await this.#gate.enter(PEOPLE);
    try {
      const judged = await this.#judge.judge(subject, rules, request);
      return { judged, policies: rules.policies.map(({ name }) => name) };
    } finally {
      place[Symbol.dispose]();
    }
  }

  /** What is judged anew before anybody waits for it takes a turn of whoever sends it. Throws for a long text: the next one has its own. */
  async #renewed(name: string, length: number, work: () => Promise<Judged>): Promise<Judged> {
    if (length >= LONG_TEXT) throw new Error('A long text is judged anew in its own turn.');
    const place = await this.#gate.enter(name);
    try {
      return await work();
    } finally {
      place[Symbol.dispose]();
    }
  }
}
