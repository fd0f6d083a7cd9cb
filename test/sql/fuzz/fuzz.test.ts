import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz.mjs';

// The gate tries 20,000 in a step of their own (node test/sql/fuzz/fuzz.mjs 20000), `npm run test:long` 200,000.
describe('2,000 statements by grammar and mutation', () => {
  it('break nothing: no other exception, no hang, no refusal without a place, no table beyond the analysis', async () => {
    // On a busy machine beside other tests a hang is seconds; alone, as a command, the fuzzer takes it at 100 ms.
    const before = process.memoryUsage().rss / 1_048_576;
    const result = await fuzz(2000, 20_261_121, undefined, 3000);
    expect(result.failures).toEqual([]);
    // A fuzzer that finds everything refused would prove nothing.
    expect(result.understood).toBeGreaterThan(500);
    expect(result.witnessed).toBeGreaterThan(500);
    // Beside what the files before this one have left in their worker.
    expect(result.heapMb - before).toBeLessThan(1500);
  });
});
