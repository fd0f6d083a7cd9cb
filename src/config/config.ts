/**
 * The configuration file of `serve`. Secrets never stand in it: each is named by an environment variable or a file, and the schema
 * has no place for a value.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { MESSAGE_KINDS } from '../approval/index.js';
import { DEFAULT_LIMITS, type Limits } from '../gateway/index.js';
import type { IssuerOptions } from '../identity/index.js';
import { addressProblem, checksCertificates, isLoopback } from '../network/index.js';
import { DEFAULT_TIMES, distance, issuerKey, type Times } from '../policy/index.js';
import {
  decodeVerifierKey,
  EVENT_KINDS,
  isOrigin,
  originOf,
  type RecordKeys,
  readSealingKey,
  readSigningKey,
  readWebhookSecret,
  type Webhook,
} from '../transcript/index.js';
import type { WarehouseOptions } from '../warehouse/index.js';
import { address, checkedDatabase, databaseTls, duration, identifier } from './forms/address.js';
import { SnowfenceError } from './problem.js';
import { checkRoles, identityShape, issuersOf, type Role, roleGroups, rolesOf } from './sections/identity.js';

const period = z
  .string()
  .regex(/^\d{1,4}[mh]$/, 'a time such as 30m or 8h')
  .transform((text) => Number.parseInt(text, 10) * (text.endsWith('h') ? 3_600_000 : 60_000))
  .refine((ms) => ms >= 60_000 && ms <= 7 * 86_400_000, 'from 1m to 168h');

const SIZES: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 };

const size = z
  .string()
  .regex(/^[1-9]\d{0,5}(?:KB|MB|GB)$/, 'a size such as 500KB, 50MB or 1GB')
  .transform((text) => Number.parseInt(text, 10) * (SIZES[text.slice(-2)] ?? 1));

const count = (most: number) => z.number().int().min(1).max(most);

const environment = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable, not the secret itself');
const file = z.string().min(1);

const listen = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, 'an address and a port, such as 127.0.0.1:8787')
  .refine((text) => Number(/\d+$/.exec(text)?.[0]) <= 65_535, 'a port up to 65535');

const configFile = z.strictObject({
  server: z
    .strictObject({
      listen: listen.default('127.0.0.1:8787'),
      public_url: identifier.optional(),
      allowed_hosts: z.array(z.string().min(1)).optional(),
      tls: z.strictObject({ cert_file: file, key_file: file }).optional(),
      behind_proxy: z.boolean().default(false),
    })
    .prefault({}),
  snowflake: z.strictObject({
    account: z.string().regex(/^\w+(?:[.-]\w+)*$/, 'an account identifier such as myorg-myaccount'),
    username: z.string().min(1),
    access_url: address.optional(),
    auth: z.enum(['key_pair', 'oauth', 'token', 'password']).default('key_pair'),
    private_key_file: file.optional(),
    private_key_env: environment.optional(),
    private_key_passphrase_env: environment.optional(),
    token_env: environment.optional(),
    token_file: file.optional(),
    password_env: environment.optional(),
    password_file: file.optional(),
    database: z.string().optional(),
    schema: z.string().optional(),
    pool_size: z.number().int().min(1).max(100).default(8),
    connect_timeout: duration(100, 300_000).default(10_000),
    confirm: z.enum(['off', 'cached', 'always']).default('cached'),
  }),
  transcript: z.strictObject({
    tls: databaseTls.default('verify'),
    url_env: environment.optional(),
    url_file: file.optional(),
    notary_url_env: environment.optional(),
    notary_url_file: file.optional(),
    reader_url_env: environment.optional(),
    reader_url_file: file.optional(),
    admin_url_env: environment.optional(),
    admin_url_file: file.optional(),
    origin: z
      .string()
      .refine((text) => isOrigin(text), 'a name without white space and plus, such as snowfence.example.com/transcript')
      .optional(),
    signing_key_env: environment.optional(),
    signing_key_file: file.optional(),
    former_keys: z.array(z.string()).default([]),
    encryption_keys: z
      .array(z.union([z.strictObject({ env: environment }), z.strictObject({ file })]))
      .min(1, 'at least one key'),
    checkpoints: z
      .strictObject({
        every: duration(1000, 3_600_000).default(60_000),
        files: z.array(file).default([]),
        stdout: z.boolean().default(false),
      })
      .prefault({}),
    notary: z.strictObject({ state: file.optional() }).prefault({}),
    on_integrity_problem: z.enum(['stop', 'warn']).default('stop'),
    acknowledged: z
      .array(z.string().regex(/^[0-9a-f]{64}$/, 'the hash of an event, as snowfence verify names it'))
      .default([]),
    forged: z
      .array(z.string().regex(/^[0-9a-f]{64}$/, 'the hash of an event, as snowfence verify names it'))
      .default([]),
    auditors: roleGroups,
    retention: z
      .strictObject({
        keep: z
          .string()
          .regex(/^[1-9]\d{0,4}d$/, 'days, such as 400d')
          .optional(),
        archive_to: file.default('./archive'),
      })
      .prefault({}),
    settle_after: duration(3000, 600_000).default(60_000),
  }),
  identity: identityShape,
  console: z
    .strictObject({
      client_id: z.string().min(1),
      client_secret_env: environment.optional(),
      client_secret_file: file.optional(),
      issuer: identifier.optional(),
      scopes: z.array(z.string().min(1)).min(1).default(['openid', 'profile', 'email']),
      reviewers: roleGroups,
      administrators: roleGroups,
      session: period.default(8 * 3_600_000),
      idle: period.default(3_600_000),
    })
    .optional(),
  webhooks: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,40}$/, 'a short name such as siem'),
        url: address.optional(),
        url_env: environment.optional(),
        url_file: file.optional(),
        format: z.enum(['standard', 'slack', 'teams']).default('standard'),
        secret_env: environment.optional(),
        secret_file: file.optional(),
        events: z.array(z.enum(EVENT_KINDS)).min(1).optional(),
        checkpoints: z.boolean().default(false),
      }),
    )
    .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'each name once')
    .default([]),
  limits: z
    .strictObject({
      requests_per_minute: count(1_000_000).default(DEFAULT_LIMITS.requestsPerMinute),
      requests_at_once: count(10_000).default(DEFAULT_LIMITS.requestsAtOnce),
      refusals_per_hour: count(1_000_000).default(DEFAULT_LIMITS.refusalsPerHour),
      text_per_hour: size.default(DEFAULT_LIMITS.textPerHour),
      long_text_share: count(100).default(DEFAULT_LIMITS.longTextShare),
      streams: count(1000).default(DEFAULT_LIMITS.streams),
      sessions_per_hour: count(1_000_000).default(DEFAULT_LIMITS.sessionsPerHour),
      open_approvals: count(10_000).default(DEFAULT_LIMITS.openApprovals),
      approvals_per_hour: count(100_000).default(DEFAULT_LIMITS.approvalsPerHour),
    })
    .prefault({}),
  policies: z.preprocess(
    (value) => (typeof value === 'string' ? { folder: value } : value),
    z
      .strictObject({
        folder: file,
        still: duration(50, 60_000).default(DEFAULT_TIMES.stillMs),
        still_opening: duration(50, 600_000).default(DEFAULT_TIMES.openingMs),
        poll: duration(100, 60_000).default(DEFAULT_TIMES.pollMs),
        reload_socket: file.optional(),
      })
      .refine(({ still, still_opening: opening }) => opening >= still, 'still_opening is at least as long as still'),
  ),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .prefault({}),
  shutdown: z
    .strictObject({
      grace: duration(0, 600_000).default(20_000),
      running: z.enum(['finish', 'cancel']).default('finish'),
    })
    .prefault({}),
});

type ConfigFile = z.infer<typeof configFile>;

export interface ConsoleConfig {
  readonly issuer: IssuerOptions;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly scopes: readonly string[];
  /** Groups that give a role; auditors stand under transcript. */
  readonly reviewers: readonly Role[];
  readonly administrators: readonly Role[];
  readonly sessionMs: number;
  readonly idleMs: number;
}

