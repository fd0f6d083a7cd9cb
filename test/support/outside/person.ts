/** Somebody with a browser's cookies and nothing else of it: signs in at the demo's identity provider by its forms. */
import type { Ready } from '../../../dist/demo/ready.js';

export class Person {
  readonly #ready: Ready;
  /** By origin, since browsers keep them apart. */
  readonly #jar = new Map<string, Map<string, string>>();
  csrf = '';

  constructor(ready: Ready) {
    this.#ready = ready;
  }

  get origin(): string {
    return new URL(this.#ready.console_url).origin;
  }

  cookie(name = 'snowfence'): string | undefined {
    return this.#jar.get(this.origin)?.get(name);
  }

  setCookie(name: string, value: string | undefined): void {
    const jar = this.#jar.get(this.origin) ?? new Map<string, string>();
    if (value === undefined) jar.delete(name);
    else jar.set(name, value);
    this.#jar.set(this.origin, jar);
  }

  async fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const target = new URL(url, this.origin);
    const jar = this.#jar.get(target.origin) ?? new Map<string, string>();
    this.#jar.set(target.origin, jar);
    const response = await fetch(target, {
      redirect: 'manual',
      ...init,
      headers: { ...init.headers, cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /max-age=0/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  /** Follows redirects until a page comes. */
  async follow(url: string | URL, init: RequestInit = {}): Promise<{ readonly response: Response; readonly url: URL }> {
    let at = new URL(url, this.origin);
    let response = await this.fetch(at, init);
    for (let hops = 0; hops < 12 && response.status >= 300 && response.status < 400; hops++) {
      at = new URL(response.headers.get('location') ?? '', at);
      response = await this.fetch(at);
    }
    return { response, url: at };
  }

  /** Where the browser is sent back to, with the provider's answer; not yet followed. */
  async reachCallback(name: string, to = '/console'): Promise<URL> {
    const form = await this.follow(`/console/sign-in?to=${encodeURIComponent(to)}`);
    const secret = [...this.#ready.agents, ...this.#ready.reviewers].find((one) => one.name === name)?.client_secret;
    const body = new URLSearchParams({ name, secret: secret ?? '' });
    let at = form.url;
    let response = await this.fetch(at, { method: 'POST', body });
    for (let hops = 0; hops < 12; hops++) {
      at = new URL(response.headers.get('location') ?? '', at);
      if (at.pathname === '/console/callback') return at;
      response = await this.fetch(at);
    }
    throw new Error(`The sign-in did not come back; it is at ${at.href}.`);
  }

  /** Answers where they land. */
  async signIn(name: string, to = '/console'): Promise<URL> {
    // The provider may know this browser already.
    const known = await this.follow(`/console/sign-in?to=${encodeURIComponent(to)}`);
    const landed =
      known.url.origin === this.origin && known.response.ok
        ? known
        : await this.follow(await this.reachCallback(name, to));
    const page = await landed.response.text();
    this.csrf = /name="csrf" content="([^"]*)"/.exec(page)?.[1] ?? '';
    return landed.url;
  }

  async get(path: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const response = await this.fetch(`/api${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async post(
    path: string,
    body: object = {},
    headers: Record<string, string> = { 'x-snowfence-csrf': this.csrf },
    method = 'POST',
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const response = await this.fetch(`/api${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
}
