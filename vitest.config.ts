import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that take longest: started last, one of them would run on alone at the end. */
const FIRST = [
  'issuers.test.ts',
  'pages.test.ts',
  'approval.test.ts',
  'faults.test.ts',
  'commands.test.ts',
  'in-doubt.test.ts',
  'limits.test.ts',
  'rewrites.test.ts',
  'canary.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isAt = ({ moduleId }: TestSpecification): number => {
      const at = FIRST.indexOf(basename(moduleId));
      return at < 0 ? FIRST.length : at;
    };
    return sorted.sort((one, other) => isAt(one) - isAt(other));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // In a real browser: npm run test:browser. Minutes of following: npm run test:following.
    exclude: ['test/browser/**', 'test/following/**'],
    globalSetup: ['test/support/global.ts'],
    // Most wait for processes of their own for some of their time; with more at once on two cores, limits of time would be met.
    maxWorkers: 4,
    // A worker loads parsers, driver and warehouse once, not for each file: no file changes what others see of them.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // What hangs is ended; a machine that does ten other things at once is not what is tested. Whoever waits for something waits for as
    // long as this: a shorter time belongs only where it is what the test is about.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
    reporters: process.env['CI'] ? ['default'] : ['default'],
  },
});
