/** Times on the command line: people read date and zone with each, machines ISO 8601. */
import { beforeAll, expect, inject, it } from 'vitest';
import { agent, cli, query } from '../../support/demo.js';

const ready = inject('ready');
let session = '';

beforeAll(async () => {
  const pipeline = await agent(ready, 'pipeline-bot');
  const purpose = 'When was that?';
  session = (await query(pipeline, 'SELECT 1 AS TIMES', { purpose })).session ?? '';
  await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4950', { purpose });
  await pipeline.close();
});

const said = async (args: readonly string[]): Promise<string> => {
  const { code, out } = await cli([...args, '--config', ready.config_file]);
  expect(code).toBe(0);
  return out;
};

it.each([
  ['sessions', 'list'],
  ['sessions', 'search', 'agent:pipeline-bot'],
  ['sessions', 'show', 'SESSION'],
  ['approvals', 'list'],
  ['approvals', 'list', '--all'],
])('%s %s', async (...args) => {
  const text = await said(args.map((word) => (word === 'SESSION' ? session : word)));
  const moments = text.match(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g) ?? [];
  expect(moments.length).toBeGreaterThan(0);
  // No other time stands anywhere.
  expect(text.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, '')).not.toMatch(/\d\d:\d\d:\d\d/);
});

it.each([
  ['sessions', 'list'],
  ['sessions', 'search', 'agent:pipeline-bot'],
  ['approvals', 'list'],
])('%s %s --json', async (...args) => {
  const text = await said([...args, '--json']);
  const times = [...text.matchAll(/"(?:at|[a-z]+_at)": "([^"]*)"/g)].map(([, time]) => time);
  expect(times.length).toBeGreaterThan(0);
  for (const time of times) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});
