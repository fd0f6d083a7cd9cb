import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz/fuzz.mjs';

describe('20,000 statements by grammar and mutation', () => {
  it('break nothing: no other exception, no hang, no refusal without a place, no table beyond the analysis', async () => {
    // On a busy machine beside other tests a hang is seconds; alone, as a command, the fuzzer takes it at 100 ms.
    const result = await fuzz(20_000, 20_261_121, undefined, 3000);
    expect(result.failures).toEqual([]);
    // A fuzzer that finds everything refused would prove nothing.
    expect(result.understood).toBeGreaterThan(5000);
    expect(result.witnessed).toBeGreaterThan(5000);
    expect(result.heapMb).toBeLessThan(1500);
  }, 180_000);
});
