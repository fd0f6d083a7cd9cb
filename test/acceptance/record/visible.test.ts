/** A statement and a purpose that turn around, from the agent to everybody who reads them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';
import { agent, MAIN, query } from '../../support/demo.js';

const RTL = String.fromCodePoint(0x202e);
const NONE = String.fromCodePoint(0x200b);
const UNSEEN = new RegExp(`[${RTL}${NONE}]`);
const ready = inject('ready');
const run = promisify(execFile);
const cli = async (...args: string[]): Promise<string> =>
  (await run(process.execPath, [MAIN, ...args, '--config', ready.config_file], { maxBuffer: 64e6 })).stdout;

it('shows on the command line what can not be seen, and keeps it for programs', async () => {
  const mark = `T${Date.now()}`;
  const sql = `UPDATE /* ${mark}${RTL} AND 1 = 1 ${NONE}*/ ANALYTICS.SALES.ORDERS SET CHANNEL = 'a${RTL}' WHERE ORDER_ID = 1`;
  const purpose = `${mark} for p${String.fromCodePoint(0x430)}ypal${RTL}`;
  const client = await agent(ready, 'pipeline-bot');
  const answer = await query(client, sql, { purpose });
  await client.close();
  expect(answer.status).toBe('approval_required');
  const id = answer.approval?.id ?? '';
  const session = answer.session ?? '';
  const [shown, list, told, found, json, exported] = await Promise.all([
    cli('approvals', 'show', id),
    cli('approvals', 'list'),
    cli('sessions', 'show', session),
    cli('sessions', 'search', mark),
    cli('approvals', 'show', id, '--json'),
    cli('sessions', 'export', session),
  ]);
  for (const text of [shown, list, told, found]) {
    expect(text).toContain(mark);
    expect(text).not.toMatch(UNSEEN);
    expect(text).toContain('⟨U+202E⟩');
  }
  expect(shown).toContain('⟨Latin+Cyrillic⟩');
  expect(json).not.toMatch(UNSEEN);
  expect(JSON.parse(json)).toMatchObject({ statement: sql, purpose });
  const recorded = exported
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind?: string; body?: { statement?: string; purpose?: string } });
  // The session may have had other statements before.
  const own = recorded.find(({ kind, body }) => kind === 'statement_submitted' && body?.statement?.includes(mark));
  expect(own?.body).toMatchObject({ statement: sql, purpose });
});
