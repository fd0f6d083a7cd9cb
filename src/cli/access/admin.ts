/** The store with the administrator's rights: what the gateway's own role may not do. */
import type { Config } from '../../config/index.js';
import { storePool } from '../../transcript/index.js';

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
    return await work(admin);
  } finally {
    await admin.end();
  }
}
