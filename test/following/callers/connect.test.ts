/** `snowfence connect` before a gateway or an identity provider that is not the one that was meant: what it gives them, and what it says. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { opener } from '../../../dist/cli/connect/browser.js';
import { bareEnv, MAIN } from '../../support/demo.js';
import { metadataOf } from '../../support/outside/issuer.mjs';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that writes down all that it is given. */
class Listener {
  readonly server: Server;
  readonly heard: string[] = [];
  answers: Record<string, Answer | object> = {};

  constructor() {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => {
        body += part.toString();
      });
      request.on('end', () => {
        const path = (request.url ?? '').split('?')[0] ?? '';
        this.heard.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''} ${body}`);
        const answer = this.answers[path];
        if (typeof answer === 'function') (answer as Answer)(request, response);
        else if (answer) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
        else response.writeHead(404).end();
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** As an authorization server that gives everybody a token. */
  provides(more: object = {}, audience: unknown = `${gateway.url}/mcp`): void {
    const { url } = this;
    this.answers = {
      '/.well-known/openid-configuration': metadataOf(url, {
        id_token_signing_alg_values_supported: ['RS256'],
        ...more,
      }),
      '/token': { access_token: tokenFor(audience), token_type: 'bearer', expires_in: 3600 },
    };
  }

  /** As a gateway's metadata say it. */
  protects(issuers: readonly string[], resource = `${this.url}/mcp`): void {
    this.answers = {
      '/.well-known/oauth-protected-resource/mcp': { resource, authorization_servers: issuers },
    };
  }
}

/** Of a provider that nobody checks here. */
const tokenFor = (aud: unknown): string =>
  ['{"alg":"ES256"}', JSON.stringify({ aud }), 'TOKEN']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');

const SECRET = 'the-clients-secret';
let gateway: Listener;
let first: Listener;
let second: Listener;
let state: string;

beforeAll(async () => {
  gateway = await new Listener().start();
  first = await new Listener().start();
  second = await new Listener().start();
});
afterAll(() => {
  for (const { server } of [gateway, first, second]) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'snowfence-connect-'));
  for (const one of [gateway, first, second]) one.heard.length = 0;
  first.provides();
  second.provides();
  gateway.protects([first.url]);
  return () => rm(state, { recursive: true });
});

const env = (more: Record<string, string> = {}) => bareEnv({ XDG_STATE_HOME: state, SECRET, ...more });
const CREDENTIALS = ['--client-id', 'bot', '--client-secret-env', 'SECRET'];

/** Starts it, ends its input once it said something or asked for a token, and answers what it said. */
async function connect(
  args: readonly string[],
  more: Record<string, string> = {},
): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, [MAIN, 'connect', ...args], { env: env(more) });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString();
  });
  child.stdin.end();
  const code = await new Promise<number>((done) => child.on('exit', (status) => done(status ?? -1)));
  return { code, said: said.replaceAll(/\s+/g, ' ') };
}
const here = (...more: string[]) => ['--url', `${gateway.url}/mcp`, ...more];

const pins = async (): Promise<string[]> => {
  const folder = join(state, 'snowfence', 'gateways');
  return (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
};
const all = (): string => [gateway, first, second].flatMap(({ heard }) => heard).join('\n');
const nothingWasGiven = (): void => {
  expect(all()).not.toContain(Buffer.from(`bot:${SECRET}`).toString('base64'));
  expect(all()).not.toMatch(/authorization|Basic|Bearer|client_secret|POST/i);
};

describe('a gateway that is another', () => {
  it.each([
    ['its own token is asked for', CREDENTIALS, {}],
    ['a token is held', [], { SNOWFENCE_TOKEN: 'HELD' }],
    ['a browser would sign in', [], {}],
  ] as [string, string[], Record<string, string>][])(
    'gets nothing for another resource: %s',
    async (_name, args, more) => {
      gateway.protects([first.url], 'https://snowfence.example.com/mcp');
      const { code, said } = await connect(here(...args), more);
      expect(code).toBe(1);
      expect(said).toContain('WRONG_GATEWAY');
      expect(said).toContain('says that it is https://snowfence.example.com/mcp');
      expect(said).toContain(`${gateway.url}/mcp`);
      nothingWasGiven();
      expect(first.heard).toEqual([]);
    },
  );

  it.each(['http://snowfence.example.com/mcp', 'http://127.0.0.1.example.com/mcp', 'ftp://127.0.0.1/mcp'])(
    'is not asked at all without TLS: %s',
    async (url) => {
      const { code, said } = await connect(['--url', url], { SNOWFENCE_TOKEN: 'HELD' });
      expect(code).toBe(2);
      expect(said).toContain('TLS_MISSING');
      expect(said).toContain('Use its https address');
    },
  );

  it('is not followed elsewhere, neither for its metadata nor with a token', async () => {
    const sendOn: Answer = (request, response) =>
      response.writeHead(307, { location: `${second.url}${request.url}` }).end();
    gateway.answers = { '/.well-known/oauth-protected-resource/mcp': sendOn };
    const { code, said } = await connect(here(...CREDENTIALS));
    expect(code).toBe(1);
    expect(said).toContain('REDIRECTED');
    expect(said).toContain(second.url);
    expect(second.heard).toEqual([]);

    gateway.protects([first.url]);
    gateway.answers['/mcp'] = sendOn;
    const client = new Client({ name: 'desktop', version: '1' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [MAIN, 'connect', ...here()],
        env: env({ SNOWFENCE_TOKEN: 'HELD' }),
        stderr: 'ignore',
      }),
    );
    await expect(client.listTools()).rejects.toThrow(/sends on to .* write its new address into --url/);
    await client.close();
    expect(gateway.heard.some((line) => line.includes('Bearer HELD'))).toBe(true);
    expect(second.heard).toEqual([]);
  });

  it('does not fill memory with what it says of itself', async () => {
    gateway.answers = {
      '/.well-known/oauth-protected-resource/mcp': (_request, response) =>
        void response.writeHead(200).end('x'.repeat(200_000)),
    };
    expect((await connect(here(...CREDENTIALS))).said).toContain('answers more than');
  });
});

describe('an address with a slash at its end', () => {
  it('is the same gateway: to its own word, to what is remembered, whichever of both it calls itself', async () => {
    const slashed = ['--url', `${gateway.url}/mcp/`];
    expect((await connect([...slashed, ...CREDENTIALS])).code).toBe(0);
    expect((await connect(here(...CREDENTIALS))).code).toBe(0);
    expect(await pins()).toHaveLength(1);
    gateway.protects([first.url], `${gateway.url}/mcp/`);
    for (const url of [slashed, here()]) expect((await connect([...url, ...CREDENTIALS])).code).toBe(0);
    expect(await pins()).toHaveLength(1);
    gateway.protects([second.url]);
    expect((await connect([...slashed, ...CREDENTIALS])).said).toContain('ISSUER_CHANGED');
    // Another path is another address still.
    gateway.answers['/.well-known/oauth-protected-resource/mcp/x'] = {
      resource: `${gateway.url}/mcp`,
      authorization_servers: [first.url],
    };
    expect((await connect(['--url', `${gateway.url}/mcp/x`, ...CREDENTIALS])).said).toContain('WRONG_GATEWAY');
  });
});

describe('what a server says', () => {
  it.each(['\u001b[31m', '\u001b[2J', '\u202e'])('steers no terminal: %j', async (character) => {
    gateway.protects([first.url], `https://other.example/${character}`);
    const { said } = await connect(here(...CREDENTIALS));
    expect(said).toContain('WRONG_GATEWAY');
    expect(said).not.toContain(character);
    expect(said).toMatch(/⟨U\+(?:001B|202E)⟩/);

    gateway.answers = {
      '/.well-known/oauth-protected-resource/mcp': {
        resource: `${gateway.url}/mcp`,
        authorization_servers: [first.url],
      },
      '/downloads/x': (_request: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(404, { 'content-type': 'application/json' }).end(
          JSON.stringify({
            error: { code: `GONE${character}`, message: `${character}gone`, hint: `${character}look` },
          }),
        ),
    };
    const args = here('--download', `${gateway.url}/downloads/x`, '--out', join(state, 'x.csv'));
    const told = await connect(args, { SNOWFENCE_TOKEN: tokenFor(`${gateway.url}/mcp`) });
    expect(told.said).toContain('gone');
    expect(told.said).not.toContain(character);
  });
});