export interface Config {
  readonly file: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly publicUrl: URL;
  /** A proxy does TLS, and says where requests come from. */
  readonly isBehindProxy: boolean;
  readonly allowedHosts: readonly string[];
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly warehouse: WarehouseOptions;
  readonly databaseUrl: string;
  /** Of the role that signs checkpoints, and of the one that people's looks go by; undefined where the gateway's own does it. */
  readonly notaryUrl: string | undefined;
  readonly readerUrl: string | undefined;
  /** Of the store's administrator: for setting up, retention and keys. Read when it is asked for; the gateway never does. */
  readonly adminUrl: () => Promise<string>;
  readonly keys: RecordKeys;
  readonly checkpoints: { readonly everyMs: number; readonly files: readonly string[]; readonly stdout: boolean };
  readonly notary: { readonly stateFile: string };
  /** Whether statements go on being run once the record was found changed. */
  readonly onIntegrityProblem: 'stop' | 'warn';
  /** Hashes of events that somebody has looked into. */
  readonly acknowledged: ReadonlySet<string>;
  /** Hashes of events that are known to be none of ours. */
  readonly forged: ReadonlySet<string>;
  /** Groups whose members may see the record whole. */
  readonly auditors: readonly Role[];
  /** Days that the record stays in the store, undefined for ever; and where it goes then. */
  readonly retention: { readonly keepDays: number | undefined; readonly folder: string };
  /** A gateway that was silent for so long is taken for dead, and its statements are settled. */
  readonly settleAfterMs: number;
  /** undefined where nobody signs in. */
  readonly console: ConsoleConfig | undefined;
  readonly webhooks: readonly Webhook[];
  readonly issuers: readonly IssuerOptions[];
  /** What each principal may cost before anything of it is judged. */
  readonly limits: Limits;
  /** The folder. */
  readonly policies: string;
  readonly policyTimes: Times;
  /** A Unix socket on which a reload is asked for; undefined where only SIGHUP does. */
  readonly reloadSocket: string | undefined;
  readonly logLevel: ConfigFile['log']['level'];
  readonly shutdown: { readonly graceMs: number; readonly running: 'finish' | 'cancel' };
}

