/** `snowfence keys`: the secrets of the record. */
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { table } from '../../terminal/index.js';
import {
  countKeys,
  type Erasure,
  ensureHolds,
  eraseKeys,
  issuersToErase,
  keyCounts,
  rotateKeys,
  type TranscriptStore,
  trustedKeys,
} from '../../transcript/index.js';
import { type AdminLimits, asAdmin } from '../access/admin.js';

const erasureOf = (options: EraseOptions): Erasure => ({
  sessions: options.sessions,
  subject: options.agent,
  issuer: options.issuer,
  before: options.before,
});

export interface EraseOptions {
  readonly sessions: readonly string[];
  readonly agent: string | undefined;
  readonly issuer: string | undefined;
  readonly before: Date | undefined;
}

const LIMITS: AdminLimits = { statementTimeoutMs: 600_000, connections: 1 };

export async function listKeys(config: Config, store: TranscriptStore): Promise<string> {
  const counts = new Map((await keyCounts(store.pool)).map(({ keyId, sessions }) => [keyId, sessions]));
  const known = config.keys.sealing.map(({ id }, index) => [
    id,
    index === 0 ? 'encrypts' : 'decrypts',
    String(counts.get(id) ?? 0),
  ]);
  const lost = [...counts].filter(([id]) => !config.keys.sealing.some((key) => key.id === id));
  return table(
    ['KEY', 'USE', 'SESSIONS'],
    [...known, ...lost.map(([id, sessions]) => [id, 'not configured', String(sessions)])],
  );
}

/** After a new key was put first in the configuration. */
export async function rotate(config: Config, store: TranscriptStore): Promise<string> {
  const changed = await asAdmin(config, LIMITS, (admin) => rotateKeys(admin, store.vault));
  await store.recorder.append({
    kind: 'keys_rotated',
    sessionId: undefined,
    statementId: undefined,
    body: { key: store.vault.currentKeyId, sessions: changed },
  });
  return `${changed} sessions are encrypted with key ${store.vault.currentKeyId} now. Keys that no session uses may go from the configuration.`;
}

/** Written down before it is done. */
export async function erase(
  config: Config,
  store: TranscriptStore,
  options: EraseOptions,
  isSure: boolean,
): Promise<string> {
  const erasure = erasureOf(options);
  if (erasure.sessions.length === 0 && erasure.subject === undefined && erasure.before === undefined)
    throw new SnowfenceError('USAGE', 'Nothing says whose texts are to go.', 'Name sessions, --agent or --before.');
  if (erasure.issuer !== undefined && erasure.subject === undefined)
    throw new SnowfenceError('USAGE', '--issuer says whose agent is meant.', 'Name it by --agent.');
  const issuers = erasure.subject === undefined ? [] : await issuersToErase(store.pool, erasure);
  if (issuers.length > 1)
    throw new SnowfenceError(
      'USAGE',
      `${erasure.subject ?? ''} is a principal of ${issuers.join(' and of ')}: these are two, and what is erased is gone for good.`,
      'Say which by --issuer.',
    );
  const count = await countKeys(store.pool, erasure);
  if (!isSure)
    return `The texts of ${count} sessions would go for good; their events stay, and still verify. Say --yes to do it.`;
  const about = {
    agent: erasure.subject ?? null,
    issuer: erasure.issuer ?? null,
    before: erasure.before?.toISOString() ?? null,
  };
  const erased = await asAdmin(config, LIMITS, async (admin) => {
    await ensureHolds(admin, trustedKeys(config.keys), config);
    return eraseKeys(admin, erasure, async (sessions) => {
      await store.recorder.append({
        kind: 'keys_erased',
        sessionId: undefined,
        statementId: undefined,
        body: { ...about, sessions },
      });
    });
  });
  return `The texts of ${erased} sessions are gone.${erased < count ? ` ${count - erased} are under a legal hold and stay.` : ''}`;
}
