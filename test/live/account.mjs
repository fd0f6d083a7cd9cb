/** The account that is asked: by its environment, or an embedded warehouse in its place (`--stand-in`). */
import { readFileSync } from 'node:fs';
import { DEFAULT_OPTIONS, Warehouse as Embedded } from '../../dist/embedded/warehouse/index.js';
import { Warehouse } from '../../dist/warehouse/index.js';

const NEEDED = ['SNOWFLAKE_ACCOUNT', 'SNOWFLAKE_USER', 'SNOWFLAKE_ROLE', 'SNOWFLAKE_WAREHOUSE', 'SNOWFLAKE_DATABASE'];
const SECRETS = 'SNOWFLAKE_PRIVATE_KEY_FILE (or SNOWFLAKE_PASSWORD or SNOWFLAKE_TOKEN)';

/** Names of variables that are not set. */
export function lacking(env) {
  const hasSecret = env.SNOWFLAKE_PRIVATE_KEY_FILE || env.SNOWFLAKE_PASSWORD || env.SNOWFLAKE_TOKEN;
  return [...NEEDED.filter((name) => !env[name]), ...(hasSecret ? [] : [SECRETS])];
}

function authOf(env) {
  if (env.SNOWFLAKE_PRIVATE_KEY_FILE)
    return {
      kind: 'key_pair',
      privateKey: readFileSync(env.SNOWFLAKE_PRIVATE_KEY_FILE, 'utf8'),
      passphrase: env.SNOWFLAKE_PRIVATE_KEY_PASSPHRASE,
    };
  if (env.SNOWFLAKE_TOKEN) return { kind: 'token', token: env.SNOWFLAKE_TOKEN };
  return { kind: 'password', password: env.SNOWFLAKE_PASSWORD };
}

const COMMON = { database: undefined, schema: undefined, poolSize: 2, connectTimeoutMs: 60_000, confirm: 'always' };

/** `open` makes another warehouse over the same account; `end` closes all. */
export async function accountOf(env, isStandIn) {
  const opened = [];
  const made = (options) => {
    const warehouse = new Warehouse(options);
    opened.push(warehouse);
    return warehouse;
  };
  if (!isStandIn) {
    const options = {
      ...COMMON,
      account: env.SNOWFLAKE_ACCOUNT,
      accessUrl: env.SNOWFLAKE_ACCESS_URL,
      username: env.SNOWFLAKE_USER,
      auth: authOf(env),
    };
    return {
      key: { role: env.SNOWFLAKE_ROLE, warehouse: env.SNOWFLAKE_WAREHOUSE },
      database: env.SNOWFLAKE_DATABASE.toUpperCase(),
      open: () => made(options),
      end: async () => {
        for (const each of opened) await each[Symbol.asyncDispose]();
      },
    };
  }
  const users = [{ name: 'SNOWFENCE', password: 'of-a-test' }];
  const embedded = await Embedded.start({ ...DEFAULT_OPTIONS, databases: ['LIVE'], seeds: [], users });
  const options = {
    ...COMMON,
    account: 'demo',
    accessUrl: embedded.url,
    username: 'SNOWFENCE',
    auth: { kind: 'password', password: 'of-a-test' },
  };
  return {
    key: { role: 'R', warehouse: 'W' },
    database: 'LIVE',
    open: () => made(options),
    end: async () => {
      for (const each of opened) await each[Symbol.asyncDispose]();
      await embedded[Symbol.asyncDispose]();
    },
  };
}
