/** Whatever names a file, a folder or an address, and names none that can be used: said at once, with what was named, why, and what to do. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { bareEnv, MAIN } from '../support/demo.js';
import { pause, startParts } from '../support/gateways/replicas.mjs';

type Draft = Record<string, Record<string, unknown>> & { policies: unknown; webhooks: unknown[] };

let parts: Awaited<ReturnType<typeof startParts>>;
let config = '';
let good = '';
/** In the tests' folder: a file, a folder, and nothing. */
let FILE = '';
let FOLDER = '';
beforeAll(async () => {
  parts = await startParts({ agents: [{ name: 'sales-bot', groups: ['sales-agents'] }], policies: 'policies' });
  config = parts.configurations[0] ?? '';
  FILE = join(parts.folder, 'a-file');
  FOLDER = join(parts.folder, 'a-folder');
  await writeFile(FILE, 'of nobody');
  await mkdir(FOLDER);
  await mkdir(join(parts.folder, 'policies'));
  await writeFile(
    join(parts.folder, 'policies', 'one.yaml'),
    'policy: one\nprincipals: { groups: [sales-agents] }\nsnowflake: { role: SALES_AGENT, warehouse: AGENT_WH }\nrules:\n  - allow: [select]\n    on: [ANALYTICS.SALES.*]\n',
  );
  good = await readFile(config, 'utf8');
});
afterAll(() => parts.end());

const paths = (): Record<string, string> => ({
  missing: join(parts.folder, 'nowhere'),
  'in a folder that is missing': join(parts.folder, 'nowhere', 'x'),
  'a folder': FOLDER,
  'a file': FILE,
  'below a file': join(FILE, 'x'),
});

function started(args: readonly string[]) {
  const began = performance.now();
  const child = spawn(process.execPath, [MAIN, ...args], { env: bareEnv({ NO_COLOR: '1' }), cwd: parts.folder });
  child.stdin.end();
  const said = { out: '', err: '' };
  child.stdout.on('data', (text: Buffer) => {
    said.out += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    said.err += text.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said, ended, seconds: () => (performance.now() - began) / 1000 };
}

/** What a command says that ends by itself; after a minute it is ended, which fails the test. */
async function ran(args: readonly string[]) {
  const { child, said, ended, seconds } = started(args);
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const code = await ended;
  clearTimeout(timer);
  return { code, ...said, seconds: seconds() };
}

/** With the configuration changed for one run. */
async function withConfig<T>(change: (draft: Draft) => void | Promise<void>, work: () => Promise<T>): Promise<T> {
  const draft = parse(good) as Draft;
  await change(draft);
  await writeFile(config, stringify(draft));
  try {
    return await work();
  } finally {
    await writeFile(config, good);
  }
}

/** One paragraph that names what was given, and no word of the system's own. */
function saysSo(told: { code: number | null; err: string }, ...named: readonly string[]): void {
  expect(told.err).toMatch(/^[A-Z_]+ {2}[^\n]+\n[^\n]+\n$/);
  for (const name of named) expect(told.err).toContain(name);
  expect(told.err).not.toMatch(/UNEXPECTED|^SYSTEM|\bE[A-Z]{4,}\b|lstat|syscall| {4}at /);
  expect(told.code).toBeGreaterThan(0);
}

/** How long a machine that does other things may take for what is done within a second. */
const SOON_S = 15;
const SLOW = { timeout: 60_000 };

const FILE_WANTED = ['missing', 'a folder', 'below a file'];
const FOLDER_WANTED = ['missing', 'a file', 'below a file'];
const NEW_FILE_WANTED = ['in a folder that is missing', 'a folder', 'below a file'];

describe('an option', () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['--config', ['serve', '--config', '@'], FILE_WANTED],
    ['--config', ['sessions', 'list', '--config', '@'], FILE_WANTED],
    ['--data', ['demo', '--port', '0', '--data', '@'], ['a file', 'below a file']],
    ['--policies', ['demo', '--port', '0', '--policies', '@'], FOLDER_WANTED],
    ['--seed', ['demo', '--port', '0', '--seed', '@'], FILE_WANTED],
    ['--ready-file', ['demo', '--port', '0', '--ready-file', '@'], NEW_FILE_WANTED],
    ['--token-file', ['serve', '--stdio', '--config', 'CONFIG', '--token-file', '@'], FILE_WANTED],
    ['', ['policy', 'check', '@'], FOLDER_WANTED],
    ['', ['policy', 'sums', '@'], FOLDER_WANTED],
    ['', ['policy', 'test', 'policies', '@'], FILE_WANTED],
    ['', ['policy', 'explain', 'SELECT 1', '--policies', '@'], FOLDER_WANTED],
    ['', ['keys', 'new', 'signing', '--out', '@'], ['in a folder that is missing', 'below a file']],
    ['--out', ['sessions', 'export', '--config', 'CONFIG', '--out', '@'], NEW_FILE_WANTED],
    ['', ['verify', '--config', 'CONFIG', '--checkpoints', '@'], FILE_WANTED],
    ['', ['verify', '--export', '@', '--key', 'origin+0b6ae0b6+AWpHKBk2mJJDYU8cUPZ0o1hxmlcrkJ1UEvzi5TR3WGYJ'], []],
  ];
  it.each(cases.flatMap(([named, args, kinds]) => kinds.map((kind) => [named, args, kind] as const)))(
    '%s of %j that is %s',
    async (named, args, kind) => {
      const path = paths()[kind] ?? '';
      const told = await ran(args.map((arg) => (arg === '@' ? path : arg === 'CONFIG' ? config : arg)));
      saysSo(told, named, path);
      expect(told.seconds).toBeLessThan(SOON_S);
    },
  );

  it.each(FILE_WANTED)('--export of verify, %s', async (kind) => {
    const { out: key } = await ran(['keys', 'show', '--config', config]);
    const path = paths()[kind] ?? '';
    saysSo(await ran(['verify', '--export', path, '--key', key.trim()]), path);
  });

  it('is not readable', async ({ skip }) => {
    if (process.getuid?.() === 0) skip('root may read everything');
    const path = join(parts.folder, 'closed');
    await writeFile(path, '', { mode: 0 });
    saysSo(await ran(['serve', '--config', path]), path, 'may not');
  });

  it.each(FILE_WANTED)('--token-file and --private-key of connect, %s', async (kind) => {
    const path = paths()[kind] ?? '';
    const issuer = parts.urls[0] ?? '';
    // Nobody is asked before the token is there: the paths alone are wrong.
    for (const more of [
      ['--token-file', path],
      ['--client-id', 'x', '--private-key', path],
    ]) {
      const { err } = await ran(['connect', '--url', issuer, ...more]);
      expect(err).not.toMatch(/UNEXPECTED|^SYSTEM|\bE(?:NOENT|ISDIR|NOTDIR)\b/);
      expect(err).not.toBe('');
    }
  });
});