const KEYS = Object.keys(configFile.shape).concat(
  ...Object.values(configFile.shape).map((part) =>
    'shape' in part && typeof part.shape === 'object' ? Object.keys(part.shape) : [],
  ),
  ['folder', 'still', 'still_opening', 'poll', 'reload_socket'],
);

function unknownKey(key: string): string {
  const best = KEYS.map((known) => ({ known, edits: distance(key, known) })).sort((a, b) => a.edits - b.edits)[0];
  return best && best.edits <= 3 ? `unknown key "${key}". Did you mean "${best.known}"?` : `unknown key "${key}".`;
}

function parse(name: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const broken = document.errors[0];
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new SnowfenceError(
      'CONFIG_NOT_YAML',
      `${name}:${line}:${col} is not valid YAML: ${broken.message.split('\n')[0] ?? ''}`,
    );
  }
  const parsed = configFile.superRefine(checkRoles).safeParse(document.toJS({ maxAliasCount: 0 }) ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const path = issue.path.map(String);
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
    const node: unknown = document.getIn(
      [...issue.path.map((step) => (typeof step === 'number' ? step : String(step))), ...keys.slice(0, 1)],
      true,
    );
    const range =
      typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
        ? Number(node.range[0])
        : undefined;
    const place = range === undefined ? name : `${name}:${lines.linePos(range).line}`;
    return `${place} ${[...path, ...keys].join('.')}: ${keys[0] === undefined ? issue.message : unknownKey(keys[0])}`;
  });
  throw new SnowfenceError(
    'CONFIG_INVALID',
    problems.join('\n'),
    'examples/snowfence.yaml shows every key with a comment.',
  );
}

async function secretFile(path: string, base: string, what: string): Promise<string> {
  const full = isAbsolute(path) ? path : join(base, path);
  try {
    return (await readFile(full, 'utf8')).trim();
  } catch {
    throw new SnowfenceError(
      'SECRET_MISSING',
      `${what}: the file ${full} can not be read.`,
      'Check its path and that the account which runs snowfence may read it.',
    );
  }
}

function secretEnvironment(name: string, what: string): string {
  const value = process.env[name];
  if (!value)
    throw new SnowfenceError(
      'SECRET_MISSING',
      `${what}: the environment variable ${name} is not set.`,
      `Set ${name} before you start snowfence.`,
    );
  return value;
}

async function secret(
  env: string | undefined,
  path: string | undefined,
  base: string,
  what: string,
  keys: string,
): Promise<string> {
  if (env !== undefined) return secretEnvironment(env, what);
  if (path !== undefined) return secretFile(path, base, what);
  throw new SnowfenceError(
    'SECRET_MISSING',
    `${what}: neither ${keys} is set.`,
    'Name an environment variable or a file that holds it.',
  );
}

