/** What `serve` says of a store that is not as it has to be. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { newEncryptionKey, newSigningKey } from '../../../dist/config/new-secrets.js';
import { freePort } from '../../../dist/demo/child.js';
import { MAIN } from '../../support/demo.js';
import { startPostgres, type TestPostgres } from '../../support/store/postgres.mjs';
import { gatewayUrlOf } from '../../support/store/store.mjs';

let postgres: TestPostgres;
let folder: string;
beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'snowfence-serve-'));
  await writeFile(join(folder, 'signing.pem'), newSigningKey());
  await writeFile(join(folder, 'encryption.key'), newEncryptionKey());
  await writeFile(join(folder, 'admin-url'), postgres.url);
  await writeFile(join(folder, 'password'), 'none');
});
afterAll(async () => {
  await postgres.end();
  await rm(folder, { recursive: true });
});

async function snowfence(args: readonly string[], url: string): Promise<{ code: number; text: string }> {
  const config = join(folder, 'snowfence.yaml');
  await writeFile(join(folder, 'url'), url);
  const issuers = [{ issuer: 'http://127.0.0.1:9', audience: 'x' }];
  const snowflake = { account: 'demo', username: 'X', auth: 'password', password_file: 'password' };
  const transcript = {
    url_file: 'url',
    admin_url_file: 'admin-url',
    signing_key_file: 'signing.pem',
    encryption_keys: [{ file: 'encryption.key' }],
  };
  const server = { listen: `127.0.0.1:${await freePort()}` };
  const policies = fileURLToPath(new URL('../../acceptance/policies', import.meta.url));
  await writeFile(config, stringify({ server, snowflake, transcript, identity: { issuers }, policies }));
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args, '--config', config], { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: stdout + stderr }),
    );
  });
}

it('names the command that sets a store up, and refuses a role that could change the record', {
  timeout: 400_000,
}, async () => {
  const administrator = await snowfence(['serve'], postgres.url);
  expect(administrator).toMatchObject({ code: 2, text: expect.stringMatching(/(?:snowfence|main\.js) store setup/) });
  const own = await snowfence(['store', 'setup'], postgres.url);
  expect(own).toMatchObject({ code: 1, text: expect.stringContaining('the administrator itself') });
  const url = gatewayUrlOf(postgres.url);
  expect(await snowfence(['store', 'setup'], url)).toMatchObject({
    code: 0,
    text: expect.stringContaining('Made the role'),
  });
  expect(await snowfence(['store', 'setup'], url)).toMatchObject({
    code: 0,
    text: expect.stringContaining('was there'),
  });
  const excess = await snowfence(['serve'], postgres.url);
  expect(excess).toMatchObject({ code: 2, text: expect.stringContaining('is a superuser') });
  expect(await snowfence(['verify'], url)).toMatchObject({
    code: 0,
    text: expect.stringContaining('The transcript is whole.'),
  });
});
