/**
 * The README's pictures, of an hour in the demo as it might have been. With PICTURES=1 they are put where the README shows them, else
 * they are made and thrown away: a page that can't be pictured fails here.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openStore } from '../../dist/cli/access/store.js';
import { loadConfig } from '../../dist/config/config.js';
import { Demo } from '../../dist/demo/demo.js';
import { type TranscriptStore, timeOrderedId } from '../../dist/transcript/index.js';
import { agent, query } from '../support/demo.js';
import { random } from '../support/random.mjs';
import { actor, completed, refused, submitted } from '../transcript/fill.mjs';

const PICTURES = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));

let demo: Demo;
let store: TranscriptStore;
let browser: Browser;
let folder: string;
let approval = '';
let session = '';

const STORY = [
  [
    'sales-bot',
    'sales-agents',
    'claude-desktop',
    'Which regions grew this quarter?',
    'SELECT REGION, SUM(TOTAL) AS REVENUE FROM ANALYTICS.SALES.ORDERS JOIN ANALYTICS.SALES.CUSTOMERS USING (CUSTOMER_ID) GROUP BY REGION ORDER BY REVENUE DESC',
  ],
  [
    'sales-bot',
    'sales-agents',
    'claude-desktop',
    'Who are our newest customers?',
    'SELECT NAME, EMAIL, REGION FROM ANALYTICS.SALES.CUSTOMERS ORDER BY SIGNED_UP_AT DESC LIMIT 20',
  ],
  [
    'support-bot',
    'sales-agents',
    'devin',
    'Find the order of a caller',
    'SELECT ORDER_ID, STATUS, TOTAL FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4711',
  ],
  [
    'support-bot',
    'sales-agents',
    'devin',
    'How long do returns take?',
    "SELECT AVG(DATEDIFF('day', ORDERED_AT, RETURNED_AT)) FROM ANALYTICS.SALES.ORDERS WHERE STATUS = 'returned'",
  ],
  [
    'nightly-checks',
    'ci',
    'github-actions',
    'Freshness of the models',
    'SELECT MAX(LOADED_AT) FROM ANALYTICS.MODELS.LOADS',
  ],
  ['sales-bot', 'sales-agents', 'claude-desktop', 'What do we pay in Berlin?', 'SELECT * FROM ANALYTICS.HR.SALARIES'],
] as const;

/** Somebody's minute of the last hour. */
async function at<T>(minutesAgo: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - minutesAgo * 60_000 });
  try {
    return await work();
  } finally {
    vi.useRealTimers();
  }
}

beforeAll(async () => {
  folder = process.env['PICTURES'] ? PICTURES : await mkdtemp(join(tmpdir(), 'snowfence-pictures-'));
  demo = await Demo.start(
    {
      port: 0,
      data: undefined,
      seeds: [],
      policies: undefined,
      readyFile: undefined,
      tour: false,
      latencyMs: 0,
      verbose: false,
    },
    () => undefined,
  );
  const { ready } = demo;
  store = await openStore(await loadConfig(ready.config_file));
  const next = random(11);
  const sessions = new Map<string, string>();
  for (let minute = 58; minute >= 1; minute--)
    for (let turn = Math.floor(next() * 4); turn > 0; turn--)
      await at(minute - next() * 0.9, async () => {
        const [name, group, program, purpose, text] = STORY[Math.floor(next() ** 1.3 * STORY.length)] ?? STORY[0];
        const known = sessions.get(name);
        const id =
          known ??
          (await store.sessions.find(
            { ...actor(name, [group]) },
            { transport: 'streamable-http', name: program, version: '1', address: '10.0.0.12' },
            undefined,
          ));
        sessions.set(name, id);
        const statement = timeOrderedId();
        const body = { statement: text, sent: text, purpose, objects: [], columns: [], kind: 'select' };
        if (text.includes('HR.')) {
          await store.recorder.append(
            refused(id, statement, {
              ...body,
              denial: {
                code: 'OBJECT_DENIED',
                message: 'HR data is not for agents.',
                rule: 'policies/sales-readers.yaml:12',
              },
            }),
          );
          return;
        }
        await store.recorder.append(submitted(id, statement, body));
        await store.recorder.append(
          completed(id, statement, {
            rows: Math.floor(next() * 90),
            bytes: Math.floor(next() ** 3 * 4e6),
            duration_ms: Math.floor(80 + next() * 900),
          }),
        );
      });
  session = sessions.get('sales-bot') ?? '';
  const pipeline = await agent(ready, 'pipeline-bot');
  await query(pipeline, "SELECT COUNT(*) AS RETURNED FROM ANALYTICS.SALES.ORDERS WHERE STATUS = 'returned'", {
    purpose: 'How many returned orders are there?',
  });
  const asked = await query(
    pipeline,
    "DELETE FROM ANALYTICS.SALES.ORDERS WHERE STATUS = 'returned' AND ORDERED_AT < '2025-06-01'",
    {
      purpose: 'Remove returned orders that finance has booked.',
    },
  );
  approval = asked.approval?.id ?? '';
  await pipeline.close();
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
});
afterAll(async () => {
  await browser?.close();
  await store?.[Symbol.asyncDispose]();
  await demo?.[Symbol.asyncDispose]();
  if (folder !== PICTURES) await rm(folder, { recursive: true, force: true });
});

const SHOWN: readonly (readonly [
  name: string,
  path: () => string,
  scheme: 'light' | 'dark',
  width: number,
  height: number,
])[] = [
  ['now', () => '', 'light', 1280, 800],
  ['approval', () => `/approvals/${approval}`, 'light', 1280, 800],
  ['session', () => `/sessions/${session}`, 'dark', 1280, 800],
  ['approval', () => `/approvals/${approval}`, 'dark', 390, 800],
];

it.each(SHOWN)('pictures %s', async (name, path, colorScheme, width, height) => {
  const context = await browser.newContext({
    colorScheme,
    viewport: { width, height },
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  const page = await context.newPage();
  const { ready } = demo;
  await page.goto(`${ready.console_url}/sessions`);
  await page.locator('#name').selectOption('steward');
  await page.locator('#secret').fill(ready.reviewers[0]?.client_secret ?? '');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('main.page h1').waitFor();
  await page.goto(ready.console_url + path());
  await page.locator('main.page h1').waitFor();
  await page.waitForTimeout(1000);
  const file = join(folder, `${name}-${colorScheme}-${width < 600 ? 'narrow' : 'wide'}.png`);
  await page.screenshot({ path: file });
  expect((await stat(file)).size).toBeGreaterThan(20_000);
  await context.close();
});
