import { defineConfig } from 'vitest/config';

/** Minutes of writing, and of catching up: COUNT says how many events. */
export default defineConfig({
  test: { include: ['test/following/**/*.test.ts'], maxWorkers: 1, testTimeout: 900_000, hookTimeout: 400_000 },
});