describe('a token', () => {
  it.each([
    ['another API', 'https://graph.example.com'],
    ['several others', ['https://graph.example.com', 'https://mail.example.com']],
    ['nobody', null],
  ])('that is for %s goes to no gateway, whatever scope it names', async (_name, audience) => {
    gateway.answers = {
      '/.well-known/oauth-protected-resource/mcp': {
        resource: `${gateway.url}/mcp`,
        authorization_servers: [first.url],
        scopes_supported: ['https://graph.example.com/.default'],
      },
    };
    first.provides({}, audience);
    const { code, said } = await connect(here(...CREDENTIALS));
    expect(code).toBe(1);
    expect(said).toContain('WRONG_AUDIENCE');
    expect(gateway.heard.join('\n')).not.toMatch(/authorization|Bearer/i);
  });

  it('may be for what is said', async () => {
    first.provides({}, ['other', 'api://snowfence']);
    expect((await connect(here(...CREDENTIALS, '--audience', 'api://snowfence'))).code).toBe(0);
    expect((await connect(here(...CREDENTIALS))).said).toContain('WRONG_AUDIENCE');
  });

  it('that is none goes nowhere', async () => {
    first.answers['/token'] = { access_token: 'opaque', token_type: 'bearer', expires_in: 3600 };
    expect((await connect(here(...CREDENTIALS))).said).toContain('WRONG_AUDIENCE');
  });
});

