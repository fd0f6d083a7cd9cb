/** What a configuration may not say, since it would open a door without a word: addresses without TLS, wide bounds. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationFolder, type Draft } from '../support/configuration.js';

let folder: ConfigurationFolder;
beforeAll(async () => {
  folder = await ConfigurationFolder.make();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Each place of an address over HTTP, and the key that a refusal names. */
const PLACES: readonly (readonly [string, (draft: Draft, address: string) => void | Promise<void>])[] = [
  [
    'server.public_url',
    (draft, address) => {
      draft.server['public_url'] = address;
    },
  ],
  [
    'snowflake.access_url',
    (draft, address) => {
      draft.snowflake['access_url'] = address;
    },
  ],
  [
    'identity.issuers.0.issuer',
    (draft, address) => {
      draft.identity.issuers = [{ issuer: address, audience: 'a' }];
    },
  ],
  [
    'console.issuer',
    (draft, address) => {
      draft.identity.issuers = [{ issuer: address, audience: 'a' }];
      draft.console['issuer'] = address;
    },
  ],
  [
    'console.reviewers',
    (draft, address) => {
      draft.identity.issuers = [{ issuer: address, audience: 'a' }];
      draft.console['reviewers'] = [{ issuer: address, groups: ['a'] }];
    },
  ],
  [
    'transcript.auditors',
    (draft, address) => {
      draft.identity.issuers = [{ issuer: address, audience: 'a' }];
      draft.transcript['auditors'] = [{ issuer: address, groups: ['a'] }];
    },
  ],
  [
    'webhooks',
    (draft, address) => {
      draft.webhooks = [{ name: 'siem', format: 'slack', url: address }];
    },
  ],
  [
    'webhooks',
    async (draft, address) => {
      draft.webhooks = [{ name: 'siem', format: 'slack', url_file: await folder.secret('hook', address) }];
    },
  ],
];

const ELSEWHERE = [
  'http://service.example.com',
  'HTTP://service.example.com',
  'http://10.0.0.7:8080',
  'http://service',
  'http://127.0.0.1.example.com',
  'http://localhost.example.com',
  'http://[::ffff:10.0.0.7]',
  'http://0.0.0.0:80',
  'ftp://service.example.com',
  'file:///etc/passwd',
  'ws://127.0.0.1',
  'service.example.com',
  'https://user:password@service.example.com',
  'https://user@127.0.0.1',
];
const HERE = ['http://127.0.0.1:8085', 'http://127.8.9.1', 'http://localhost:9', 'http://[::1]:9', 'http://127.1'];

describe.each(PLACES)('an address under %s', (place, put) => {
  it.each(ELSEWHERE)('is refused as %s', async (address) => {
    const said = await folder.tried((draft) => put(draft, address));
    expect(said).toBeTypeOf('string');
    expect(said).toContain(place);
    if (place !== 'webhooks') expect(said).toMatch(/snowfence\.yaml:\d+:\d+ /);
    expect(said).toMatch(/https|Leave both out/i);
    expect(said).not.toContain('password@');
  });

  it.each([...HERE, 'https://service.example.com', 'https://service.example.com:8443/path'])(
    'is taken as %s',
    async (address) => {
      expect(await folder.tried((draft) => put(draft, address))).toBeTypeOf('object');
    },
  );

  it('is refused where no certificate would be checked', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await folder.tried((draft) => put(draft, 'https://service.example.com'))).toContain(
        'NODE_TLS_REJECT_UNAUTHORIZED',
      );
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });
});

describe('an identifier', () => {
  it.each([
    'https://login.example.com//realm',
    'https://login.example.com/realm//',
    'https://login.example.com/a/../b',
    'https://login.example.com/./b',
    'https://login.example.com/%2E%2e/b',
    'https://login.example.com/a%2Fb',
    'https://login.example.com/a%5cb',
    'https://login.example.com/a\\b',
    'https://login.example.com/a?b=c',
    'https://login.example.com/?',
    'https://login.example.com/#',
    'https://login.example.com/ a',
  ])('is refused in another spelling: %s', async (address) => {
    for (const put of [PLACES[0], PLACES[2]])
      expect(await folder.tried((draft) => put?.[1](draft, address))).toMatch(
        /query or a fragment|Write it as it names/,
      );
  });
});

describe('the server', () => {
  it.each([
    ['elsewhere without TLS', { listen: '0.0.0.0:1' }, /neither server\.tls nor server\.behind_proxy/],
    ['behind a proxy without its address', { listen: '0.0.0.0:1', behind_proxy: true }, /no server\.public_url/],
    [
      'behind a proxy that speaks in clear',
      { listen: '0.0.0.0:1', behind_proxy: true, public_url: 'http://snowfence.corp.example/mcp' },
      /server\.public_url: http:\/\/snowfence\.corp\.example is reached without TLS/,
    ],
    ['at a port that is none', { listen: '127.0.0.1:65536' }, /a port up to 65535/],
  ])('is refused %s', async (_name, server, said) => {
    expect(
      await folder.tried((draft) => {
        draft.server = server;
      }),
    ).toMatch(said);
  });
});

