/** Two embedded warehouses that differ in hidden values alone, and a whole gateway before each (judge, masks, transcript, driver). */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Approvals } from '../../dist/approval/index.js';
import { Child, freePort } from '../../dist/demo/child.js';
import { Gateway } from '../../dist/gateway/gateway.js';
import { loadPolicies } from '../../dist/policy/index.js';
import { ISSUER } from '../support/caller.mjs';
import { GENEROUS } from '../support/gateways/limits.mjs';
import { openStore } from '../support/store/store.mjs';
import { warehouseAt } from '../support/warehouse.mjs';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const QUIET = { warn: () => undefined, error: () => undefined, info: () => undefined };

/**
 * `policies`: a folder, or one file; `hasOtherRows`: also how many rows are hidden differs between the two; `between`: what the gateway of a
 * side has in its warehouse's place. Answers gateway and warehouse of each side, the approvals of both, the experimenter's `door`, and `end`,
 * which stops every process and removes every file.
 */
export async function startBoth({ policies: files, hasOtherRows, between }) {
  const ends = [];
  const end = async () => {
    for (const stop of ends.splice(0).reverse()) await stop();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-noninterference-'));
    ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
    const place = join(folder, 'policies');
    await cp(files, files.endsWith('.yaml') ? join(place, 'policy.yaml') : place, { recursive: true });
    const policies = await loadPolicies(place, [ISSUER]);
    const [port, secret] = [await freePort(), randomBytes(18).toString('hex')];
    const postgres = await Child.start('../embedded/postgres/main.js', {
      dataFolder: join(folder, 'postgres'),
      port,
      password: secret,
    });
    ends.push(() => postgres.stop());
    const transcript = await openStore(`postgres://snowfence:${secret}@127.0.0.1:${port}/postgres`);
    ends.push(() => transcript[Symbol.asyncDispose]());
    const approvals = new Approvals(transcript);
    const seeds = ['../acceptance/seed.sql', './data/targets.sql', './data/small.sql'];
    const twists = hasOtherRows ? ['./data/twist.sql', './data/rows.sql'] : ['./data/twist.sql'];
    const users = [{ name: 'SNOWFENCE', password: secret }];
    const both = [[], twists].map((more) => ({
      seeds: [...seeds, ...more].map(file),
      databases: ['ANALYTICS'],
      users,
    }));
    const child = await Child.start(
      '../../test/noninterference/warehouses.mjs',
      { warehouses: both },
      { UV_THREADPOOL_SIZE: '16' },
    );
    ends.push(() => child.stop());
    const sides = child.answer.urls.map((url, side) => {
      // EXPLAIN sees objects, no values: it can hide no difference and show none.
      const warehouse = warehouseAt(url, secret, { poolSize: 8, confirm: 'off' });
      ends.push(() => warehouse[Symbol.asyncDispose]());
      const gateway = new Gateway({
        policies: () => policies,
        transcript,
        approvals,
        warehouse: between(warehouse, side),
        log: QUIET,
        counters: { verdict: () => undefined, ran: () => undefined, disagreement: () => undefined },
        now: () => new Date(),
        notices: async () => [],
        limits: GENEROUS,
      });
      return { gateway, warehouse };
    });
    return { sides, approvals, door: child.answer.door, end };
  } catch (error) {
    await end();
    throw error;
  }
}
