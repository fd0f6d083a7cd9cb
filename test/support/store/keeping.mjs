/** What keeps a record: checkpoints over a store, verifications of it, archives from it. */
import { archive, Checkpoints, trustedKeys, verifyStore } from '../../../dist/transcript/index.js';

/** What a test did not ask for ends it. */
export const fail = (problem, error) => {
  throw new Error(problem, { cause: error });
};

export const checkpointsOf = (store, more = {}) =>
  new Checkpoints({
    pool: store.pool,
    keys: store.keys,
    recorder: store.recorder,
    places: [],
    onProblem: fail,
    onIntegrityProblem: fail,
    ...more,
  });

/** The report of `snowfence verify` over a database. */
export const verified = (pool, keys, more = {}) =>
  verifyStore(pool, { keys: trustedKeys(keys), kept: [], onProgress: () => undefined, openKey: undefined, ...more });

/** All whole weeks that ended before then go to files in a folder. */
export const archiveBefore = (before, { admin, store, folder }) =>
  archive(admin, {
    keys: store.keys,
    before: new Date(before),
    folder,
    record: (event) => store.recorder.append(event),
    now: new Date(),
    onProgress: () => undefined,
  });
