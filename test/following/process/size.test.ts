/** A database of 50,000 objects, from outside: an agent goes through all of it, others mistype names, and the gateway's process stays small. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { callerOf } from '../../support/caller.mjs';
import { manyNames, manyObjects, policyOverMany } from '../../support/gateways/many-objects.mjs';
import { type Parts, type StartedGateway, startGateway, startParts } from '../../support/gateways/replicas.mjs';
import { Whole } from '../../support/gateways/whole.js';

const OBJECTS = 50_000;
/** Of the gateway's process, whatever is asked of it here: some 250 MB that it has anyhow, and the bounds of what it holds of the catalog (152 MB) with room for what is not collected yet. */
const MOST_MEMORY = 600_000_000;
const AGENTS = ['first', 'second'];

let folder: string;
let parts: Parts;
let gateway: StartedGateway;
let clients: Client[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-size-'));
  for (const group of AGENTS)
    await writeFile(join(folder, `${group}.yaml`), policyOverMany(group, `${group}_role`.toUpperCase()));
  const seeds = [await manyObjects(folder, OBJECTS)];
  parts = await startParts({ agents: AGENTS.map((name) => ({ name, groups: [name] })), policies: folder, seeds });
  gateway = await startGateway(parts.configurations[0] ?? '', parts.urls[0] ?? '');
  clients = await Promise.all(
    parts.tokens.map(async (token) => {
      const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
      const authProvider = { token: async () => token };
      await client.connect(new StreamableHTTPClientTransport(new URL(parts.urls[0] ?? ''), { authProvider }));
      return client;
    }),
  );
});
afterAll(async () => {
  for (const client of clients ?? []) await client.close();
  gateway?.child.kill('SIGKILL');
  await gateway?.ended;
  await parts?.end();
  await rm(folder, { recursive: true, force: true });
});

const call = async (client: Client | undefined, name: string, args: Record<string, unknown>) =>
  (await client?.callTool({ name, arguments: args }))?.structuredContent as Record<string, unknown>;

