import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz/fuzz.mjs';

describe('20,000 statements by grammar and mutation', () => {
  it('break nothing: no other exception, no hang, no refusal without a place, no table beyond the analysis', async () => {
    const result = await fuzz(20_000, 20_261_121);
    expect(result.failures).toEqual([]);
    // A fuzzer that finds everything refused would prove nothing.
    expect(result.understood).toBeGreaterThan(5000);
    expect(result.witnessed).toBeGreaterThan(5000);
    expect(result.heapMb).toBeLessThan(1500);
  }, 180_000);
});
