/** The store with the administrator's rights: what the gateway's own role may not do. */
import type { Config } from '../../config/index.js';
import { SnowfenceError, systemWords } from '../../config/problem.js';
import { refusedForGood, storePool } from '../../transcript/index.js';

type Admin = ReturnType<typeof storePool>;

export interface AdminLimits {
  readonly statementTimeoutMs: number;
  readonly connections: number;
}

/** For one work; the connections are closed behind it. */
export async function asAdmin<T>(
  config: Config,
  { statementTimeoutMs, connections }: AdminLimits,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = storePool(await config.adminUrl(), statementTimeoutMs, connections);
  try {
    await admin.query('SELECT 1').catch((error: unknown) => {
      throw new SnowfenceError(
        'STORE_UNREACHABLE',
        `The transcript store does not let its administrator in: ${refusedForGood(error) ?? systemWords(error) ?? (error instanceof Error ? error.message : '')}.`,
        'Check transcript.admin_url_env or admin_url_file.',
        1,
      );
    });
    return await work(admin);
  } finally {
    await admin.end();
  }
}
