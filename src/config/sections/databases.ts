/** Of the configuration: the record's database, as each role that it is reached by. */

import { SnowfenceError } from '../problem.js';
import { checkedDatabase } from '../values/database.js';
import { secret } from '../values/secrets.js';
import type { Transcript } from './transcript.js';

const DATABASE_URLS = {
  url: 'the URL of PostgreSQL',
  notary_url: "the notary's URL of PostgreSQL",
  reader_url: "the readers' URL of PostgreSQL",
  admin_url: "the administrator's URL of PostgreSQL",
} as const;

async function postgresUrl(transcript: Transcript, base: string, key: keyof typeof DATABASE_URLS): Promise<string> {
  const what = `transcript: ${DATABASE_URLS[key]}`;
  const [env, path] = [transcript[`${key}_env`], transcript[`${key}_file`]];
  return checkedDatabase(await secret(env, path, base, what, `${key}_env nor ${key}_file`), what, transcript.tls);
}

/** undefined where neither key is set. */
const optionalUrl = async (
  transcript: Transcript,
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

export interface Databases {
  readonly databaseUrl: string;
  /** Of the role that signs checkpoints, and of the one that people's looks go by; undefined where the gateway's own does it. */
  readonly notaryUrl: string | undefined;
  readonly readerUrl: string | undefined;
  /** Of the store's administrator: for setting up, retention and keys. Read when it is asked for; the gateway never does. */
  readonly adminUrl: () => Promise<string>;
}

/** Throws SnowfenceError. */
export async function databasesOf(transcript: Transcript, base: string): Promise<Databases> {
  const databaseUrl = await postgresUrl(transcript, base, 'url');
  const notaryUrl = await optionalUrl(transcript, base, 'notary_url');
  const readerUrl = await optionalUrl(transcript, base, 'reader_url');
  checkDatabaseRoles([databaseUrl, notaryUrl, readerUrl]);
  return { databaseUrl, notaryUrl, readerUrl, adminUrl: () => postgresUrl(transcript, base, 'admin_url') };
}
