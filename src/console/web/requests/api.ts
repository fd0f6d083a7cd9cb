/** Asking /api. */

const csrf = document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content ?? '';

/** A no from the gateway, in its words. */
export class Refused extends Error {
  readonly status: number;
  readonly hint: string | undefined;

  constructor(status: number, message: string, hint: string | undefined) {
    super(message);
    this.name = 'Refused';
    this.status = status;
    this.hint = hint;
  }
}

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api${path}`, {
      method,
      credentials: 'same-origin',
      headers: {
        ...(method === 'GET' ? {} : { 'x-snowfence-csrf': csrf }),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  } catch {
    throw new Refused(0, 'The gateway does not answer.', 'Look whether it runs, and try again.');
  }
  if (response.status === 401) {
    // Signed out, or the session is over: back to here after signing in.
    location.assign(`/console/sign-in?to=${encodeURIComponent(location.pathname + location.search)}`);
    return new Promise(() => undefined);
  }
  const answer = (await response.json().catch(() => ({}))) as { error?: string; hint?: string };
  if (!response.ok)
    throw new Refused(response.status, answer.error ?? `The gateway answered ${response.status}.`, answer.hint);
  return answer as T;
}

export const get = <T>(path: string): Promise<T> => ask('GET', path);
export const post = <T>(path: string, body: object = {}): Promise<T> => ask('POST', path, body);
export const remove = <T>(path: string): Promise<T> => ask('DELETE', path);

/** A path with what is asked for in it. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') parts.set(name, String(value));
  const text = parts.toString();
  return text === '' ? path : `${path}?${text}`;
}