/** Numbers whose being large, or none, would weaken something. */
const BOUNDS: readonly (readonly [
  string,
  (draft: Draft, value: unknown) => void,
  readonly unknown[],
  readonly unknown[],
])[] = [
  [
    'clock_skew',
    (draft, value) => Object.assign(draft.identity.issuers[0] ?? {}, { clock_skew: value }),
    ['0s', '30s', '5m'],
    ['301s', '6m', '600m', '999999999m', '-1s', '1h', '1e3s', 30],
  ],
  [
    'connect_timeout',
    (draft, value) => Object.assign(draft.snowflake, { connect_timeout: value }),
    ['1s', '5m'],
    ['0s', '6m', '99999999999999999999s'],
  ],
  ['grace', (draft, value) => Object.assign(draft, { shutdown: { grace: value } }), ['0s', '10m'], ['11m', '999999m']],
  [
    'every',
    (draft, value) => Object.assign(draft.transcript, { checkpoints: { every: value } }),
    ['1s', '60m'],
    ['0s', '61m'],
  ],
  [
    'settle_after',
    (draft, value) => Object.assign(draft.transcript, { settle_after: value }),
    ['3s', '10m'],
    ['2s', '11m'],
  ],
  [
    'keep',
    (draft, value) => Object.assign(draft.transcript, { retention: { keep: value } }),
    ['1d', '400d'],
    ['0d', '00d'],
  ],
  ['session', (draft, value) => Object.assign(draft.console, { session: value }), ['1m', '168h'], ['0m', '169h']],
  ['idle', (draft, value) => Object.assign(draft.console, { idle: value }), ['1m', '8h'], ['0m', '169h']],
];

describe.each(BOUNDS)('%s', (key, put, within, beyond) => {
  it.each(within)('may be %s', async (value) => {
    expect(await folder.tried((draft) => put(draft, value))).toBeTypeOf('object');
  });
  it.each(beyond)('may not be %s', async (value) => {
    expect(await folder.tried((draft) => put(draft, value))).toMatch(
      new RegExp(`snowfence\\.yaml:\\d+:\\d+ [\\w.]*${key} is `),
    );
  });
});

describe('PostgreSQL', () => {
  const tried = (url: string, more: Record<string, unknown> = {}, key = 'url') =>
    folder.tried(async (draft) => {
      Object.assign(draft.transcript, more, { [`${key}_file`]: await folder.secret('other-url', url) });
    });
  const of = (rest: string, user = 'other'): string => `postgres://${user}:of-a-test@${rest}`;

  it.each(['url', 'notary_url', 'reader_url'])('is not reached in clear elsewhere: %s', async (key) => {
    const said = await tried(of('db.example.com/x?sslmode=disable'), {}, key);
    expect(said).toMatch(/says sslmode=disable, and db\.example\.com is not this machine/);
    expect(said).not.toContain('of-a-test');
    expect(await tried(of('db.example.com/x'), {}, key)).toBeTypeOf('object');
  });

  it('is not reached in clear by the administrator', async () => {
    const config = await tried(of('db.example.com/x?sslmode=disable'), {}, 'admin_url');
    if (typeof config === 'string') throw new Error(config);
    await expect(config.adminUrl()).rejects.toThrow('in clear');
  });

  it.each([
    'sslmode=prefer',
    'sslmode=allow',
    'sslmode=no-verify',
    'sslmode=',
    'sslmode=verify-full&sslmode=disable',
    'ssl=0',
    'ssl=true',
    'uselibpqcompat=true&sslmode=require',
    'host=db.example.com',
    'host=/var/run/postgresql&host=db.example.com',
    'hostaddr=10.0.0.7',
    'user=postgres',
    'options=-c%20row_security%3Don',
    'statement_timeout=0',
  ])('is refused with a parameter that says more than it seems: %s', async (parameter) => {
    expect(await tried(of(`127.0.0.1/x?${parameter}`))).toBeTypeOf('string');
    expect(await tried(of(`db.example.com/x?${parameter}`), { tls: 'disable' })).toBeTypeOf('string');
  });

  it('is reached in clear where the configuration says so in words, and only then', async () => {
    const config = await tried(of('db.example.com/x'), { tls: 'disable' });
    expect(config).toMatchObject({ databaseUrl: of('db.example.com/x?sslmode=disable') });
    expect(await tried(of('db.example.com/x'))).toMatchObject({ databaseUrl: of('db.example.com/x') });
    expect(await tried(of('127.0.0.1/x'), { tls: 'disable' })).toMatchObject({ databaseUrl: of('127.0.0.1/x') });
    expect(await tried(of('db.example.com/x'), { tls: 'off' })).toMatch(/snowfence\.yaml:\d+:\d+ transcript\.tls/);
  });
});