async function warehouseAuth(snowflake: ConfigFile['snowflake'], base: string): Promise<WarehouseOptions['auth']> {
  switch (snowflake.auth) {
    case 'key_pair': {
      const privateKey = await secret(
        snowflake.private_key_env,
        snowflake.private_key_file,
        base,
        'snowflake: the private key',
        'private_key_file nor private_key_env',
      );
      if (!/^-----BEGIN (?:ENCRYPTED |RSA )?PRIVATE KEY-----/.test(privateKey))
        throw new SnowfenceError(
          'SECRET_INVALID',
          'snowflake: the private key is not in PEM form.',
          'Make one with: openssl genrsa 2048 | openssl pkcs8 -topk8 -out key.p8',
        );
      const passphrase =
        snowflake.private_key_passphrase_env === undefined
          ? undefined
          : secretEnvironment(snowflake.private_key_passphrase_env, 'snowflake: the passphrase of the private key');
      return { kind: 'key_pair', privateKey, passphrase };
    }
    case 'password':
      return {
        kind: 'password',
        password: await secret(
          snowflake.password_env,
          snowflake.password_file,
          base,
          'snowflake: the password',
          'password_env nor password_file',
        ),
      };
    case 'oauth':
    case 'token':
      return {
        kind: snowflake.auth,
        token: await secret(
          snowflake.token_env,
          snowflake.token_file,
          base,
          'snowflake: the token',
          'token_env nor token_file',
        ),
      };
  }
}

const DATABASE_URLS = {
  url: 'the URL of PostgreSQL',
  notary_url: "the notary's URL of PostgreSQL",
  reader_url: "the readers' URL of PostgreSQL",
  admin_url: "the administrator's URL of PostgreSQL",
} as const;

async function postgresUrl(
  transcript: ConfigFile['transcript'],
  base: string,
  key: keyof typeof DATABASE_URLS,
): Promise<string> {
  const what = `transcript: ${DATABASE_URLS[key]}`;
  const [env, path] = [transcript[`${key}_env`], transcript[`${key}_file`]];
  return checkedDatabase(await secret(env, path, base, what, `${key}_env nor ${key}_file`), what, transcript.tls);
}

/** undefined where neither key is set. */
const optionalUrl = async (
  transcript: ConfigFile['transcript'],
  base: string,
  key: keyof typeof DATABASE_URLS,
): Promise<string | undefined> =>
  transcript[`${key}_env`] === undefined && transcript[`${key}_file`] === undefined
    ? undefined
    : postgresUrl(transcript, base, key);

/** One role for two purposes would have what either may do. */
function checkDatabaseRoles(urls: readonly (string | undefined)[]): void {
  const users = urls.flatMap((url) => (url === undefined ? [] : [new URL(url).username]));
  if (new Set(users).size < users.length)
    throw new SnowfenceError(
      'CONFIG_INVALID',
      `transcript: ${users.join(', ')}: the gateway, the notary and readers each need a user of their own in PostgreSQL.`,
      'Name another user in notary_url or reader_url; snowfence store setup makes it.',
    );
}

async function recordKeys(transcript: ConfigFile['transcript'], base: string): Promise<RecordKeys> {
  const pem = await secret(
    transcript.signing_key_env,
    transcript.signing_key_file,
    base,
    'transcript: the key that signs it',
    'signing_key_file nor signing_key_env',
  );
  const read = <T>(what: string, hint: string, parse: () => T): T => {
    try {
      return parse();
    } catch (error) {
      throw new SnowfenceError(
        'SECRET_INVALID',
        `transcript: ${what}: ${error instanceof Error ? error.message : ''}.`,
        hint,
      );
    }
  };
  const signing = read(
    'the signing key is no Ed25519 key in PEM form',
    'Make one with: snowfence keys new signing',
    () => readSigningKey(pem),
  );
  const sealing = await Promise.all(
    transcript.encryption_keys.map(async (named, index) => {
      const what = `encryption key ${index + 1}`;
      const text = await ('env' in named
        ? secretEnvironment(named.env, `transcript: ${what}`)
        : secretFile(named.file, base, `transcript: ${what}`));
      return read(`${what} is not right`, 'Make one with: snowfence keys new encryption', () => readSealingKey(text));
    }),
  );
  const formerly = transcript.former_keys.map((text) =>
    read(`"${text.slice(0, 60)}" of former_keys is not right`, 'snowfence keys show prints such keys.', () =>
      decodeVerifierKey(text),
    ),
  );
  return { signing, sealing, formerly, origin: transcript.origin ?? originOf(signing) };
}

