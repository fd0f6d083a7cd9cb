/** A transcript of a test's own: its PostgreSQL, the store as a gateway has it, and the database's superuser. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storePool } from '../../../dist/transcript/index.js';
import { startPostgres } from './postgres.mjs';
import { gatewayUrlOf, newKeys, openStore } from './store.mjs';

interface OwnOptions {
  /** Hears what the store finds that it did not write; without it, that is an error. */
  readonly onIntegrityProblem?: (problem: string) => void;
  /** Of the superuser. */
  readonly connections?: number | undefined;
  /** What is done to the database before there is a store in it. */
  readonly before?: (url: string) => Promise<void>;
}

/** `end` ends all of it, in this order: what was opened last, first. */
export async function startStore({ onIntegrityProblem, connections, before }: OwnOptions = {}) {
  const ends: (() => Promise<unknown>)[] = [];
  const keys = newKeys();
  const postgres = await startPostgres();
  ends.push(() => postgres.end());
  await before?.(postgres.url);
  /** Another replica, or the same after a restart: it remembers nothing. */
  const another = async () => {
    const opened = await openStore(postgres.url, { keys, ...(onIntegrityProblem ? { onIntegrityProblem } : {}) });
    ends.push(() => opened[Symbol.asyncDispose]());
    return opened;
  };
  /** With the password of the gateway's role; or the superuser's. */
  const pool = (of: 'gateway' | 'superuser', most = connections, timeoutMs = 60_000) => {
    const opened = storePool(of === 'gateway' ? gatewayUrlOf(postgres.url) : postgres.url, timeoutMs, most);
    ends.push(() => opened.end());
    return opened;
  };
  const folder = await mkdtemp(join(tmpdir(), 'snowfence-store-'));
  ends.push(() => rm(folder, { recursive: true }));
  const end = async (): Promise<void> => {
    for (const stop of ends.splice(0).reverse()) await stop();
  };
  return { keys, postgres, store: await another(), another, admin: pool('superuser'), pool, folder, end };
}