describe('the browser', () => {
  it.each(['darwin', 'linux', 'win32'] as const)('is opened without a shell: %s', (platform) => {
    const address = 'https://login.example.com/a?b=c&calc.exe&d=%PATH%';
    const [command, args] = opener(platform, address);
    expect(command).not.toMatch(/cmd|sh$|powershell/i);
    expect(args.at(-1)).toBe(address);
  });
});

describe('an identity provider that is another', () => {
  it('is remembered at the first use, for its user alone', async () => {
    const { code, said } = await connect(here(...CREDENTIALS));
    expect(code).toBe(0);
    expect(first.heard.some((line) => line.startsWith('POST /token'))).toBe(true);
    const [file = '', ...others] = await pins();
    expect(others).toEqual([]);
    expect(said).toContain(file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o700);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      gateway: `${gateway.url}/mcp`,
      issuer: first.url,
    });
    // Of several that it names later, still the one of the first use.
    gateway.protects([second.url, first.url]);
    expect((await connect(here(...CREDENTIALS))).code).toBe(0);
    expect(second.heard).toEqual([]);
  });

  it('gets nothing where it was another before, and what to do is said', async () => {
    await connect(here(...CREDENTIALS));
    gateway.heard.length = first.heard.length = 0;
    gateway.protects([second.url]);
    const [file = ''] = await pins();
    const { code, said } = await connect(here(...CREDENTIALS));
    expect(code).toBe(1);
    for (const part of ['ISSUER_CHANGED', first.url, second.url, file, 'remove that file', `--issuer ${second.url}`])
      expect(said).toContain(part);
    nothingWasGiven();
    expect(second.heard).toEqual([]);
    expect(await readFile(file, 'utf8')).toContain(first.url);
    // Whoever says so may go there.
    expect((await connect(here(...CREDENTIALS, '--issuer', second.url))).code).toBe(0);
    expect(second.heard.some((line) => line.startsWith('POST /token'))).toBe(true);
    await rm(file);
    expect((await connect(here(...CREDENTIALS))).code).toBe(0);
  });

  it('gets nothing where --issuer says another', async () => {
    const { code, said } = await connect(here(...CREDENTIALS, '--issuer', 'https://login.example.com'));
    expect(code).toBe(1);
    expect(said).toContain('WRONG_ISSUER');
    expect(said).toContain(`it names ${first.url}`);
    nothingWasGiven();
    expect(await pins()).toEqual([]);
  });

  it.each([
    ['names itself otherwise', () => first.provides({ issuer: second.url }), 'WRONG_ISSUER'],
    [
      'has a token endpoint without TLS',
      () => first.provides({ token_endpoint: 'http://login.example.com/token' }),
      'TLS_MISSING',
    ],
    ['is without TLS itself', () => gateway.protects(['http://login.example.com']), 'TLS_MISSING'],
    [
      'sends on',
      () => {
        first.answers = {
          '/.well-known/openid-configuration': (_request, response) =>
            void response.writeHead(302, { location: `${second.url}/.well-known/openid-configuration` }).end(),
        };
      },
      'ISSUER_UNREACHABLE',
    ],
  ] as [string, () => void, string][])('gets nothing where it %s', async (_name, arrange, problem) => {
    arrange();
    const { code, said } = await connect(here(...CREDENTIALS));
    expect(code).not.toBe(0);
    expect(said).toContain(problem);
    nothingWasGiven();
    expect(second.heard).toEqual([]);
  });

  it('gets no secret by a redirect of its token endpoint', async () => {
    first.answers['/token'] = (_request, response) =>
      void response.writeHead(307, { location: `${second.url}/token` }).end();
    expect((await connect(here(...CREDENTIALS))).said).toContain('TOKEN_NOT_GIVEN');
    expect(second.heard).toEqual([]);
  });

  it('is not believed where what was remembered can be written by others, or is broken', async () => {
    await connect(here(...CREDENTIALS));
    const [file = ''] = await pins();
    await chmod(file, 0o666);
    const { code, said } = await connect(here(...CREDENTIALS));
    expect(code).toBe(2);
    expect(said).toContain('PIN_UNSOUND');
    expect(said).toContain('can be written by others');
  });

  it('is trusted anew at each start, and says so, where nothing can be remembered', async () => {
    const { code, said } = await connect(here(...CREDENTIALS), { XDG_STATE_HOME: '/dev/null' });
    expect(code).toBe(0);
    expect(said).toContain(`--issuer ${first.url}`);
  });
});

