/** The configuration as the rest of the house has it: read from a file, checked, with its secrets, whole or not at all. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Limits } from '../gateway/index.js';
import type { IssuerOptions } from '../identity/index.js';
import type { RecordKeys, Webhook } from '../transcript/index.js';
import type { WarehouseOptions } from '../warehouse/index.js';
import { type ConfigFile, parse } from './file.js';
import { because, SnowfenceError } from './problem.js';
import { type ConsoleConfig, readConsole } from './sections/console.js';
import { type Databases, databasesOf } from './sections/databases.js';
import { issuersOf, type Role, rolesOf } from './sections/identity.js';
import { limitsOf } from './sections/limits.js';
import { type PolicyFolder, policyFolderOf } from './sections/policies.js';
import { recordKeys } from './sections/record-keys.js';
import { type Certificate, certificateOf, type Listening, listeningOf } from './sections/server.js';
import { warehouseOf } from './sections/snowflake.js';
import { type RecordConfig, recordOf } from './sections/transcript.js';
import { readWebhook } from './sections/webhooks.js';

export interface Config extends Listening, Databases, RecordConfig, PolicyFolder {
  readonly file: string;
  readonly tls: Certificate | undefined;
  readonly warehouse: WarehouseOptions;
  readonly keys: RecordKeys;
  /** Groups whose members may see the record whole. */
  readonly auditors: readonly Role[];
  /** undefined where nobody signs in. */
  readonly console: ConsoleConfig | undefined;
  readonly webhooks: readonly Webhook[];
  readonly issuers: readonly IssuerOptions[];
  /** What each principal may cost before anything of it is judged. */
  readonly limits: Limits;
  /** What stands before the name of each tool; empty for nothing. */
  readonly toolPrefix: string;
  readonly logLevel: ConfigFile['log']['level'];
  readonly shutdown: { readonly graceMs: number; readonly running: 'finish' | 'cancel' };
}

/** Reads, checks and completes a configuration file. Throws SnowfenceError. */
export async function loadConfig(path: string): Promise<Config> {
  const full = resolve(path);
  let text: string;
  try {
    text = await readFile(full, 'utf8');
  } catch (error) {
    throw new SnowfenceError(
      'CONFIG_MISSING',
      `The configuration file ${full} can not be read${because(error)}`,
      'Name yours by --config; examples/snowfence.yaml is one to copy and fill in.',
    );
  }
  const base = dirname(full);
  const parsed = parse(path, text);
  const { server, transcript } = parsed;
  const listening = listeningOf(server);
  const databases = await databasesOf(transcript, base);
  const issuers = issuersOf(parsed.identity);
  return {
    file: full,
    ...listening,
    tls: await certificateOf(server, base),
    warehouse: await warehouseOf(parsed.snowflake, base),
    ...databases,
    keys: await recordKeys(transcript, base),
    ...recordOf(transcript, base),
    auditors: rolesOf(transcript.auditors, parsed),
    webhooks: await Promise.all(parsed.webhooks.map((webhook) => readWebhook(webhook, base))),
    issuers,
    limits: limitsOf(parsed.limits),
    console: await readConsole(parsed.console, parsed, issuers, base),
    ...policyFolderOf(parsed.policies, base),
    toolPrefix: parsed.tools.prefix,
    logLevel: parsed.log.level,
    shutdown: { graceMs: parsed.shutdown.grace, running: parsed.shutdown.running },
  };
}
