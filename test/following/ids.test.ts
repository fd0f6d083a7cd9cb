/** Ids as people type them, and what commands say of those that mean nothing, or too much. Keys that go into files. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { agent, cli, type QueryAnswer, query, tokenOf } from '../support/demo.js';

const ready = inject('ready');
let pipeline: Client;
let asked: QueryAnswer;

beforeAll(async () => {
  pipeline = await agent(ready, 'pipeline-bot');
  asked = await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 3201', { purpose: 'Ids.' });
});
afterAll(() => pipeline.close());

const here = ['--config', ready.config_file];

describe('an id', () => {
  it('of a session may be its beginning: shown, played, exported', async () => {
    const id = asked.session ?? '';
    // Of ids that begin with the time so much is one's alone.
    const short = id.slice(0, 20);
    expect((await cli(['sessions', 'show', short, ...here])).said.split('\n')[0]).toContain(id);
    expect((await cli(['sessions', 'replay', short, '--speed', '1000', '--max-pause', '0.001', ...here])).code).toBe(0);
    expect((await cli(['sessions', 'export', short, ...here])).said).toContain(`"session":"${id}"`);
  });

  it('of an approval may be its beginning: shown and decided on', async () => {
    const id = asked.approval?.id ?? '';
    const short = id.slice(0, 8);
    expect((await cli(['approvals', 'show', short, ...here])).said).toContain(id);
    // Of what is decided on, more than anybody can make to begin the same.
    const few = await cli(['approvals', 'deny', id.slice(0, 5), ...here], tokenOf(ready, 'steward'));
    expect(few).toMatchObject({ code: 2, said: expect.stringContaining(`the approval that begins so is ${id}.`) });
    expect(few.said).toContain('Type its first 8 characters or more.');
    const denied = await cli(['approvals', 'deny', short, ...here], tokenOf(ready, 'steward'));
    expect(denied).toMatchObject({ code: 0 });
    const answer = await pipeline.callTool({ name: 'approval', arguments: { id } });
    expect(answer.structuredContent).toMatchObject({ denial: { code: 'APPROVAL_DENIED' } });
  });

  it('of a standing approval and of a hold may be its beginning', async () => {
    const waits = await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 3202', {
      purpose: 'Ids.',
    });
    const id = waits.approval?.id ?? '';
    const given = ['approvals', 'approve', id.slice(0, 8), '--standing', '1h', ...here];
    expect(await cli(given, tokenOf(ready, 'steward'))).toMatchObject({ code: 0 });
    const listed = JSON.parse((await cli(['approvals', 'standing', '--json', ...here])).said) as { id: string }[];
    const standing = listed.find((one) => one.id !== '')?.id ?? '';
    const revoked = await cli(['approvals', 'revoke', standing.slice(0, 8), ...here], tokenOf(ready, 'steward'));
    expect(revoked).toMatchObject({ code: 0, said: expect.stringContaining('Revoked') });
    const session = (asked.session ?? '').slice(0, 20);
    const held = await cli(['retention', 'hold', '--session', session, '--reason', 'Ids.', ...here]);
    const hold = /Hold (\S+) is in force/.exec(held.said)?.[1] ?? '';
    expect((await cli(['retention', 'lift', hold.slice(0, 8), ...here])).said).toContain(`Hold ${hold} is lifted.`);
  });

  it('that several begin with is told with these', async () => {
    // Ids of sessions begin with the time.
    const { code, said } = await cli(['sessions', 'show', (asked.session ?? '').slice(0, 4), ...here]);
    if (code === 0) return expect((await cli(['sessions', 'list', ...here])).said.split('\n')).toHaveLength(2);
    expect(said).toMatch(/^AMBIGUOUS_ID {2}Several sessions begin with [0-9a-f]{4}: [0-9a-f-]{36}, [0-9a-f-]{36}/);
    expect(said).toContain('Type more of it.');
  });

  it.each([
    [['sessions', 'show', 'zzzz'], 'UNKNOWN_SESSION', 'is no session id'],
    [['sessions', 'show', '0'], 'UNKNOWN_SESSION', 'is no session id'],
    [['sessions', 'replay', '00000000'], 'UNKNOWN_SESSION', 'whose id begins with 00000000'],
    [['sessions', 'export', '00000000-0000-0000-0000-000000000000'], 'UNKNOWN_SESSION', 'There is no session'],
    [['approvals', 'show', 'nothing'], 'UNKNOWN_APPROVAL', 'is no approval id'],
    [['approvals', 'show', '0000'], 'UNKNOWN_APPROVAL', 'approvals list --all'],
  ] as [string[], string, string][])('%j that means nothing says so', async (args, code, words) => {
    const { said } = await cli([...args, ...here]);
    expect(said).toContain(code);
    expect(said).toContain(words);
    expect(said).not.toContain('    at ');
  });

  it('of nobody: a list by an agent that has none says so', async () => {
    expect((await cli(['sessions', 'list', '--agent', 'nobody', ...here])).said).toContain(
      'No session of nobody is recorded.',
    );
  });
});

describe('a new key', () => {
  it.each(['signing', 'encryption', 'webhook'])(
    'of the kind %s goes into a file of its owner’s, once',
    async (kind) => {
      const folder = await mkdtemp(join(tmpdir(), 'snowfence-key-'));
      try {
        const file = join(folder, 'key');
        const { said } = await cli(['keys', 'new', kind, '--out', file]);
        expect((await stat(file)).mode & 0o777).toBe(0o600);
        const key = await readFile(file, 'utf8');
        expect(key.length).toBeGreaterThan(40);
        expect(said).not.toContain(key.trim());
        const again = await cli(['keys', 'new', kind, '--out', file]);
        expect(again).toMatchObject({ code: 1, said: expect.stringContaining('is there already') });
        expect(await readFile(file, 'utf8')).toBe(key);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});