/** Numbers of /metrics, those of one name together. */
async function measured(name: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', parts.urls[0]))).text();
  return text
    .split('\n')
    .filter((line) => new RegExp(`^${name}(?:\\{| )`).test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
const own = () => measured('snowfence_own_statements_total');
async function memory(): Promise<number> {
  const bytes = await measured('snowfence_process_process_resident_memory_bytes');
  expect(bytes).toBeGreaterThan(10_000_000);
  return bytes;
}

/** All that the describe tool lists, by its cursor. */
async function listed(client: Client | undefined, object?: string): Promise<{ names: string[]; answers: number }> {
  const names: string[] = [];
  let cursor: unknown;
  for (let answers = 1; ; answers++) {
    const answer = await call(client, 'describe', {
      ...(object === undefined ? {} : { object }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const entry of answer['objects'] as { object: string }[]) names.push(entry.object);
    cursor = answer['cursor'];
    expect(answer['truncated']).toBe(cursor !== null);
    if (cursor === null) return { names, answers };
  }
}

describe('a database of 50,000 objects', () => {
  const expected = manyNames(OBJECTS).map(({ schema, name }) => `BIG.${schema}.${name}`);

  it('takes as many statements for its first answer as it has to go through, and few for one table of it', async () => {
    const before = await own();
    await call(clients[0], 'describe', { object: 'BIG' });
    // Two for the session, one that shows it is large, one for its schemas, one page.
    expect((await own()) - before).toBeLessThanOrEqual(5);
    const then = await own();
    expect(await call(clients[0], 'query', { sql: 'SELECT ID FROM BIG.MARTS.EVENTS_000003' })).toMatchObject({
      status: 'ok',
    });
    expect((await own()) - then).toBe(3);
  });

  it.each([0, 1])('is gone through by the cursor, nothing missing and nothing twice: agent %i', async (at) => {
    const [before, began] = [await own(), performance.now()];
    const { names, answers } = await listed(clients[at], 'BIG');
    expect(answers).toBe(OBJECTS / 500);
    expect(names).toHaveLength(OBJECTS);
    expect(new Set(names).size).toBe(OBJECTS);
    expect([...names].sort()).toEqual([...expected].sort());
    // A page is read once, and once more for each minute that somebody is still at it.
    const minutes = (performance.now() - began) / 60_000;
    expect((await own()) - before).toBeLessThanOrEqual(11 + Math.ceil(minutes));
    expect(await memory()).toBeLessThan(MOST_MEMORY);
  });

  it('costs whoever mistypes its names one statement for each, and no list of all of it', async () => {
    const before = await own();
    for (let at = 0; at < 100; at++) {
      const sql = `SELECT ID FROM BIG.MARTS.EVNTS_${String(at).padStart(6, '0')}`;
      expect(await call(clients[0], 'query', { sql })).toMatchObject({ denial: { code: 'OBJECT_DENIED' } });
    }
    const hinted = await call(clients[0], 'query', { sql: 'SELECT ID FROM BIG.LANDING.EVENTS_00100' });
    expect((hinted['denial'] as { hint: string }).hint).toContain('Did you mean BIG.');
    expect((await own()) - before).toBeLessThanOrEqual(101 + 4);
    expect(await memory()).toBeLessThan(MOST_MEMORY);
  });

  it('keeps the process small also where a thousand of its tables are looked up', async () => {
    for (let from = 0; from < 1000; from += 20)
      await Promise.all(
        expected
          .slice(from, from + 20)
          .map((object, at) => call(clients[at % 2], 'describe', { object }).then((answer) => answer['columns'])),
      );
    expect(await memory()).toBeLessThan(MOST_MEMORY);
    console.log(`resident: ${((await memory()) / 1e6).toFixed(0)} MB of ${MOST_MEMORY / 1e6}`);
  });
});

describe('an hour of work over 50,000 objects', () => {
  it('costs a plan for each new text, a table in use two statements within a minute, a list the page that is read', async () => {
    const [seed, group] = [await manyObjects(folder, OBJECTS), 'g'];
    await using whole = await Whole.start([], { databases: ['DB', 'BIG'], seeds: [seed] });
    const { gateway: here } = await whole.gateway(
      'rules: [{ allow: [read], on: [BIG.*.*] }]\ncolumns: [{ match: [BIG.*.*.MAIL], mask: email }]\n',
    );
    const bot = callerOf('bot', [group]);
    const tables = manyNames(OBJECTS).filter(({ isView }) => !isView);
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      let place: Parameters<typeof here.visible.objects>[3]['after'];
      let seen = 0;
      for (let at = 0; at < 360; at++) {
        // Each ten seconds: 500 more of the list, and a new text over one of six tables; each minute a name that is not there.
        const { objects, next } = await here.visible.objects(bot.principal, 'BIG', undefined, {
          limit: 500,
          after: place,
        });
        place = next;
        seen += objects.length;
        const { schema, name } = tables[at % 6] ?? { schema: '', name: '' };
        expect((await here.query(bot, { sql: `SELECT MAIL, ${at} FROM BIG.${schema}.${name}` })).status).toBe('ok');
        if (at % 6 === 0)
          expect((await here.query(bot, { sql: `SELECT 1 FROM BIG.MARTS.EVNTS_${at}` })).status).toBe('denied');
        vi.advanceTimersByTime(10_000);
      }
      expect(seen).toBe(360 * 500);
      const counts: Record<string, number> = {};
      for (const what of whole.own) counts[what] = (counts[what] ?? 0) + 1;
      console.log(`an hour: ${JSON.stringify(counts)}`);
      expect(counts['EXPLAIN']).toBe(360);
      // Six tables, each asked for once a minute.
      expect(counts['DESCRIBE']).toBeLessThanOrEqual(6 * 60);
      // The same again, 60 names, and of the list what is read within a minute: at most two pages, and those that come between schemas.
      expect(counts['SHOW OBJECTS']).toBeLessThanOrEqual(6 * 60 + 60 + 61 + 60 * 2);
      expect(counts['SHOW SCHEMAS']).toBeLessThanOrEqual(80);
      expect(whole.own.length).toBeLessThan(1500);
    } finally {
      vi.useRealTimers();
    }
  });
});
