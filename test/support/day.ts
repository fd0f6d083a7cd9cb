/** For tests of what is counted by the day: one that ends in the middle of a test makes two of it. */
import { setTimeout as sleep } from 'node:timers/promises';

const DAY_MS = 86_400_000;

/** Resolves where the day, in UTC, goes on for so long at least: at once, but shortly before midnight. */
export async function withinOneDay(ms = 60_000): Promise<void> {
  const left = DAY_MS - (Date.now() % DAY_MS);
  if (left < ms) await sleep(left + 10);
}