describe('what comes back from a browser', () => {
  /** Signs in as the provider's page would: the callback is called with what a case says. */
  async function signIn(back: (state: string) => Record<string, string>): Promise<{ code: number; said: string }> {
    first.provides({ authorization_response_iss_parameter_supported: true });
    const child = spawn(process.execPath, [MAIN, 'connect', ...here()], { env: env() });
    let said = '';
    const over = new Promise<number>((done) => child.on('exit', (status) => done(status ?? -1)));
    const url = await new Promise<URL>((found) => {
      child.stderr.on('data', (text: Buffer) => {
        said += text.toString();
        const [, address] = /Sign in to use snowfence: (\S+)/.exec(said) ?? [];
        if (address !== undefined) found(new URL(address));
      });
    });
    const callback = new URL(url.searchParams.get('redirect_uri') ?? '');
    callback.search = new URLSearchParams(back(url.searchParams.get('state') ?? '')).toString();
    await fetch(callback);
    child.stdin.end();
    return { code: await over, said: said.replaceAll(/\s+/g, ' ') };
  }

  it.each([
    ['another issuer', (known: string) => ({ code: 'CODE', state: known, iss: second.url })],
    ['no issuer, where the provider says that it names it', (known: string) => ({ code: 'CODE', state: known })],
    ['another state', () => ({ code: 'CODE', state: 'x', iss: first.url })],
  ])('is exchanged for nothing with %s', async (_name, back) => {
    const { code, said } = await signIn(back);
    expect(code).toBe(1);
    expect(said).toContain('SIGN_IN_REFUSED');
    expect(said).toContain('It was given to nobody');
    expect(all()).not.toContain('CODE');
  });

  it('is exchanged where the issuer is the one', async () => {
    const { code } = await signIn((known) => ({ code: 'CODE', state: known, iss: first.url }));
    expect(code).toBe(0);
    expect(all()).toContain('code=CODE');
  });
});

/** What a client shows of it. */
async function shown(args: readonly string[], more: Record<string, string> = {}): Promise<string> {
  const client = new Client({ name: 'test', version: '1' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, 'connect', ...args],
    env: env(more),
    stderr: 'ignore',
  });
  await client.connect(transport);
  try {
    const asked = await Promise.allSettled([
      client.listTools(),
      client.callTool({ name: 'whoami', arguments: {} }, undefined, { timeout: 60_000 }),
    ]);
    const words = asked.map((one) => (one.status === 'rejected' ? String(one.reason) : 'answered'));
    // Whichever a client asks first: it hears the same.
    expect(words[1]).toBe(words[0]);
    return words[0] ?? '';
  } finally {
    await client.close();
  }
}

