import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // In a real browser: npm run test:browser. Minutes of following: npm run test:following.
    exclude: ['test/browser/**', 'test/following/**'],
    globalSetup: ['test/support/global.ts'],
    // Each file has processes of its own to wait for; two cores do no more than this at once.
    maxWorkers: 2,
    // What hangs is ended; a machine that does ten other things at once is not what is tested.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
    reporters: process.env['CI'] ? ['default'] : ['default'],
  },
});
