/** A configuration file that is sound, with its secrets beside it, and changed in one thing at a time. Nothing that it names is there. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Config, loadConfig } from '../../dist/config/config.js';
import { newEncryptionKey, newSigningKey } from '../../dist/config/new-secrets.js';

export interface Draft {
  server: Record<string, unknown>;
  snowflake: Record<string, unknown>;
  transcript: Record<string, unknown>;
  identity: { issuers: Record<string, unknown>[] };
  console: Record<string, unknown>;
  webhooks: Record<string, unknown>[];
  [key: string]: unknown;
}

export class ConfigurationFolder implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<ConfigurationFolder> {
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-configuration-'));
    await writeFile(join(folder, 'signing.pem'), newSigningKey());
    await writeFile(join(folder, 'encryption.key'), newEncryptionKey());
    await writeFile(join(folder, 'password'), 'of-a-test');
    await writeFile(join(folder, 'url'), 'postgres://gateway:of-a-test@127.0.0.1:9/transcript');
    return new ConfigurationFolder(folder);
  }

  /** Named by what `…_file` says of it. */
  async secret(name: string, text: string): Promise<string> {
    await writeFile(join(this.folder, name), text);
    return name;
  }

  /** What comes of it: the configuration, or the text of the refusal. */
  async tried(change: (draft: Draft) => void | Promise<void>): Promise<Config | string> {
    const draft: Draft = {
      server: { listen: '127.0.0.1:8787', public_url: 'https://snowfence.example.com/mcp', behind_proxy: true },
      snowflake: { account: 'a-b', username: 'SNOWFENCE', auth: 'password', password_file: 'password' },
      transcript: {
        url_file: 'url',
        signing_key_file: 'signing.pem',
        encryption_keys: [{ file: 'encryption.key' }],
      },
      identity: {
        issuers: [{ issuer: 'https://login.example.com', audience: 'https://snowfence.example.com/mcp' }],
      },
      console: { client_id: 'snowfence-console' },
      webhooks: [],
      policies: './policies',
    };
    await change(draft);
    const file = join(this.folder, 'snowfence.yaml');
    await writeFile(file, stringify(draft));
    return loadConfig(file).catch((error: Error) => error.message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
