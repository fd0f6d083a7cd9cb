/**
 * Who follows the record gets each event once and in order: an export that goes on, the console's stream and a webhook, over 12,000 events
 * (COUNT), across 9,999 and 10,000 and, after that, across 10,000,000, while the follower, the gateway and PostgreSQL are each killed once.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadConfig } from '../../dist/config/config.js';
import { Demo } from '../../dist/demo/demo.js';
import { recordMask } from '../../dist/gateway/record/recorded.js';
import { storePool, TranscriptStore, timeOrderedId } from '../../dist/transcript/index.js';
import { ACCEPTANCE, MAIN } from '../support/demo.js';
import { startGateway } from '../support/gateways/replicas.mjs';
import { Person } from '../support/outside/person.js';
import { Receiver } from '../support/outside/receiver.js';
import { actor, client } from '../transcript/fill.mjs';

const COUNT = Number(process.env['COUNT'] ?? 12_000);
/** Events after the numbers jump to just before ten million. */
const BEYOND = 400;
const JUMP_TO = 9_999_800;
const PATIENT = { timeout: 240_000, interval: 200 };

let demo: Demo;
let admin: ReturnType<typeof storePool>;
let receiver: Receiver;
let store: TranscriptStore;
let follower: Follower;
let stream: Stream;
let gateway: Awaited<ReturnType<typeof startGateway>> | undefined;
const problems: string[] = [];

/** Where nothing is expected yet. */
async function until(isDone: () => Promise<boolean>): Promise<void> {
  const last = Date.now() + PATIENT.timeout;
  while (!(await isDone())) {
    if (Date.now() > last) throw new Error('it took too long');
    await pause(PATIENT.interval);
  }
}

const isReady = (): Promise<boolean> =>
  fetch(new URL('/readyz', demo.ready.mcp_url)).then(
    ({ ok }) => ok,
    () => false,
  );

/** Kills the gateway, if it is one of ours, and starts another. */
async function restartGateway(): Promise<void> {
  gateway?.child.kill('SIGKILL');
  await gateway?.ended;
  gateway = await startGateway(demo.ready.config_file, demo.ready.mcp_url);
}

/** What a killed process wrote half is no line, wherever it was cut; undefined. An event that is lost by that would be missed. */
function whole(line: string): { readonly type: string; readonly sequence: string } | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** `sessions export --follow`, begun again after its last event where it ends. */
class Follower {
  readonly lines: { readonly sequence: string }[] = [];
  restarts = 0;
  readonly #after: string;
  #child: ChildProcess | undefined;
  #isOver = false;

  constructor(after: string) {
    this.#after = after;
    this.#begin();
  }

  #begin(): void {
    const after = this.lines.at(-1)?.sequence ?? this.#after;
    const args = ['sessions', 'export', '--format', 'jsonl', '--follow', '--after', after];
    const child = spawn(process.execPath, [MAIN, ...args, '--config', demo.ready.config_file], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = whole(line);
      if (event?.type === 'event') this.lines.push(event);
    });
    child.once('close', () => {
      if (this.#isOver) return;
      this.restarts++;
      setTimeout(() => this.#begin(), 300);
    });
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  end(): void {
    this.#isOver = true;
    this.#child?.kill('SIGTERM');
  }
}

/** The console's stream, as a browser's EventSource reads it: it comes back with the id of what it heard last. */
class Stream {
  readonly sequences: string[] = [];
  connections = 0;
  readonly #person: Person;
  #lastId: string | undefined;
  readonly #over = new AbortController();

  constructor(person: Person) {
    this.#person = person;
    void this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#listen().catch(() => undefined);
      await pause(500);
    }
  }

  async #listen(): Promise<void> {
    const response = await this.#person.fetch('/api/stream', {
      headers: {
        accept: 'text/event-stream',
        ...(this.#lastId === undefined ? {} : { 'last-event-id': this.#lastId }),
      },
      signal: this.#over.signal,
    });
    if (!response.ok || !response.body) throw new Error(`the stream answers ${response.status}`);
    let text = '';
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      text += decoder.decode(read.value, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        this.#take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  }

  #take(message: string): void {
    const field = (name: string): string | undefined =>
      message
        .split('\n')
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2);
    if (field('event') === 'hello') this.connections++;
    if (field('event') !== 'events') return;
    this.#lastId = field('id');
    const events: { readonly sequence: string }[] = JSON.parse(field('data') ?? '[]');
    this.sequences.push(...events.map(({ sequence }) => sequence));
  }

  end(): void {
    this.#over.abort();
  }
}

beforeAll(async () => {
  demo = await Demo.start(ACCEPTANCE, () => undefined);
  const { ready } = demo;
  admin = storePool(ready.database_url, 30_000, 2);
  const secret = Buffer.alloc(32, 7);
  receiver = await Receiver.start(secret);
  // The demo's own gateway with a webhook: it reads its configuration when it is started again.
  const folder = dirname(ready.config_file);
  await writeFile(join(folder, 'webhook-secret'), `whsec_${secret.toString('base64')}`, { mode: 0o600 });
  const written = parse(await readFile(ready.config_file, 'utf8'));
  written.webhooks = [{ name: 'siem', url: receiver.url, secret_file: join(folder, 'webhook-secret') }];
  await writeFile(ready.config_file, stringify(written));
  process.kill(ready.pids.gateway, 'SIGKILL');
  await until(async () => !(await isReady()));
  await restartGateway();
  const person = new Person(ready);
  await person.signIn('auditor');
  stream = new Stream(person);
  await until(async () => stream.connections === 1);
  const config = await loadConfig(ready.config_file);
  store = new TranscriptStore(config.databaseUrl, {
    keys: config.keys,
    mask: recordMask(),
    writer: { actor: 'gateway', subject: 'writer', groups: [] },
    onError: () => undefined,
    onIntegrityProblem: (problem) => problems.push(problem),
  });
});
afterAll(async () => {
  follower?.end();
  stream?.end();
  await store?.[Symbol.asyncDispose]().catch(() => undefined);
  gateway?.child.kill('SIGTERM');
  await gateway?.ended;
  await admin?.end();
  await receiver?.[Symbol.asyncDispose]();
  await demo?.[Symbol.asyncDispose]();
});

