/** The tool that does nothing, in a process of its own: our HTTP server and tools, over a gateway that answers at once. */
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { GENEROUS } from '../test/support/gateways/limits.mjs';
import { issuerOptions } from '../test/support/outside/issuer.mjs';

export async function startNothing(options) {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)]);
  const url = await new Promise((resolve) => child.once('message', resolve));
  return { url, stop: () => new Promise((resolve) => child.once('exit', resolve) && child.kill()) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { McpHttp } = await import('../dist/mcp/index.js');
  const { TokenVerifier } = await import('../dist/identity/index.js');
  const { Admission } = await import('../dist/gateway/limits/admission.js');
  const { issuer, audience } = JSON.parse(process.argv[2]);
  const answer = {
    status: 'ok',
    statementId: crypto.randomUUID(),
    session: crypto.randomUUID(),
    isTruncated: false,
    notices: [],
    queryId: crypto.randomUUID(),
    durationMs: 1,
    columns: [
      { name: 'ORDER_ID', type: 'NUMBER', mask: null },
      { name: 'STATUS', type: 'TEXT', mask: null },
      { name: 'TOTAL', type: 'NUMBER', mask: null },
    ],
    rows: [[42, 'open', 72.66]],
  };
  const mcp = new McpHttp({
    gateway: { query: async () => answer, admission: new Admission(GENEROUS, () => undefined) },
    consoleUrl: 'http://127.0.0.1/console',
    downloadsUrl: undefined,
    version: '0',
    verifier: new TokenVerifier([issuerOptions(issuer, audience)]),
    publicUrl: new URL(audience),
    allowedHosts: ['127.0.0.1'],
    allowedOrigins: [],
    toolPrefix: '',
    isBehindProxy: false,
    log: { warn: () => undefined },
    onRefused: () => undefined,
  });
  const server = createServer((request, response) => void mcp.handle(request, response));
  server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}/mcp`));
  process.on('disconnect', () => process.exit(0));
}
