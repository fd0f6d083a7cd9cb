/** The application, its files, and the pages for whoever may not see it. */
import { readFile } from 'node:fs/promises';
import type { Context, Hono } from 'hono';
import type { SignIn } from '../../identity/index.js';
import { type Door, type Env, safeReturn, whoAsks } from '../people/visitor.js';
import { landingPage, messagePage, type PageFacts } from './page.js';

const ASSETS = new URL('../assets/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

export function assetRoutes(app: Hono<Env>): void {
  app.get('/console/assets/:name', async (context) => {
    const name = context.req.param('name');
    const type = Object.entries(TYPES).find(([end]) => name.endsWith(`.${end}`))?.[1];
    if (type === undefined || !/^[a-z][a-z-]*\.(?:js|css|svg)$/.test(name)) return context.notFound();
    try {
      const text = await readFile(new URL(name, ASSETS), 'utf8');
      context.header('cache-control', 'no-cache');
      return context.body(text, 200, { 'content-type': type });
    } catch {
      return context.notFound();
    }
  });
}

/** The application for whoever is signed in, the way to sign in for everybody else. */
export async function page(
  context: Context<Env>,
  door: Door,
  signIn: SignIn | undefined,
  facts: PageFacts,
): Promise<Response> {
  const who = signIn ? await whoAsks(context, door) : undefined;
  const path = context.req.path;
  if (who && who.roles.length > 0) {
    const text = await readFile(new URL('index.html', ASSETS), 'utf8');
    return context.html(text.replace('{csrf}', door.people.csrfOf(who)));
  }
  if (who)
    return context.html(
      messagePage(
        `You are signed in as ${who.person.name}.`,
        'None of your groups has a role in this console. Ask whoever runs snowfence for one of: reviewers, auditors, administrators.',
        { href: '/console/sign-out', text: 'Sign out' },
      ),
      403,
    );
  if (signIn && path !== '/console')
    return context.redirect(
      `/console/sign-in?to=${encodeURIComponent(safeReturn(`${path}${new URL(context.req.url).search}`))}`,
    );
  return context.html(landingPage(facts, signIn !== undefined));
}
