/** What is said of wrong input, over every key of what people and agents write: in our own words, with its place, and what has to be there. */
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { parse } from '../../../dist/config/file.js';
import { remembered } from '../../../dist/mcp/schema.js';
import { TOOLS } from '../../../dist/mcp/tools.js';
import { policiesFrom, policyJsonSchema } from '../../../dist/policy/index.js';
import { WHOLE_POLICY } from '../../support/whole-policy.js';

const CONFIG = `server: { listen: "127.0.0.1:8787", public_url: https://a.example.com/mcp, allowed_hosts: [a], allowed_origins: [https://b.example.com], behind_proxy: true, tls: { cert_file: c, key_file: k } }
tools: { prefix: x_ }
snowflake: { account: a-b, username: U, access_url: https://a.example.com, auth: key_pair, private_key_file: f, private_key_env: A, private_key_passphrase_env: B, token_env: C, token_file: t, password_env: D, password_file: p, database: DB, schema: S, pool_size: 8, connect_timeout: 10s, confirm: cached }
transcript:
  tls: verify
  url_env: A
  url_file: a
  notary_url_env: A
  notary_url_file: a
  reader_url_env: A
  reader_url_file: a
  admin_url_env: A
  admin_url_file: a
  origin: a.example.com/transcript
  signing_key_env: A
  signing_key_file: a
  former_keys: [k]
  encryption_keys: [{ env: A }, { file: k }]
  checkpoints: { every: 1m, files: [a], stdout: false }
  notary: { state: s }
  on_integrity_problem: stop
  acknowledged: [${'a'.repeat(64)}]
  forged: [${'b'.repeat(64)}]
  auditors: [g, { issuer: https://login.example.com, groups: [g] }]
  retention: { keep: 400d, archive_to: ./archive }
  settle_after: 60s
identity:
  issuers:
    - issuer: https://login.example.com
      audience: https://a.example.com/mcp
      algorithms: [RS256]
      groups_claim: groups
      groups_from: [{ claim: c, equals: e, group: g }]
      required_claims: { org: [a, b] }
      required_scopes: [s]
      people: true
      token_type: JWT
      clock_skew: 30s
console: { client_id: c, client_secret_env: A, client_secret_file: f, issuer: https://login.example.com, scopes: [openid], reviewers: [g], administrators: [g], session: 8h, idle: 1h }
webhooks: [{ name: siem, url: https://s.example.com, url_env: A, url_file: f, format: standard, secret_env: A, secret_file: s, events: [session_opened], checkpoints: true }]
limits: { requests_per_minute: 600, requests_at_once: 8, refusals_per_hour: 60, text_per_hour: 10MB, long_text_share: 50, streams: 5, sessions_per_hour: 100, open_approvals: 5, approvals_per_hour: 60, downloads: 5, open_downloads: 10, download_stall: 10s }
policies: { folder: p, still: 1s, still_opening: 2s, poll: 2s, reload_socket: s }
log: { level: info }
shutdown: { grace: 20s, running: finish }
`;

const problemsOfPolicy = (text: string): Promise<string> =>
  policiesFrom('p.yaml', text).then(
    () => '',
    (error: Error) => error.message,
  );

const problemsOfConfig = async (text: string): Promise<string> => {
  try {
    parse('snowfence.yaml', text);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

type Path = readonly (string | number)[];

/** Each place of a document, the lists and maps included. */
function* places(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value))
    yield* places(inner, [...path, Array.isArray(value) ? Number(key) : key]);
}