/** A chat's address is its secret, and its messages are not signed for anybody who checks that. */
async function readWebhook(webhook: ConfigFile['webhooks'][number], base: string): Promise<Webhook> {
  const { name, events, checkpoints, format } = webhook;
  const url =
    webhook.url ??
    (await secret(
      webhook.url_env,
      webhook.url_file,
      base,
      `webhooks: the address of ${name}`,
      'url, url_env nor url_file',
    ));
  // An address that is a secret is named by its webhook alone.
  const problem = addressProblem(url);
  if (problem !== undefined)
    throw new SnowfenceError(
      URL.canParse(url) && new URL(url).protocol === 'http:' ? 'TLS_MISSING' : 'SECRET_INVALID',
      `webhooks: the address of ${name}: ${problem}`,
      'The record must not travel in clear: use https.',
    );
  if (format !== 'standard') {
    const odd =
      events?.find((kind) => !(MESSAGE_KINDS as readonly string[]).includes(kind)) ??
      (checkpoints ? 'checkpoints' : undefined);
    if (odd !== undefined)
      throw new SnowfenceError(
        'CONFIG_INVALID',
        `webhooks: ${name} is a chat, and there is no message for ${odd}.`,
        `There are messages for ${MESSAGE_KINDS.join(', ')}.`,
      );
    return { name, url, secret: randomBytes(32), kinds: new Set(events ?? MESSAGE_KINDS), checkpoints: false, format };
  }
  const what = `webhooks: the secret of ${name}`;
  const text = await secret(webhook.secret_env, webhook.secret_file, base, what, 'secret_env nor secret_file');
  try {
    return { name, url, secret: readWebhookSecret(text), kinds: events && new Set(events), checkpoints, format };
  } catch (error) {
    throw new SnowfenceError(
      'SECRET_INVALID',
      `${what}: ${error instanceof Error ? error.message : ''}.`,
      'Make one with: snowfence keys new webhook',
    );
  }
}

async function readConsole(
  parsed: ConfigFile,
  issuers: readonly IssuerOptions[],
  base: string,
): Promise<ConsoleConfig | undefined> {
  const given = parsed.console;
  if (!given) return undefined;
  const issuer = issuers.find(
    (entry) => given.issuer === undefined || issuerKey(entry.issuer) === issuerKey(given.issuer),
  );
  if (!issuer)
    throw new SnowfenceError(
      'CONFIG_INVALID',
      `console.issuer: ${given.issuer} is none of identity.issuers.`,
      'People sign in at an identity provider that agents have tokens from.',
    );
  const named = given.client_secret_env !== undefined || given.client_secret_file !== undefined;
  return {
    issuer,
    clientId: given.client_id,
    clientSecret: named
      ? await secret(given.client_secret_env, given.client_secret_file, base, "console: the client's secret", '')
      : undefined,
    scopes: given.scopes,
    reviewers: rolesOf(given.reviewers, parsed),
    administrators: rolesOf(given.administrators, parsed),
    sessionMs: given.session,
    idleMs: given.idle,
  };
}

const limitsOf = (limits: ConfigFile['limits']): Limits => ({
  requestsPerMinute: limits.requests_per_minute,
  requestsAtOnce: limits.requests_at_once,
  refusalsPerHour: limits.refusals_per_hour,
  textPerHour: limits.text_per_hour,
  longTextShare: limits.long_text_share,
  streams: limits.streams,
  sessionsPerHour: limits.sessions_per_hour,
  openApprovals: limits.open_approvals,
  approvalsPerHour: limits.approvals_per_hour,
});

