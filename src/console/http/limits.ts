/** How much is answered in a minute, by person or by where it comes from. */
import { RateLimiterMemory } from 'rate-limiter-flexible';

export interface Limits {
  readonly calls: RateLimiterMemory;
  readonly changes: RateLimiterMemory;
  /** What was begun here and comes back, and what comes back that was not, by address: nobody's share is used up by the other kind. */
  readonly exchanges: RateLimiterMemory;
  readonly strays: RateLimiterMemory;
}

export const newLimits = (): Limits => ({
  calls: new RateLimiterMemory({ points: 600, duration: 60 }),
  changes: new RateLimiterMemory({ points: 60, duration: 60 }),
  exchanges: new RateLimiterMemory({ points: 120, duration: 60 }),
  strays: new RateLimiterMemory({ points: 120, duration: 60 }),
});

export async function isWithin(limiter: RateLimiterMemory, key: string): Promise<boolean> {
  try {
    await limiter.consume(key);
    return true;
  } catch (error) {
    if (error instanceof Error) throw error;
    return false;
  }
}