describe('a value of the configuration', () => {
  const cases: readonly (readonly [string, (draft: Draft, path: string) => void, readonly string[]])[] = [
    ['policies', (draft, path) => Object.assign(draft, { policies: path }), FOLDER_WANTED],
    ['the password', ({ snowflake }, path) => Object.assign(snowflake ?? {}, { password_file: path }), FILE_WANTED],
    [
      'server.tls.cert_file',
      ({ server }, path) => Object.assign(server ?? {}, { tls: { cert_file: path, key_file: path } }),
      FILE_WANTED,
    ],
    [
      'server.tls',
      ({ server }, path) => Object.assign(server ?? {}, { tls: { cert_file: path, key_file: path } }),
      ['a file'],
    ],
    ...['url', 'notary_url', 'reader_url'].map(
      (key) =>
        [
          'transcript: the',
          ({ transcript }: Draft, path: string) => Object.assign(transcript ?? {}, { [`${key}_file`]: path }),
          FILE_WANTED,
        ] as const,
    ),
    ['key', ({ transcript }, path) => Object.assign(transcript ?? {}, { signing_key_file: path }), FILE_WANTED],
    [
      'encryption key 1',
      ({ transcript }, path) => Object.assign(transcript ?? {}, { encryption_keys: [{ file: path }] }),
      FILE_WANTED,
    ],
    [
      'transcript.checkpoints.files',
      ({ transcript }, path) => Object.assign(transcript ?? {}, { checkpoints: { files: [path] } }),
      NEW_FILE_WANTED,
    ],
    [
      'transcript.notary.state',
      ({ transcript }, path) => Object.assign(transcript ?? {}, { notary: { state: path } }),
      NEW_FILE_WANTED,
    ],
    [
      'policies.reload_socket',
      (draft, path) => Object.assign(draft, { policies: { folder: 'policies', reload_socket: path } }),
      ['in a folder that is missing', 'a folder', 'a file', 'below a file'],
    ],
    [
      'webhooks',
      (draft, path) =>
        Object.assign(draft, { webhooks: [{ name: 'siem', url: 'http://127.0.0.1:9/', secret_file: path }] }),
      FILE_WANTED,
    ],
    [
      "console: the client's secret",
      (draft, path) => Object.assign(draft, { console: { client_id: 'x', client_secret_file: path } }),
      FILE_WANTED,
    ],
  ];
  it.each(cases.flatMap(([named, change, kinds]) => kinds.map((kind) => [named, kind, change] as const)))(
    '%s that is %s',
    async (named, kind, change) => {
      const path = paths()[kind] ?? '';
      await withConfig(
        (draft) => change(draft, path),
        async () => {
          const told = await ran(['serve', '--config', config]);
          saysSo(told, named, path);
          expect(told.seconds).toBeLessThan(SOON_S);
        },
      );
    },
  );

  it('sslrootcert in the URL of PostgreSQL', async () => {
    const path = paths()['missing'] ?? '';
    const url = await readFile(join(parts.folder, 'gateway-url'), 'utf8');
    await writeFile(join(parts.folder, 'with-certificate'), `${url}?sslrootcert=${path}`);
    await withConfig(
      ({ transcript }) => void Object.assign(transcript ?? {}, { url_file: 'with-certificate' }),
      async () => saysSo(await ran(['serve', '--config', config]), 'sslrootcert', path),
    );
  });

  it('transcript.retention.archive_to', async () => {
    const admin = join(parts.folder, 'admin-url');
    await writeFile(admin, parts.postgres.url);
    await withConfig(
      ({ transcript }) =>
        void Object.assign(transcript ?? {}, { admin_url_file: admin, retention: { keep: '1d', archive_to: FILE } }),
      async () => saysSo(await ran(['retention', 'run', '--config', config]), 'archive_to', FILE),
    );
  });

  it.each(['192.0.2.1:8787', 'no-such-machine.invalid:8787'])('server.listen: %s', async (listen) => {
    await withConfig(
      ({ server }) => void Object.assign(server ?? {}, { listen, behind_proxy: true }),
      async () => saysSo(await ran(['serve', '--config', config]), 'server.listen', listen),
    );
  });

  it('a port that is taken: by serve, and by the demo', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = String(typeof address === 'object' && address ? address.port : 0);
    await withConfig(
      ({ server }) => void Object.assign(server ?? {}, { listen: `127.0.0.1:${port}` }),
      async () => saysSo(await ran(['serve', '--config', config]), port),
    );
    saysSo(await ran(['demo', '--port', port]), port);
    other.close();
  });
});