const ended = ['{"alg":"ES256"}', JSON.stringify({ exp: 1_700_000_000 }), 'TOKEN']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');

describe('what is wrong', () => {
  it.each([
    [
      'tokens from two places',
      ['--client-id', 'x', '--client-secret-env', 'S', '--token-env', 'T'],
      {},
      /--token-env and --client-secret-env can not stand together/,
    ],
    [
      'a key and a secret',
      ['--client-id', 'x', '--client-secret-env', 'S', '--private-key', 'k.pem'],
      {},
      /--private-key and --client-secret-env can not stand together/,
    ],
    [
      'a token and a client',
      ['--client-id', 'x', '--token-file', 't'],
      {},
      /--token-file and --client-id can not stand together/,
    ],
    [
      'a job and a token',
      ['--github-actions', '--token-env', 'T'],
      {},
      /--token-env and --github-actions can not stand together/,
    ],
    ['a secret of no client', ['--client-secret-env', 'S'], {}, /--client-secret-env belongs to --client-id/],
    ['a token that is not there', ['--token-env', 'NOTHING'], {}, /NOTHING is not set.*Put the access token into it/],
    [
      'a file that is not there',
      ['--token-file', '/nowhere/token'],
      {},
      /--token-file: \/nowhere\/token can not be read/,
    ],
    ['a token that is over', [], { SNOWFENCE_TOKEN: ended }, /ended at 2023-11-14 22:13:20 UTC.*Get a new one/],
    ['a client without its secret', ['--client-id', 'bot', '--client-secret-env', 'NONE'], {}, /NONE is not set/],
    [
      'a token that is refused',
      [],
      { SNOWFENCE_TOKEN: tokenFor('another') },
      /does not accept this access token.*Get a new one for the audience/,
    ],
  ] as [string, string[], Record<string, string>, RegExp][])(
    'is shown by the client: %s',
    async (_what, args, more, words) => {
      gateway.answers['/mcp'] = (_request: IncomingMessage, response: ServerResponse) =>
        response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
      expect(await shown(here(...args), more)).toMatch(words);
    },
  );

  it.each(['TOKEN\nSECOND-SECRET', 'TOKEN SECOND-SECRET', 'TÖKEN-SECRET', 'TOKEN\u0000SECRET'])(
    'is shown without what stands there, where that is no token: %j',
    async (text) => {
      const file = join(state, 'token');
      await writeFile(file, text);
      const said = await shown(here('--token-file', file));
      expect(said).toMatch(/is no access token/);
      expect(said).not.toMatch(/SECRET|TOKEN\b(?!_)/);
      nothingWasGiven();
    },
  );

  it('is shown by the client: no gateway is there', async () => {
    expect(await shown(['--url', 'http://127.0.0.1:9/mcp'], { SNOWFENCE_TOKEN: 'HELD' })).toMatch(
      /No snowfence gateway answers at http:\/\/127\.0\.0\.1:9.*Check --url/,
    );
  });

  it('is shown by the client: an address of a page', async () => {
    const metadata = { resource: `${gateway.url}/mcp`, authorization_servers: [first.url] };
    gateway.answers = {
      '/.well-known/oauth-protected-resource/console': metadata,
      '/.well-known/oauth-protected-resource': metadata,
    };
    for (const page of ['/console', '/', '/mcp/other'])
      expect(await shown(['--url', `${gateway.url}${page}`], { SNOWFENCE_TOKEN: 'HELD' })).toContain(
        `Write ${gateway.url}/mcp into --url.`,
      );
    nothingWasGiven();
  });

  it('is over once it is mended: the same process goes on', async () => {
    const client = new Client({ name: 'test', version: '1' });
    const file = join(state, 'token');
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [MAIN, 'connect', ...here('--token-file', file)],
      env: env(),
      stderr: 'ignore',
    });
    await client.connect(transport);
    await expect(client.listTools()).rejects.toThrow(/--token-file: .* can not be read/);
    await writeFile(file, tokenFor('another'));
    gateway.answers['/mcp'] = (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
    await expect(client.listTools()).rejects.toThrow(/does not accept this access token/);
    await client.close();
  });
});