/** Words of the libraries that read for us (zod's `locales/en`, yaml's errors), and ours for what we have no words for. */
const THEIRS =
  /invalid (?:input|option|string|key|element|value|url|iso|number)|received|unrecognized|too (?:small|big)|must (?:be|match)|\bexpected\b|\bunresolved\b|unique|something else|another form|undefined|\bNaN\b|\[object/i;
/** What has to be there, in any of the ways in which it is said. */
const REMEDY =
  / has to | have to |There are: |Did you mean|it belongs|belongs here|leave it out|[.:] (?:[A-Z][a-z]+ |")|has exactly one|is no |needs? |: (?:put|write) |add /;

const poorOf = (said: string): string[] =>
  said
    .split('\n')
    .filter((line) => line !== '')
    .filter(
      (line) =>
        !/^\S+\.yaml:\d+:\d+ .*[.?]$/.test(line) || THEIRS.test(line.replace(/"[^"]*"/g, '""')) || !REMEDY.test(line),
    );

const WRONG: readonly unknown[] = [{ odd: 1 }, -1.5, 0, 1e30, [], [[]], [{ odd: 1 }], 'x y*', '', null, true];

describe.each([
  ['a policy', WHOLE_POLICY, problemsOfPolicy],
  ['the configuration', CONFIG, problemsOfConfig],
] as const)('%s', (_, whole, problemsOf) => {
  const data = parseDocument(whole).toJS();
  const all = [...places(data)];

  it('has every key, and nothing is said of it as it is', async () => {
    expect(await problemsOf(whole)).toBe('');
    if (whole === WHOLE_POLICY) {
      const named = new Set(all.flat());
      const keys: string[] = [];
      const look = (schema: unknown): void => {
        if (typeof schema !== 'object' || schema === null) return;
        for (const [key, inner] of Object.entries(schema)) {
          if (key === 'properties') keys.push(...Object.keys(inner as object));
          look(inner);
        }
      };
      look(policyJsonSchema());
      expect(keys.filter((key) => !named.has(key))).toEqual([]);
    }
  });

  it.each(WRONG.map((value) => [value]))('%j anywhere is told in our words', async (wrong) => {
    const poor: string[] = [];
    let found = 0;
    for (const path of all) {
      const changed = parseDocument(whole);
      changed.setIn(path, wrong);
      const said = await problemsOf(String(changed));
      found += said === '' ? 0 : 1;
      poor.push(...poorOf(said).map((line) => `${path.join('.')}: ${line}`));
    }
    expect([...new Set(poor)]).toEqual([]);
    expect(found).toBeGreaterThan(20);
  });

  it('tells of each key that is missing, misspelt or too many', async () => {
    const poor: string[] = [];
    for (const path of all) {
      const key = path.at(-1);
      if (typeof key !== 'string') continue;
      const without = parseDocument(whole);
      without.deleteIn(path);
      poor.push(...poorOf(await problemsOf(String(without))).map((line) => `without ${path.join('.')}: ${line}`));
      const extra = parseDocument(whole);
      extra.setIn([...path.slice(0, -1), 'zzzzzzzz'], 1);
      poor.push(...poorOf(await problemsOf(String(extra))).map((line) => `beside ${path.join('.')}: ${line}`));
      const misspelt = parseDocument(whole);
      misspelt.setIn([...path.slice(0, -1), `${key}e`], misspelt.getIn(path));
      misspelt.deleteIn(path);
      const said = await problemsOf(String(misspelt));
      poor.push(...poorOf(said).map((line) => `${path.join('.')}e: ${line}`));
      const isFree = ['claims', 'required_claims', 'mask', 'find', 'encryption_keys'].some((free) =>
        path.slice(0, -1).includes(free),
      );
      if (!isFree && !said.includes(`Did you mean "${key}"?`)) poor.push(`${path.join('.')}e: ${said}`);
    }
    expect(poor).toEqual([]);
  });

  it.each([
    ['on: [*.B.C]', 'quotes'],
    ['a: 1\n\tb: 2', 'tab'],
    ['a: 1\na: 2', 'twice'],
    ['a: b: c', 'colon'],
    ['a: "b', 'closed'],
    ['a: [1', 'bracket'],
    ['a: &x 1\nb: *x', 'quotes'],
    ['a: {\n- 1\n}', 'bracket'],
    ['a: 1\n---\nb: 2', 'document'],
    ['a: @b', 'quotes'],
    ['', 'empty'],
    ['- 1', 'a list'],
    ['text', 'a text'],
  ])('%j is told of with what to do: %s', async (text, word) => {
    const said = await problemsOf(text);
    expect(said).toContain(word);
    expect(poorOf(said)).toEqual([]);
  });
});

describe('arguments of a tool', () => {
  const validate = (tool: (typeof TOOLS)[number], given: unknown): string => {
    const result = remembered(tool.input, (text) => text)['~standard'].validate(given);
    if (result instanceof Promise) throw new Error('not at once');
    return (result.issues ?? []).map(({ message }) => message).join('\n');
  };

  it.each(TOOLS.map((tool) => [tool.name, tool] as const))('%s', (_, tool) => {
    const poor: string[] = [];
    let refused = 0;
    const look = (given: unknown): string => {
      const said = validate(tool, given);
      refused += said === '' ? 0 : 1;
      poor.push(
        ...said
          .split('\n')
          .filter((line) => line !== '' && (THEIRS.test(line.replace(/"[^"]*"/g, '""')) || !REMEDY.test(line))),
      );
      return said;
    };
    const shape = tool.input.shape as Record<string, z.ZodType>;
    const required = Object.keys(shape).filter((name) => shape[name]?.safeParse(undefined).success === false);
    const whole = Object.fromEntries(required.map((name) => [name, 'a']));
    for (const name of Object.keys(shape))
      for (const wrong of [...WRONG, 'x'.repeat(2_000_000), Array.from({ length: 2000 }, () => 1)])
        look({ ...whole, [name]: wrong });
    for (const name of required) {
      look({});
      const said = look({ [`${name}x`]: 'a' });
      expect(said).toContain(`Did you mean "${name}"?`);
    }
    for (const wrong of [1, 'a', []]) look(wrong);
    expect([...new Set(poor)]).toEqual([]);
    if (Object.keys(shape).length > 0) expect(refused).toBeGreaterThan(0);
  });
});
