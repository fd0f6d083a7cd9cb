/** Streams of statements for the experiment, each by a seed. */
import { random } from '../../support/random.mjs';
import { ChangeGenerator } from './changes.mjs';
import { Generator } from './generate.mjs';

const OBJECTS = [
  undefined,
  'ANALYTICS',
  'ANALYTICS.SALES',
  'ANALYTICS.SALES.CUSTOMERS',
  'ANALYTICS.SALES.LEADS',
  'ANALYTICS.SALES.CREDITS',
  'ANALYTICS.SALES.CUSTOMER_CONTACTS',
];
const WRITERS = ['writers', 'writers', 'stewards', 'stewards', 'metered'];
/** Shares of the statements of which explain and describe are asked. */
const EXPLAINED = 0.05;
const DESCRIBED = 0.01;

/** So many of what is made; `shows` keeps those that fit. */
function* fitting(count, shows, make) {
  for (let made = 0; made < count; ) {
    const value = make();
    if (shows && !shows.test(value.sql)) continue;
    made++;
    yield value;
  }
}

/** Reads: most are run, of some only explain and describe are asked; `shows` keeps those that fit. */
export function* reads(count, seed, { shows } = {}) {
  const generator = new Generator(seed);
  const next = random(seed + 1);
  for (const value of fitting(count, shows, () => generator.statement())) {
    const draw = next();
    if (!shows && draw < EXPLAINED)
      yield { ...value, as: draw < EXPLAINED / 2 ? 'readers' : 'metered', told: 'explain' };
    else if (!shows && draw < EXPLAINED + DESCRIBED)
      yield { told: 'describe', object: OBJECTS[Math.floor(next() * OBJECTS.length)] };
    else if (!shows && draw > 0.95) yield { ...value, as: 'metered' };
    else yield value;
  }
}

export function* explained(count, seed, { shows } = {}) {
  for (const value of reads(count, seed, { shows: shows ?? /./ })) yield { ...value, told: 'explain' };
}

export function* described() {
  for (const object of OBJECTS) yield { told: 'describe', object };
}

export function* changes(count, seed, { shows, as } = {}) {
  const generator = new ChangeGenerator(seed);
  const next = random(seed + 1);
  for (const value of fitting(count, shows, () => generator.change())) {
    yield {
      ...value,
      as: as ?? WRITERS[Math.floor(next() * WRITERS.length)],
      // While a leak is planted in what is sent, only what comes of that counts.
      isExplained: next() < 0.2 && !shows,
      isApproved: next() < 0.6,
    };
  }
}
