/** The sign-in page of the demo's identity provider: choose who you are, with that identity's secret. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import type { IssuedClient } from './identity.js';

const MAX_FORM_BYTES = 16_384;

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

async function form(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const part of request) {
    text += String(part);
    if (text.length > MAX_FORM_BYTES) throw new Error('The form is too large.');
  }
  return new URLSearchParams(text);
}

function same(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function page(uid: string, identities: readonly IssuedClient[], problem: string): string {
  const options = identities.map(
    (identity) =>
      `<option value="${escapeHtml(identity.name)}">${escapeHtml(identity.name)} (${escapeHtml(identity.groups.join(', ') || 'no group')})</option>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in to the snowfence demo</title><link rel="icon" href="data:,">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem;color:#16202c;background:#fff}label{display:block;margin:1rem 0 .25rem}select,input,button{font:inherit;width:100%;padding:.5rem;box-sizing:border-box}button{margin-top:1.5rem;background:#0b5cad;color:#fff;border:0;border-radius:.25rem}p[role=alert]{color:#a3161b}</style>
<h1>snowfence demo</h1><p>This identity provider runs on your machine for the demo only.</p>${problem ? `<p role="alert">${escapeHtml(problem)}</p>` : ''}
<form method="post" action="/interaction/${escapeHtml(uid)}"><label for="name">Who are you?</label><select id="name" name="name">${options.join('')}</select>
<label for="secret">Secret</label><input id="secret" name="secret" type="password" autocomplete="current-password" required><button>Sign in</button></form></html>`;
}

/** `form`: the library's own, which the buttons send. */
export const logoutPage = (form: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign out of the snowfence demo</title><link rel="icon" href="data:,">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem;color:#16202c;background:#fff}button{font:inherit;padding:.5rem 1rem;margin-right:.5rem}</style>
<h1>snowfence demo</h1>${form}<p>Sign out of this identity provider, too?</p><button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Yes, sign out</button><button type="submit" form="op.logoutForm">No</button></html>`;

/** Shows the form, checks it, and goes on with the sign-in. `resource`: the one that tokens here are for. */
export async function loginPage(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  identities: readonly IssuedClient[],
  resource: { readonly audience: string; readonly scope: string },
): Promise<void> {
  try {
    const details = await provider.interactionDetails(request, response);
    let problem = '';
    if (request.method === 'POST') {
      const fields = await form(request);
      const identity = identities.find((entry) => entry.name === fields.get('name'));
      if (same(identity?.client_secret ?? '', fields.get('secret') ?? '') && identity) {
        const grant = new provider.Grant({ accountId: identity.name, clientId: String(details.params['client_id']) });
        // The provider counts the gateway's scope among its own as well as among the gateway's: what lacks one of them is asked for again.
        grant.addOIDCScope(`openid offline_access profile email ${resource.scope}`);
        grant.addResourceScope(resource.audience, resource.scope);
        const grantId = await grant.save();
        await provider.interactionFinished(
          request,
          response,
          { login: { accountId: identity.name }, consent: { grantId } },
          { mergeWithLastSubmission: false },
        );
        return;
      }
      problem = 'That secret does not belong to this name.';
    }
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    });
    response.end(page(details.uid, identities, problem));
  } catch {
    response.writeHead(400, { 'content-type': 'text/plain; charset=utf-8' });
    response.end('This sign-in is no longer open. Start again.');
  }
}