interface Stored {
  readonly sequence: string;
  readonly session: string;
  readonly position: number;
}
const TRUTH = `
  SELECT e.sequence::text AS sequence, e.session_id AS session, e.position::float8 AS position FROM event e
  WHERE e.sequence > $1 ORDER BY e.sequence`;
const truthAfter = async (sequence: string): Promise<readonly Stored[]> =>
  (await admin.query<Stored>(TRUTH, [sequence])).rows;

const sessions: string[] = [];
/** Events in some sessions at once, until so many are made; what the store did not take for sure is not counted. */
async function write(from: number, upTo: number): Promise<void> {
  for (let made = from; made < upTo; ) {
    try {
      if (sessions.length < 12 || made % 400 === 0)
        sessions.push(
          await store.sessions.find({ ...actor('sales-bot'), tokenId: timeOrderedId() }, client, undefined),
        );
      await store.recorder.appendAll(
        Array.from({ length: 5 }, (_, index) => ({
          kind: 'rows_fetched' as const,
          sessionId: sessions[(made / 5) % sessions.length],
          statementId: undefined,
          body: { rows: made + index },
        })),
      );
      made += 5;
    } catch {
      await pause(200);
    }
  }
}

it(`${COUNT} events reach whoever follows, once and in order`, async () => {
  const [newest] = (await admin.query<{ n: string }>('SELECT max(e.sequence)::text AS n FROM event e')).rows;
  const start = newest?.n ?? '0';
  follower = new Follower(start);
  await write(0, COUNT * 0.3);
  follower.kill();
  await write(COUNT * 0.3, COUNT * 0.55);
  await restartGateway();
  await write(COUNT * 0.55, COUNT * 0.81);
  process.kill(demo.ready.pids.postgres, 'SIGKILL');
  await write(COUNT * 0.81, COUNT);
  await expect.poll(isReady, PATIENT).toBe(true);
  // Numbers of eight digits come behind those of seven.
  const beforeJump = (await truthAfter(start)).at(-1)?.sequence ?? '0';
  await admin.query(`SELECT setval('event_sequence', ${JUMP_TO})`);
  await write(0, BEYOND);

  /** All that is there at this moment: looks and deliveries write events of their own. */
  const all = await truthAfter(start);
  const last = all.at(-1)?.sequence ?? '0';
  expect(BigInt(last) > 10_000_000n && BigInt(start) < 9_999n).toBe(true);
  if (COUNT >= 12_000) expect(BigInt(beforeJump) > 10_000n).toBe(true);
  const isUpTo = (sequence: string): boolean => BigInt(sequence) <= BigInt(last);
  const hasAll = (newestHeard: string | undefined): boolean => BigInt(newestHeard ?? '0') >= BigInt(last);
  const wanted = all.map(({ sequence }) => sequence);

  await expect.poll(() => hasAll(follower.lines.at(-1)?.sequence), PATIENT).toBe(true);
  expect(follower.lines.map(({ sequence }) => sequence).filter(isUpTo)).toEqual(wanted);
  expect(follower.restarts).toBeGreaterThanOrEqual(1);

  await expect.poll(() => hasAll(stream.sequences.at(-1)), PATIENT).toBe(true);
  const streamed = stream.sequences.filter(isUpTo);
  const first = BigInt(streamed[0] ?? '0');
  expect(first <= BigInt(wanted[0] ?? '0')).toBe(true);
  expect(streamed).toEqual((await truthAfter(String(first - 1n))).map(({ sequence }) => sequence).filter(isUpTo));
  expect(stream.connections).toBeGreaterThanOrEqual(2);

  const own = all.filter(({ session }) => sessions.includes(session));
  // One that is sent again has the id of the first.
  const arrived = (): readonly string[] => [...new Set(receiver.received.map(({ id }) => id))];
  const hasArrived = (): number => {
    const ids = new Set(arrived());
    return own.filter(({ session, position }) => ids.has(`${session}.${position}`)).length;
  };
  await expect.poll(hasArrived, { timeout: 400_000, interval: 3000 }).toBe(own.length);
  const bySession = new Map<string, string[]>();
  for (const id of arrived()) {
    const session = id.slice(0, 36);
    bySession.set(session, [...(bySession.get(session) ?? []), id]);
  }
  for (const session of new Set(own.map((event) => event.session)))
    expect(bySession.get(session)).toEqual(bySession.get(session)?.map((_, index) => `${session}.${index}`));
  expect([...receiver.problems, ...problems]).toEqual([]);
  console.log(
    `${wanted.length} events: ${follower.restarts} followers after the first, ${stream.connections} streams, ${receiver.received.length} deliveries`,
  );
});