/** A URL of PostgreSQL with one thing changed. */
const changed = async (file: string, change: (url: URL) => void): Promise<string> => {
  const url = new URL(await readFile(join(parts.folder, file), 'utf8'));
  change(url);
  await writeFile(join(parts.folder, 'changed'), url.href);
  return 'changed';
};

describe('a store', () => {
  it.each([
    ['url', 'gateway-url', (url: URL) => Object.assign(url, { password: 'wrong' }), /password authentication failed/],
    ['url', 'gateway-url', (url: URL) => Object.assign(url, { username: 'nobody_known' }), /authentication failed/],
    ['url', 'gateway-url', (url: URL) => Object.assign(url, { pathname: '/nowhere' }), /"nowhere" does not exist/],
    ['notary_url', 'notary-url', (url: URL) => Object.assign(url, { password: 'wrong' }), /password/],
    ['reader_url', 'reader-url', (url: URL) => Object.assign(url, { password: 'wrong' }), /password/],
  ])('that never lets %s of %s in ends the start, with why', async (key, file, change, why) => {
    await withConfig(
      async ({ transcript }) =>
        void Object.assign(transcript ?? {}, { [`${key}_file`]: await changed(file, (url) => void change(url)) }),
      async () => {
        const told = await ran(['serve', '--config', config]);
        saysSo(told, `transcript.${key}_env`);
        expect(told.err).toMatch(why);
        expect(told.out).toBe('');
        expect(told.seconds).toBeLessThan(SOON_S);
      },
    );
  });

  it('that does not answer is waited for, and that is said without a stack', async () => {
    await withConfig(
      async ({ transcript }) =>
        void Object.assign(transcript ?? {}, {
          url_file: await changed('gateway-url', (url) => void Object.assign(url, { port: '9' })),
        }),
      async () => {
        const { child, said, ended } = started(['serve', '--config', config]);
        await expect.poll(() => said.out, SLOW).toContain('the transcript store is not reachable');
        await expect
          .poll(
            () =>
              fetch(new URL('/readyz', parts.urls[0]), { headers: { connection: 'close' } }).then(
                ({ status }) => status,
                () => 0,
              ),
            SLOW,
          )
          .toBe(503);
        child.kill('SIGTERM');
        await ended;
        expect(said.out).toMatch(/nobody listens there/);
        expect(said.out).not.toMatch(/"stack"| {4}at /);
      },
    );
  });
});

it('an empty folder of policies and an issuer that nobody reaches are said at the start, and by doctor', async () => {
  await mkdir(join(parts.folder, 'empty'), { recursive: true });
  const issuer = 'http://127.0.0.1:9/realm';
  await withConfig(
    (draft) => {
      const [first] = (draft['identity'] as { issuers: Record<string, unknown>[] }).issuers;
      Object.assign(first ?? {}, { issuer });
      draft.policies = 'empty';
    },
    async () => {
      const { child, said, ended } = started(['serve', '--config', config]);
      await expect.poll(() => said.out, SLOW).toMatch(/snowfence is listening/);
      await expect.poll(() => said.out, SLOW).toMatch(/an identity provider can not be asked/);
      expect(said.out).toMatch(/holds no policy: everything is denied/);
      expect(said.out).toContain(issuer);
      await pause(100);
      child.kill('SIGTERM');
      await ended;
      const { code, out } = await ran(['doctor', '--config', config]);
      expect(code).toBe(1);
      expect(out).toMatch(/holds no policy/);
      expect(out).toMatch(/without one everything is denied/);
      expect(out).toContain(issuer);
    },
  );
});
