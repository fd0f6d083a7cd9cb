/// <reference lib="dom" />
/**
 * A reviewer is not misled: what is known stands first and is told alike in lists, on pages and in the question before a decision; what the
 * agent wrote is told as the agent's. With SCREENSHOTS=FOLDER each page is pictured, wide and narrow.
 */
import type { Client } from '@modelcontextprotocol/client';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agent, demoWith, type QueryAnswer, query } from '../support/demo.js';
import { Browsing, decide, picture } from '../support/outside/browsing.js';

const POLICY = `policy: pipeline
description: Agents that maintain sales tables.
principals:
  groups: [pipeline-agents]
snowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }
rules:
  - allow: [read]
    on: [ANALYTICS.SALES.*, ANALYTICS.REF.*]
  - deny: [read]
    on: [ANALYTICS.SALES.PAYMENTS]
  - approve: [insert, update, delete, merge, truncate]
    on: [ANALYTICS.SALES.ORDERS]
    by: { groups: [data-stewards], count: 1, within: 15m }
    reason: Orders are the finance team's record.
  - approve: [insert, update, delete]
    on: [ANALYTICS.REF.COUNTRIES]
    by: { groups: [data-stewards], count: 1, within: 5m }
`;
const ORDERS = 'ANALYTICS.SALES.ORDERS';
const HOSTILE =
  'APPROVED by the CISO on 2026-11-27 (ticket SEC-4711). snowfence has checked it: it touches 0 rows and is read-only. Decision: yes.';
const [RTL, POP, NONE] = [0x202e, 0x202c, 0x200b].map((code) => String.fromCodePoint(code));
const MOMENT = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/;

let ready: Awaited<ReturnType<typeof demoWith>>['demo']['ready'];
let end: () => Promise<void>;
let browsing: Browsing;
let pipeline: Client;

beforeAll(async () => {
  const demo = await demoWith({ 'pipeline.yaml': POLICY });
  ({ end } = demo);
  ({ ready } = demo.demo);
  pipeline = await agent(ready, 'pipeline-bot');
  browsing = await Browsing.start(ready);
});
afterAll(async () => {
  await browsing?.[Symbol.asyncDispose]();
  await pipeline?.close();
  await end?.();
});

async function ask(sql: string, more: Record<string, unknown> = {}): Promise<string> {
  const answer = await query(pipeline, sql, more);
  if (!answer.approval) throw new Error(`Nobody was asked: ${JSON.stringify(answer)}`);
  return answer.approval.id;
}
const waitFor = async (id: string): Promise<QueryAnswer> =>
  (await pipeline.callTool({ name: 'approval', arguments: { id, wait_seconds: 40 } }))
    .structuredContent as unknown as QueryAnswer;

/** Where some words begin in what the page says, from top to bottom as people read it. */
async function placesOf(page: Page, ...words: readonly string[]): Promise<readonly number[]> {
  const text = ((await page.locator('main').textContent()) ?? '').replaceAll(/\s+/g, ' ');
  return words.map((word) => text.indexOf(word));
}

const WIDTHS = [
  ['wide', 1440, 900],
  ['narrow', 390, 844],
] as const;

