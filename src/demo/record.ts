/** The demo's transcript store: its roles, its keys, its tables. */
import { newEncryptionKey, newSigningKey } from '../config/new-secrets.js';
import { type StoreUrls, setUpStore, storePool } from '../transcript/index.js';
import { keptSecret, newPassword } from './secrets.js';

export const databaseUrl = (user: string, port: number, password: string): string =>
  `postgres://${user}:${password}@127.0.0.1:${port}/postgres`;

/** `port`: of PostgreSQL. `adminUrl`: of its administrator. Answers the URLs that the gateway is given. */
export async function setUpRecord(folder: string, port: number, adminUrl: string): Promise<StoreUrls> {
  // A role for each purpose: the gateway's may lengthen the record, the notary's sign it, the reader's read it; none changes it.
  const urlOf = async (purpose: string): Promise<string> =>
    databaseUrl(`snowfence_${purpose}`, port, await keptSecret(folder, `${purpose}-database-password`, newPassword));
  const urls = { gateway: await urlOf('gateway'), notary: await urlOf('notary'), reader: await urlOf('reader') };
  await keptSecret(folder, 'signing-key.pem', newSigningKey);
  await keptSecret(folder, 'encryption-key', newEncryptionKey);
  const admin = storePool(adminUrl, 30_000, 1);
  await setUpStore(admin, urls).finally(() => admin.end());
  return urls;
}
