/**
 * What numbers tell, by experiment: two embedded warehouses that differ in hidden values alone, a whole gateway before each (judge, masks,
 * transcript, driver), and one set of rules for the test at hand.
 */
import { callerOf } from '../support/caller.mjs';
import { startBoth } from './both.mjs';

/** The same agent on each side, but two for the store, so that neither side's approval stands for the other's. */
const callerOn = (side) => callerOf('sales-bot', ['sales-agents'], { clientId: `side-${side}`, scopes: ['snowfence'] });

/** Both sides; `end` stops every process and removes every file. */
export class Sides {
  #both;
  #leak;
  #pruning;

  /** `hasOtherRows`: also how many rows are hidden differs between the two. `policy`: another file of rules. */
  static async start({ hasOtherRows = true, policy }) {
    const harness = new Sides();
    const between = (warehouse, side) => harness.#leaky(warehouse, side);
    harness.#both = await startBoth({ policies: policy, hasOtherRows, between });
    return harness;
  }

  /** The same warehouse; while a leak is planted, what is sent to it is spoiled. */
  #leaky(warehouse, side) {
    return new Proxy(warehouse, {
      get: (target, key) => {
        if (key === 'run')
          return (pool, sent, options) => target.run(pool, this.#leak ? this.#leak(sent) : sent, options);
        if (key === 'explain' && this.#pruning)
          return async (...args) => this.#pruning(await target.explain(...args), args[1], side);
        const value = target[key];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** What EXPLAIN answers, as partitions left over by a predicate on hidden values would make it: other on each side. */
  prune(pruning) {
    this.#pruning = pruning;
  }

  /** What both sides say to a question of any kind. */
  both(question) {
    return Promise.all(this.#both.sides.map(({ gateway }, side) => question(gateway, callerOn(side))));
  }

  /** What the reviewers of each side are told of how much is touched, in the order of the statements' texts. */
  async estimates() {
    const { approvals: all } = await this.#both.approvals.list({ state: 'pending' });
    return this.#both.sides.map((_, side) =>
      all
        .filter(({ client_id: client }) => client === `side-${side}`)
        .map(({ statement, about }) => ({ statement, ...about?.estimate }))
        .sort((left, right) => (left.statement < right.statement ? -1 : 1)),
    );
  }

  /** undefined takes it out again. */
  plant(leak) {
    this.#leak = leak;
  }

  end() {
    return this.#both.end();
  }
}
