/** Pages that need no sign-in: the way in, and what went wrong on it. */

import { visibleText } from '../../visible-text/index.js';

/** Nothing that is not public to whoever can reach the port. */
export interface PageFacts {
  readonly mcpUrl: string;
  readonly sseUrl: string;
  readonly issuers: readonly string[];
  readonly version: string;
}

const escapeHtml = (text: string): string =>
  visibleText(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const frame = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title>
<link rel="icon" href="/console/assets/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="/console/assets/app.css"></head>
<body class="plain"><main>${body}</main></body></html>`;

export function landingPage(facts: PageFacts, hasConsole: boolean): string {
  const url = escapeHtml(facts.mcpUrl);
  const way = hasConsole
    ? `<p><a class="button primary" href="/console/sign-in">Sign in</a></p>`
    : `<p class="note">The console is off: the configuration has no <code>console</code> section. <code>examples/snowfence.yaml</code> shows one.</p>`;
  return frame(
    'snowfence',
    `<h1 class="brand"><img src="/console/assets/icon.svg" alt="" width="32" height="32">snowfence</h1>
<p class="muted">A governed gateway between AI agents and Snowflake, version ${escapeHtml(facts.version)}. It is running.</p>${way}
<h2>Connect an agent</h2><p>With its own access token, in the variable <code>SNOWFENCE_TOKEN</code>:</p>
<pre>claude mcp add --transport http snowfence ${url} --header "Authorization: Bearer $SNOWFENCE_TOKEN"</pre>
<dl><dt>Streamable HTTP</dt><dd><code>${url}</code></dd><dt>HTTP+SSE</dt><dd><code>${escapeHtml(facts.sseUrl)}</code></dd><dt>Tokens from</dt><dd>${facts.issuers.map((issuer) => `<code>${escapeHtml(issuer)}</code>`).join('<br>')}</dd></dl>`,
  );
}

interface Way {
  readonly href: string;
  readonly text: string;
  /** A button that changes something rather than a link. */
  readonly csrf?: string;
}

export function messagePage(title: string, text: string, way?: Way): string {
  const label = escapeHtml(way?.text ?? '');
  const href = escapeHtml(way?.href ?? '');
  const button =
    way?.csrf === undefined
      ? `<p><a class="button primary" href="${href}">${label}</a></p>`
      : `<form method="post" action="${href}"><input type="hidden" name="csrf" value="${escapeHtml(way.csrf)}"><button class="button primary">${label}</button></form>`;
  return frame(
    title,
    `<h1>${escapeHtml(title)}</h1>${text === '' ? '' : `<p>${escapeHtml(text)}</p>`}${way ? button : ''}<p><a href="/console">snowfence</a></p>`,
  );
}
