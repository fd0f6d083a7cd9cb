/** The transcript's store as commands use it. */
import { userInfo } from 'node:os';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { recordMask } from '../../gateway/index.js';
import { type StoreRoles, setUpStore, TranscriptStore, userOf } from '../../transcript/index.js';
import { asAdmin } from './admin.js';

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function operator(): string {
  try {
    return userInfo().username;
  } catch {
    return 'operator';
  }
}

/** Open; the caller closes it. What a command does is recorded under the name of the account that runs it. Throws SnowfenceError. */
export async function openStore(config: Config): Promise<TranscriptStore> {
  const store = new TranscriptStore(config.databaseUrl, {
    keys: config.keys,
    mask: recordMask(),
    writer: { actor: 'operator', subject: operator(), groups: [] },
    onError: () => undefined,
    onIntegrityProblem: () => undefined,
    forged: config.forged,
    readerUrl: config.readerUrl,
    statementTimeoutMs: 60_000,
  });
  try {
    await store.ping();
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw new SnowfenceError(
      'STORE_UNREACHABLE',
      `The transcript store is not reachable: ${messageOf(error)}`,
      'snowfence doctor says more.',
      1,
    );
  }
}

/** Of the configuration's URLs. */
export const rolesOf = ({ databaseUrl, notaryUrl, readerUrl }: Config): StoreRoles => ({
  gateway: userOf(databaseUrl),
  notary: notaryUrl === undefined ? undefined : userOf(notaryUrl),
  reader: readerUrl === undefined ? undefined : userOf(readerUrl),
});

/** `snowfence store setup` */
export const setUp = (config: Config): Promise<string> =>
  asAdmin(config, { statementTimeoutMs: 600_000, connections: 1 }, async (admin) => {
    try {
      const { databaseUrl: gateway, notaryUrl: notary, readerUrl: reader } = config;
      const { migrations, made } = await setUpStore(admin, { gateway, notary, reader });
      const line = (url: string | undefined, may: string): string[] => {
        if (url === undefined) return [];
        const role = userOf(url);
        const isNew = made.includes(role);
        return [
          `${isNew ? 'Made the role' : 'The role'} ${role}${isNew ? '' : ' was there'}: it may ${may}, nothing else.`,
        ];
      };
      return [
        migrations.length === 0 ? 'The tables are up to date.' : `Applied ${migrations.join(', ')}.`,
        ...line(gateway, `read the transcript and add to it${notary === undefined ? ', and sign it' : ''}`),
        ...line(notary, 'read the transcript and sign it'),
        ...line(reader, 'read the transcript'),
      ].join('\n');
    } catch (error) {
      throw new SnowfenceError(
        'STORE_NOT_SET_UP',
        `The store could not be set up: ${messageOf(error)}`,
        'The administrator of admin_url_env or admin_url_file has to own the database, or be allowed to make tables and roles in it.',
        1,
      );
    }
  });
