import { createHash } from 'node:crypto';

/**
 * What stands at /console for now: which gateway this is, how to connect to it, how to read its transcript. It shows nothing that is
 * not public to whoever can reach the port. The console proper, with sign-in, comes with approvals.
 */
export interface PageFacts {
  readonly mcpUrl: string;
  readonly sseUrl: string;
  readonly issuers: readonly string[];
  readonly version: string;
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const styleHash = (): string => createHash('sha256').update(PAGE_STYLE).digest('base64');

export const pageHeaders = () => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash()}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
});

const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #16202c; --muted: #5a6675; --paper: #ffffff; --line: #d9dfe6; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --muted: #98a5b5; --paper: #10161d; --line: #2a3440; --accent: #6cb2ff; } }
body { font: 16px/1.6 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 44rem; margin: 0 auto; padding: 3rem 1.25rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.125rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; } .muted { color: var(--muted); }
code, pre { font: .875rem/1.5 ui-monospace, monospace; } pre { border: 1px solid var(--line); border-radius: .375rem; padding: .75rem 1rem; overflow-x: auto; }
a { color: var(--accent); } dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; } dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }`;

export function consolePage(facts: PageFacts): string {
  const url = escapeHtml(facts.mcpUrl);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>snowfence</title><style>${PAGE_STYLE}</style></head>
<body><main><h1>snowfence</h1><p class="muted">A governed gateway between AI agents and Snowflake, version ${escapeHtml(facts.version)}. It is running.</p>
<h2>Connect an agent</h2><pre>claude mcp add --transport http snowfence ${url}</pre>
<dl><dt>Streamable HTTP</dt><dd><code>${url}</code></dd><dt>HTTP+SSE</dt><dd><code>${escapeHtml(facts.sseUrl)}</code></dd><dt>Tokens from</dt><dd>${facts.issuers.map((issuer) => `<code>${escapeHtml(issuer)}</code>`).join('<br>')}</dd></dl>
<h2>Read the transcript</h2><pre>snowfence sessions list --config snowfence.yaml
snowfence sessions show ID --config snowfence.yaml</pre>
<h2>Decide on statements that wait</h2><pre>snowfence approvals list --config snowfence.yaml
snowfence approvals approve ID --config snowfence.yaml</pre></main></body></html>`;
}
