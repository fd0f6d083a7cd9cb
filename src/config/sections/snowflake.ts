/** Of the configuration: the warehouse, and what it is logged in to with. */
import { z } from 'zod';
import type { ProxyServer, ReadToken, WarehouseOptions } from '../../warehouse/index.js';
import { SnowfenceError } from '../problem.js';
import { address } from '../values/address.js';
import { duration } from '../values/amounts.js';
import { environment, file, secret, secretEnvironment, secretOfCommand } from '../values/secrets.js';

/** A name of the IANA database, as TIMEZONE takes it (documentation page parameters); no offset. */
const isZone = (name: string): boolean => {
  try {
    return /^[A-Z]/.test(name) && Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

export const snowflakeShape = z.strictObject({
  account: z.string().regex(/^\w+(?:[.-]\w+)*$/, 'an account identifier such as myorg-myaccount'),
  username: z.string().min(1),
  access_url: address.optional(),
  auth: z.enum(['key_pair', 'oauth', 'token', 'password']).default('key_pair'),
  private_key_file: file.optional(),
  private_key_env: environment.optional(),
  private_key_passphrase_env: environment.optional(),
  token_env: environment.optional(),
  token_file: file.optional(),
  token_command: z.array(z.string().min(1)).min(1).optional(),
  password_env: environment.optional(),
  password_file: file.optional(),
  database: z.string().optional(),
  schema: z.string().optional(),
  pool_size: z.number().int().min(1).max(100).default(8),
  connect_timeout: duration(100, 300_000).default(10_000),
  confirm: z.enum(['off', 'cached', 'always']).default('cached'),
  ocsp: z.enum(['fail_open', 'fail_closed', 'off']).default('fail_open'),
  proxy: z
    .strictObject({
      host: z.string().regex(/^[A-Za-z0-9.-]+$/, 'a host’s name, without http:// and without a port'),
      port: z.number().int().min(1).max(65_535),
      user: z.string().min(1).optional(),
      password_env: environment.optional(),
      password_file: file.optional(),
      no_proxy: z.array(z.string().regex(/^[A-Za-z0-9.*-]+$/, 'a host’s name, .domain or *')).default([]),
    })
    .optional(),
  metadata_role: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_$]*$/, 'a role’s name such as SNOWFENCE_METADATA')
    .optional(),
  session: z
    .strictObject({
      timezone: z.string().refine(isZone, 'a time zone such as Europe/Berlin or UTC').optional(),
      week_start: z.number().int().min(0).max(7).optional(),
      week_of_year_policy: z.number().int().min(0).max(1).optional(),
      timestamp_type_mapping: z.enum(['TIMESTAMP_NTZ', 'TIMESTAMP_LTZ', 'TIMESTAMP_TZ']).optional(),
      two_digit_century_start: z.number().int().min(1900).max(2100).optional(),
    })
    .optional(),
});

type Snowflake = z.infer<typeof snowflakeShape>;

async function warehouseAuth(snowflake: Snowflake, base: string): Promise<WarehouseOptions['auth']> {
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
    case 'token': {
      const again = readToken(snowflake, base);
      return { kind: snowflake.auth, token: await again(), again };
    }
  }
}

/** The token as it is now: a token ends sooner than a gateway does, and whoever renews it writes the file anew. */
const readToken =
  ({ token_command: command, token_env: env, token_file: path }: Snowflake, base: string): ReadToken =>
  () =>
    command === undefined
      ? secret(env, path, base, 'snowflake: the token', 'token_env, token_file nor token_command')
      : secretOfCommand(command, base, 'snowflake: the token');

async function proxyOf({ proxy }: Snowflake, base: string): Promise<ProxyServer | undefined> {
  if (proxy === undefined) return undefined;
  const { host, port, user, password_env: env, password_file: path, no_proxy: none } = proxy;
  return {
    host,
    port,
    ...(user === undefined
      ? {}
      : {
          user,
          password: await secret(env, path, base, 'snowflake: the proxy’s password', 'password_env nor password_file'),
        }),
    ...(none.length === 0 ? {} : { noProxy: none.join('|') }),
  };
}

export const warehouseOf = async (snowflake: Snowflake, base: string): Promise<WarehouseOptions> => ({
  account: snowflake.account,
  accessUrl: snowflake.access_url,
  username: snowflake.username,
  auth: await warehouseAuth(snowflake, base),
  database: snowflake.database,
  schema: snowflake.schema,
  poolSize: snowflake.pool_size,
  connectTimeoutMs: snowflake.connect_timeout,
  confirm: snowflake.confirm,
  session: snowflake.session,
  ocsp: snowflake.ocsp,
  proxy: await proxyOf(snowflake, base),
  metadataRole: snowflake.metadata_role,
});
