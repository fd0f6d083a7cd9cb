import { defineConfig } from 'vitest/config';

/** In a real browser: CHROMIUM names it, else Debian's is taken. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 90_000,
    expect: { poll: { timeout: 15_000, interval: 100 } },
  },
});