/** Reads, checks and completes a configuration file. Throws SnowfenceError. */
export async function loadConfig(path: string): Promise<Config> {
  const full = resolve(path);
  let text: string;
  try {
    text = await readFile(full, 'utf8');
  } catch {
    throw new SnowfenceError(
      'CONFIG_MISSING',
      `The configuration file ${full} can not be read.`,
      'Copy examples/snowfence.yaml and fill it in.',
    );
  }
  const base = dirname(full);
  const parsed = parse(path, text);
  const { server, snowflake } = parsed;
  const [, host = '127.0.0.1', port = '8787'] = /^(.*):(\d+)$/.exec(server.listen) ?? [];
  const bare = host.replace(/^\[|\]$/g, '');
  const isHere = isLoopback(bare);
  if (!isHere && !server.tls && !server.behind_proxy)
    throw new SnowfenceError(
      'TLS_MISSING',
      `server.listen is ${server.listen}, which others can reach, and there is neither server.tls nor server.behind_proxy.`,
      'Tokens must not travel in clear: name a certificate under server.tls, or set behind_proxy where a proxy does TLS.',
    );
  if (!isHere && !server.tls && server.public_url === undefined)
    throw new SnowfenceError(
      'CONFIG_INVALID',
      `server.listen is ${server.listen} behind a proxy, and there is no server.public_url.`,
      'Name the https address that the proxy answers at: people are sent there, and cookies are kept to it.',
    );
  if (!checksCertificates())
    throw new SnowfenceError(
      'TLS_MISSING',
      'NODE_TLS_REJECT_UNAUTHORIZED=0 is set: no certificate of anybody would be checked.',
      'Unset it. NODE_EXTRA_CA_CERTS names a file with authorities of your own.',
    );
  const scheme = server.tls ? 'https' : 'http';
  const publicUrl = new URL(server.public_url ?? `${scheme}://${host}:${port}/mcp`);
  const { transcript } = parsed;
  const databaseUrl = await postgresUrl(transcript, base, 'url');
  const notaryUrl = await optionalUrl(transcript, base, 'notary_url');
  const readerUrl = await optionalUrl(transcript, base, 'reader_url');
  checkDatabaseRoles([databaseUrl, notaryUrl, readerUrl]);
  const checkpointFiles = transcript.checkpoints.files.map((path) => (isAbsolute(path) ? path : join(base, path)));
  const issuers = issuersOf(parsed.identity);
  return {
    file: full,
    listen: { host: bare, port: Number(port) },
    publicUrl,
    isBehindProxy: server.behind_proxy,
    allowedHosts: [
      ...new Set([
        ...(server.allowed_hosts ?? []),
        publicUrl.hostname,
        ...(isHere ? ['127.0.0.1', 'localhost', '[::1]'] : []),
      ]),
    ],
    tls: server.tls
      ? {
          cert: await secretFile(server.tls.cert_file, base, 'server.tls.cert_file'),
          key: await secretFile(server.tls.key_file, base, 'server.tls.key_file'),
        }
      : undefined,
    warehouse: {
      account: snowflake.account,
      accessUrl: snowflake.access_url,
      username: snowflake.username,
      auth: await warehouseAuth(snowflake, base),
      database: snowflake.database,
      schema: snowflake.schema,
      poolSize: snowflake.pool_size,
      connectTimeoutMs: snowflake.connect_timeout,
      confirm: snowflake.confirm,
    },
    databaseUrl,
    notaryUrl,
    readerUrl,
    adminUrl: () => postgresUrl(transcript, base, 'admin_url'),
    keys: await recordKeys(transcript, base),
    checkpoints: {
      everyMs: transcript.checkpoints.every,
      files: checkpointFiles,
      stdout: transcript.checkpoints.stdout,
    },
    // Beside the checkpoints that are kept elsewhere: out of the database's reach for the same reason.
    notary: {
      stateFile: resolve(
        base,
        transcript.notary.state ??
          join(checkpointFiles[0] === undefined ? base : dirname(checkpointFiles[0]), 'notary.json'),
      ),
    },
    onIntegrityProblem: transcript.on_integrity_problem,
    acknowledged: new Set(transcript.acknowledged),
    forged: new Set(transcript.forged),
    auditors: rolesOf(transcript.auditors, parsed),
    retention: {
      keepDays: transcript.retention.keep === undefined ? undefined : Number.parseInt(transcript.retention.keep, 10),
      folder: isAbsolute(transcript.retention.archive_to)
        ? transcript.retention.archive_to
        : join(base, transcript.retention.archive_to),
    },
    settleAfterMs: transcript.settle_after,
    webhooks: await Promise.all(parsed.webhooks.map((webhook) => readWebhook(webhook, base))),
    issuers,
    limits: limitsOf(parsed.limits),
    console: await readConsole(parsed, issuers, base),
    policies: resolve(base, parsed.policies.folder),
    policyTimes: {
      stillMs: parsed.policies.still,
      openingMs: parsed.policies.still_opening,
      pollMs: parsed.policies.poll,
    },
    reloadSocket:
      parsed.policies.reload_socket === undefined ? undefined : resolve(base, parsed.policies.reload_socket),
    logLevel: parsed.log.level,
    shutdown: { graceMs: parsed.shutdown.grace, running: parsed.shutdown.running },
  };
}