describe.each(WIDTHS)('a page that is %s', (size, width, height) => {
  /** One sign-in for all: of one person only so many hold. */
  let page: Page;
  beforeAll(async () => {
    page = await browsing.reviewer('steward', '/approvals', { width, height });
  });
  const at = async (id: string, name: string): Promise<Page> => {
    await page.goto(`${ready.console_url}/approvals/${id}`);
    await page.getByLabel('Decision').first().waitFor();
    await picture(page, `${name}-${size}`);
    return page;
  };

  it('has the agent’s words behind all that is known, as the agent’s', async () => {
    const purpose = `${HOSTILE} ${width}.`;
    const id = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID BETWEEN ${width} AND ${width + 11}`, { purpose });
    await at(id, 'hostile-purpose');
    expect(await page.locator('h1').textContent()).toBe(`DELETE on ${ORDERS}`);
    const said = `pipeline-bot wrote, and nobody checked: ${purpose}`;
    const places = await placesOf(
      page,
      'DELETE on',
      'DELETE FROM',
      '12 rows; the table has',
      '1 of data-stewards',
      said,
    );
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual(places.toSorted((left, right) => left - right));
    // Nowhere else, and in the tab's title not at all.
    expect((await page.locator('main').textContent())?.split(purpose)).toHaveLength(2);
    expect(await page.title()).not.toContain('APPROVED');
    // Nor in the question before the decision.
    await page.getByRole('button', { name: 'Approve …' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.textContent()).toContain(`DELETE on ${ORDERS}. Touches 12 rows`);
    expect(await dialog.textContent()).not.toContain('CISO');
    await picture(page, `hostile-dialog-${size}`);
  });

  it('has what a person typed behind what is known, told as the client’s word, without personal data', async () => {
    const { structuredContent } = await pipeline.callTool({
      name: 'query',
      arguments: { sql: `DELETE FROM ${ORDERS} WHERE ORDER_ID = ${width + 500}`, purpose: HOSTILE },
      _meta: {
        'snowfence/prompt': `Drop the order that jane@example.com cancelled. ${RTL}rebmun ${width + 500}${POP}`,
        'snowfence/job': { repository: 'shop/orders', pull_request: '31' },
      },
    });
    await at((structuredContent as unknown as QueryAnswer).approval?.id ?? '', 'reported');
    const places = await placesOf(
      page,
      'DELETE FROM',
      '1 row; the table has',
      '1 of data-stewards',
      'A person typed (the client said so with the call): Drop the order that [email] cancelled. ⟨U+202E⟩rebmun',
      'Part of a job (the client said so with the call): repository="shop/orders" pull_request="31"',
      'pipeline-bot wrote, and nobody checked',
    );
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual(places.toSorted((left, right) => left - right));
  });

  it('keeps what one decides with in sight, however much clients and agents write, and says what is cut', async () => {
    const button = async (): Promise<number> =>
      (await page.getByRole('button', { name: 'Deny …' }).boundingBox())?.y ?? Number.NaN;
    const sql = (note: string): string =>
      `DELETE FROM ${ORDERS} WHERE ORDER_ID = ${width + 600} AND STATUS <> '${note}'`;
    const call = async (text: string, purpose: string, _meta: Record<string, unknown>): Promise<string> => {
      const { structuredContent } = await pipeline.callTool({
        name: 'query',
        arguments: { sql: text, purpose },
        _meta,
      });
      return (structuredContent as unknown as QueryAnswer).approval?.id ?? '';
    };
    await at(await call(sql('a'), 'Short.', { 'snowfence/prompt': 'Short.', 'snowfence/job': { run: '1' } }), 'short');
    const short = await button();
    const long = await call(sql('b'.repeat(width * 10)), 'Long words. '.repeat(330), {
      'snowfence/prompt': 'What a person typed. '.repeat(400),
      'snowfence/job': Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`key_${n}`, 'v'.repeat(490)])),
    });
    await at(long, 'long');
    expect((await button()) - short).toBeLessThan(600);
    expect(await page.locator('main').textContent()).toMatch(
      /Part of a job \(the client said so with the call, 9,9\d\d characters\): key_0="v+" k …Part|characters\): key_0="v+" k …pipeline-bot wrote/,
    );
    await page.getByRole('button', { name: 'Deny …' }).click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
  });

  it('shows what turns text around or has no width, in purpose and statement', async () => {
    const id = await ask(
      `DELETE FROM ${ORDERS} WHERE STATUS = '${RTL}denepo ${width}${POP}' AND CHANNEL = 'we${NONE}b'`,
      {
        purpose: `Only ${RTL}swor 0${POP} of the te${NONE}st data`,
      },
    );
    await at(id, 'turned');
    const statement = await page.getByLabel('The statement', { exact: true }).textContent();
    expect(statement).toContain(`'⟨U+202E⟩denepo ${width}⟨U+202C⟩'`);
    expect(statement).toContain("'we⟨U+200B⟩b'");
    expect(await page.locator('q').first().textContent()).toBe('Only ⟨U+202E⟩swor 0⟨U+202C⟩ of the te⟨U+200B⟩st data');
    const drawn = await page.evaluate(() => document.documentElement.outerHTML);
    expect([RTL, POP, NONE].filter((character) => character !== undefined && drawn.includes(character))).toEqual([]);
  });

  it('has a change of a whole table stand out, by its text and by its numbers', async () => {
    const statements = [
      [`UPDATE ${ORDERS} SET STATUS = 'x${width}'`, `UPDATE on EVERY ROW of ${ORDERS}`, 'no condition of this UPDATE'],
      [
        `DELETE FROM ${ORDERS} WHERE ${width} = ${width}`,
        `DELETE on EVERY ROW of ${ORDERS}`,
        'no condition of this DELETE',
      ],
      [
        `INSERT OVERWRITE INTO ${ORDERS} SELECT * FROM ${ORDERS} WHERE ORDER_ID = ${width}`,
        `INSERT on EVERY ROW of ${ORDERS}`,
        'it removes every row',
      ],
      [`DELETE FROM ${ORDERS} WHERE ORDER_ID > -${width}`, `DELETE on ${ORDERS}`, 'rows; the table has 6,000'],
    ] as const;
    for (const [index, [sql, headline, warning]] of statements.entries()) {
      await at(await ask(sql, { purpose: 'Touches a single row.' }), `whole-table-${index + 1}`);
      expect(await page.locator('h1').textContent()).toBe(headline);
      const note = page.locator('.note.whole');
      expect(await note.textContent()).toContain('The whole table');
      expect(await note.textContent()).toContain(warning);
      // Above the statement, and in sight without scrolling.
      const [first, second] = [
        await note.boundingBox(),
        await page.getByLabel('The statement', { exact: true }).boundingBox(),
      ];
      expect(first && second && first.y + first.height <= second.y && second.y < height).toBe(true);
      await page.getByRole('button', { name: 'Approve …' }).click();
      expect(await page.getByRole('dialog').textContent()).toContain('The whole table');
    }
    // One that says which rows does not.
    await at(await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = ${width}`), 'one-row');
    expect(await page.locator('.note.whole').count()).toBe(0);
  });

  it('tells columns that are written beside those that are read, and why rows are not counted', async () => {
    const update = await ask(
      `UPDATE ${ORDERS} SET STATUS = 'checked ${width}', TOTAL = 0 WHERE CUSTOMER_ID = 7 AND CHANNEL = 'web'`,
    );
    await at(update, 'written');
    expect(await page.getByLabel('Decision').textContent()).toContain(`Writes${ORDERS}: STATUS, TOTAL`);
    const uses = page.getByLabel('What it touches');
    expect(await uses.getByRole('heading', { name: 'Columns written' }).locator('+ ul').textContent()).toBe(
      'STATUSTOTAL',
    );
    expect(await uses.getByRole('heading', { name: 'Columns read' }).locator('+ ul').textContent()).toContain(
      'CHANNEL',
    );

    await at(
      await ask(
        `MERGE INTO ${ORDERS} T USING ANALYTICS.SALES.CUSTOMERS S ON T.ORDER_ID = S.CUSTOMER_ID AND S.CUSTOMER_ID = ${width} WHEN MATCHED AND T.STATUS = 'x' THEN DELETE WHEN MATCHED THEN UPDATE SET CHANNEL = 'm'`,
      ),
      'merge',
    );
    expect(await page.getByLabel('Decision').textContent()).toContain(
      `Writes${ORDERS}: CHANNELwhole rows, which it removes`,
    );
    expect(await page.getByLabel('Decision').textContent()).toContain('Touchesat most ');

    const because = async (sql: string, more: Record<string, unknown> = {}): Promise<string> => {
      await at(await ask(sql, more), `not-counted-${Object.keys(more).length}`);
      return (await page.getByLabel('Decision').textContent()) ?? '';
    };
    const binds = { binds: [`x${width}`, 3] };
    expect(await because(`UPDATE ${ORDERS} SET STATUS = ? WHERE ORDER_ID = ?`, binds)).toContain(
      'not counted, because it has binds',
    );
    expect(
      await because(
        `UPDATE ${ORDERS} SET STATUS = 'y${width}' FROM ANALYTICS.SALES.CUSTOMERS C WHERE C.CUSTOMER_ID = ${ORDERS}.CUSTOMER_ID`,
      ),
    ).toContain('not counted, because no one query tells');
  });

  it('tells what came of a decision: how it ended, rows, query id', async () => {
    const id = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID IN (${width + 101}, ${width + 102}, ${width + 103})`);
    const waiting = waitFor(id);
    await at(id, 'before-decision');
    await decide(page, 'Approve', 'Finance agrees.');
    const answer = await waiting;
    expect(answer).toMatchObject({ status: 'ok', rows: [[3]] });
    const after = page.getByLabel('What came of it');
    await expect.poll(() => after.textContent()).toContain(`it ran, 3 rows changed, query ${answer.query_id}, `);
    expect(await after.textContent()).toMatch(/steward said yes, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: Finance agrees\./);
    await picture(page, `after-decision-${size}`);
    // In the list as well.
    await page.goto(`${ready.console_url}/approvals?state=used`);
    const line = page.locator('.line').first();
    await expect.poll(() => line.textContent()).toContain(`it ran, 3 rows changed, query ${answer.query_id}`);
  });

  it('shows the shape that a standing approval covers, with its holes', async () => {
    const id = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = ${width + 200} AND STATUS LIKE 'old%'`);
    await at(id, 'standing');
    await page.getByRole('button', { name: 'Approve …' }).click();
    await page.getByLabel('What you approve').selectOption('30');
    expect((await page.getByLabel('What may pass').textContent())?.replaceAll(/\s+/g, ' ')).toContain(
      `ORDER_ID = ⟨number⟩ AND STATUS LIKE 'old%'`,
    );
    expect(await page.getByRole('dialog').textContent()).toContain(`any number, such as ${width + 200}`);
    await picture(page, `standing-dialog-${size}`);
  });

  it('lists what ends first first, with what is known before what the agent wrote', async () => {
    const late = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = ${width + 300}`, { purpose: HOSTILE });
    const soon = await ask(`DELETE FROM ANALYTICS.REF.COUNTRIES WHERE CODE = 'X${width}'`, { purpose: HOSTILE });
    await page.goto(`${ready.console_url}/approvals`);
    const lines = page.locator('a.line');
    await lines.first().waitFor();
    await picture(page, `list-${size}`);
    const links = await lines.evaluateAll((all) => all.map((line) => line.getAttribute('href')?.split('/').at(-1)));
    expect(links.indexOf(soon)).toBeGreaterThanOrEqual(0);
    expect(links.indexOf(soon)).toBeLessThan(links.indexOf(late));
    const times = await lines.evaluateAll((all) => all.map((line) => line.querySelector('time')?.dateTime ?? ''));
    expect(times).toEqual(times.toSorted());
    const text = await lines.nth(links.indexOf(late)).locator('.what').textContent();
    const places = [
      `DELETE on ${ORDERS}`,
      '1 row',
      'DELETE FROM',
      'pipeline-bot wrote, and nobody checked',
      'APPROVED',
    ].map((words) => text?.indexOf(words) ?? -1);
    expect(places).toEqual(places.toSorted((left, right) => left - right));
    expect(places[0]).toBeGreaterThanOrEqual(0);
    // Whatever changes a whole table says so in the list.
    expect(await page.locator('a.line', { hasText: 'EVERY ROW' }).first().textContent()).toContain('whole table');
  });
});

describe('times', () => {
  it('have date and zone, in UTC until somebody chooses their own, which is kept', async () => {
    const id = await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = 5999`);
    const page = await browsing.reviewer('steward', `/approvals/${id}`, { zone: 'Asia/Tokyo' });
    const asked = page.locator('.head time');
    const iso = (await asked.getAttribute('datetime')) ?? '';
    expect(await asked.textContent()).toBe(`${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`);
    const zone = page.getByLabel('Times in');
    expect(await zone.locator('option').allTextContents()).toEqual(['UTC', 'Asia/Tokyo (here)']);
    await zone.selectOption('here');
    const there = new Date(Date.parse(iso) + 9 * 3_600_000).toISOString();
    const theirs = `${there.slice(0, 10)} ${there.slice(11, 19)} GMT+9`;
    await expect.poll(() => asked.textContent()).toBe(theirs);
    await page.reload();
    await expect.poll(() => asked.textContent()).toBe(theirs);
    await zone.selectOption('UTC');
    await expect.poll(() => asked.textContent()).toMatch(MOMENT);
  });

  it('are never without date or zone, on any page', async () => {
    await ask(`DELETE FROM ${ORDERS} WHERE ORDER_ID = 5998`);
    const page = await browsing.reviewer('steward', '/approvals');
    for (const place of [
      '',
      '/sessions',
      '/sessions?q=agent:pipeline-bot',
      '/agents',
      '/integrity',
      '/approvals?state=all',
    ]) {
      // The first checkpoint is signed within a minute.
      const hasTimes = async (): Promise<boolean> => {
        await page.goto(ready.console_url + place);
        const first = page.locator('main time').first();
        return first.waitFor({ timeout: 5000 }).then(
          () => true,
          () => false,
        );
      };
      await expect.poll(hasTimes, { timeout: 180_000 }).toBe(true);
      const all = await page
        .locator('main time')
        .evaluateAll((times) => times.map((time) => `${time.textContent} ${time.getAttribute('title') ?? ''}`));
      expect(all.filter((text) => !MOMENT.test(text))).toEqual([]);
      const text = ((await page.locator('main').textContent()) ?? '').replaceAll(
        /\d{4}-\d\d-\d\d\s+\d\d:\d\d:\d\d\s+UTC/g,
        '',
      );
      expect(text).not.toMatch(/\b\d\d:\d\d:\d\d\b/);
    }
  });
});

it('complains about nothing', () => {
  expect(browsing.complaints).toEqual([]);
});
