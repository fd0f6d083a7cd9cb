/** `serve` that can't start, or starts with a credential that Snowflake does not take: who hears of it, when, and in which words. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from '../../support/demo.js';
import { pause, startParts } from '../../support/gateways/replicas.mjs';

let parts: Awaited<ReturnType<typeof startParts>>;
let url: string;
beforeAll(async () => {
  const policies = fileURLToPath(new URL('../policies', import.meta.url));
  parts = await startParts({ agents: [{ name: 'sales-bot', groups: ['sales-agents'] }], policies });
  url = parts.urls[0] ?? '';
});
afterAll(() => parts.end());

/** A gateway, and what it says. */
function serve() {
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', parts.configurations[0] ?? '']);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      said += text.toString();
    });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, ended, said: () => said };
}

describe('serve', () => {
  it('ends where its port is taken, with what to do and nothing else', async () => {
    const other = createServer().listen(Number(new URL(url).port), '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { ended, said } = serve();
    expect(await ended).toBe(2);
    expect(said()).toMatch(
      /^PORT_IN_USE {2}Port \d+ on 127\.0\.0\.1 is taken\.\nChoose another under server\.listen[^\n]*\n$/,
    );
    await new Promise((resolve) => other.close(resolve));
  });

  it('says that Snowflake refuses its log-in: in the log, by /readyz, to agents, and never the password', async () => {
    await writeFile(join(parts.folder, 'warehouse-password'), 'a-wrong-secret');
    const { child, ended, said } = serve();
    const ready = async (): Promise<{ status: number; text: string }> => {
      const response = await fetch(new URL('/readyz', url), { headers: { connection: 'close' } }).catch(
        () => undefined,
      );
      return { status: response?.status ?? 0, text: (await response?.text()) ?? '' };
    };
    let last = await ready();
    for (
      const until = Date.now() + 120_000;
      !/"warehouse":"(?!ok"|unreachable"|not asked yet")/.test(last.text) && Date.now() < until;
      last = await ready()
    )
      await pause(50);
    expect(last.status).toBe(503);
    expect(JSON.parse(last.text)).toMatchObject({
      transcript: 'ok',
      warehouse: expect.stringMatching(/refused the gateway's own log-in \(390100\)/),
    });
    expect(said()).toMatch(/Snowflake refuses the log-in of this gateway/);
    expect(said()).toMatch(/snowfence doctor/);

    const call = async (name: string, args: object): Promise<string> => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${parts.tokens[0]}`, 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
      });
      return response.text();
    };
    const sql = 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS LIMIT 1';
    for (const name of ['query', 'explain']) {
      const told = await call(name, { sql });
      expect(told).toMatch(/MISCONFIGURED/);
      expect(told).toMatch(/Tell whoever operates snowfence/);
      expect(told).not.toMatch(/Try again later|390100/);
    }
    expect(said()).not.toMatch(/a-wrong-secret/);
    child.kill('SIGTERM');
    await ended;
  });
});
