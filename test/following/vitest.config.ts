import { defineConfig } from 'vitest/config';

/** What takes its time: minutes of writing and of catching up (COUNT says how many events), and tests that start many commands or gateways. */
export default defineConfig({
  test: {
    include: ['test/following/**/*.test.ts'],
    globalSetup: ['test/support/global.ts'],
    maxWorkers: 1,
    testTimeout: 900_000,
    hookTimeout: 400_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
