/// <reference lib="dom" />
/** People in front of the console, in a real browser: CHROMIUM names it, else Debian's is taken. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Ready } from '../../../dist/demo/ready.js';

export interface Look {
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
  /** Where they are. */
  readonly zone?: string;
}

export class Browsing implements AsyncDisposable {
  readonly #ready: Ready;
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  /** What pages complained about; none may. */
  readonly complaints: string[] = [];

  private constructor(ready: Ready, browser: Browser) {
    this.#ready = ready;
    this.#browser = browser;
  }

  static async start(ready: Ready): Promise<Browsing> {
    const browser = await chromium.launch({
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    });
    return new Browsing(ready, browser);
  }

  async open({ scheme = 'light', width = 1280, height = 800, zone = 'UTC' }: Look = {}): Promise<Page> {
    const context = await this.#browser.newContext({
      colorScheme: scheme,
      viewport: { width, height },
      locale: 'en-GB',
      timezoneId: zone,
      bypassCSP: false,
    });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        this.complaints.push(`${page.url()}: ${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => this.complaints.push(`${page.url()}: ${error.message}`));
    page.on('dialog', (dialog) => {
      this.complaints.push(`${page.url()}: a dialog, ${dialog.message()}`);
      void dialog.dismiss();
    });
    return page;
  }

  async signIn(page: Page, name: string, path = ''): Promise<void> {
    const ready = this.#ready;
    await page.goto(ready.console_url + path);
    if (path === '') await page.getByRole('link', { name: 'Sign in' }).click();
    await page.locator('#name').selectOption(name);
    const secret = [...ready.agents, ...ready.reviewers].find((one) => one.name === name)?.client_secret ?? '';
    await page.locator('#secret').fill(secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('main.page h1').waitFor();
  }

  /** Somebody who has signed in, at a page. */
  async reviewer(name: string, path: string, look: Look = {}): Promise<Page> {
    const page = await this.open(look);
    await this.signIn(page, name, path);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const context of this.#contexts) await context.close();
    await this.#browser.close();
  }
}

/** A decision as people make it. */
export async function decide(page: Page, decision: 'Approve' | 'Deny', reason = ''): Promise<void> {
  await page.getByRole('button', { name: `${decision} …` }).click();
  const dialog = page.getByRole('dialog');
  if (reason !== '') await dialog.getByRole('textbox').fill(reason);
  await dialog.getByRole('button', { name: decision, exact: true }).click();
}

/** Kept as SCREENSHOTS/NAME.png, where somebody wants to look at it. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS'];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
