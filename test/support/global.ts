/** One demo with the acceptance data for all tests that only read; those that break something start their own. */
import type { TestProject } from 'vitest/node';
import { Demo } from '../../dist/demo/demo.js';
import type { Ready } from '../../dist/demo/ready.js';
import { ACCEPTANCE } from './demo.js';
import { makeCluster } from './store/postgres.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    ready: Ready;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const removeCluster = await makeCluster();
  const demo = await Demo.start(ACCEPTANCE, () => undefined);
  project.provide('ready', demo.ready);
  return async () => {
    await demo[Symbol.asyncDispose]();
    await removeCluster();
  };
}
