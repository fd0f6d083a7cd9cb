import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // In a real browser: npm run test:browser.
    exclude: ['test/browser/**'],
    globalSetup: ['test/support/global.ts'],
    // Each file has processes of its own to wait for; two cores do no more than this at once.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 40_000,
    reporters: process.env['CI'] ? ['default'] : ['default'],
  },
});
