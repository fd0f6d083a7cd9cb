/** Doctor's look at the transcript's store: that it answers, is as setup makes it, and holds what the record says. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config/index.js';
import {
  excessPrivileges,
  isPlainDatabase,
  pendingMigrations,
  SealedRows,
  stateProblems,
  storePool,
  storeProblems,
  withClient,
} from '../../transcript/index.js';
import { rolesOf } from '../access/store.js';
import { type Finding, messageOf, ok, problem, warning } from './finding.js';

export async function checkTranscript(config: Config): Promise<Finding[]> {
  const pool = storePool(config.databaseUrl, undefined, 1);
  try {
    const findings = [...plainWays(config), ...(await checkStore(pool, config))];
    // Nothing more can be asked of a store that does not answer, or is not set up.
    if (findings.some(({ state }) => state === 'problem')) return findings;
    return [
      ...findings,
      ...(await checkRoles(config)),
      ...(await checkShape(pool, config)),
      ...(await checkRows(pool, config)),
      ...(await checkNotary(config)),
    ];
  } finally {
    await pool.end();
  }
}

/** What the configuration lets go in clear. */
function plainWays({ databaseUrl, notaryUrl, readerUrl }: Config): Finding[] {
  const hosts = [databaseUrl, notaryUrl, readerUrl].flatMap((url) =>
    url !== undefined && isPlainDatabase(url) ? [new URL(url).host] : [],
  );
  return [...new Set(hosts)].map((host) =>
    warning(
      'transcript',
      `PostgreSQL at ${host} is reached without TLS (transcript.tls: disable): whoever is on the way reads the record and the passwords`,
      'Turn TLS on there and take transcript.tls out; ?sslrootcert=FILE in the URL names an authority of your own.',
    ),
  );
}

/** The notary's and the readers' own roles: that they answer, and may no more than they should. */
async function checkRoles(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [purpose, url, does] of [
    ['notary', config.notaryUrl, 'sign checkpoints over what it wrote itself'],
    ['reader', config.readerUrl, 'lengthen the record where people only read'],
  ] as const) {
    if (url === undefined) {
      findings.push(
        warning(
          'transcript',
          `there is no role for the ${purpose}: whoever holds the gateway's password can ${does}`,
          `Name a user for it in transcript.${purpose}_url_env or ${purpose}_url_file, and run snowfence store setup.`,
        ),
      );
      continue;
    }
    const pool = storePool(url, undefined, 1);
    try {
      for (const excess of await excessPrivileges(pool, purpose, true))
        findings.push(
          problem('transcript', `the ${purpose}'s role may too much: ${excess}`, 'Run: snowfence store setup'),
        );
    } catch (error) {
      findings.push(
        problem(
          'transcript',
          `PostgreSQL does not answer the ${purpose}'s role: ${messageOf(error)}`,
          'Run: snowfence store setup',
        ),
      );
    } finally {
      await pool.end();
    }
  }
  return findings;
}

/** What somebody did to the store, the first of it; `untouched`: what is said where nobody did. */
const tampered = (problems: readonly string[], untouched: string, remedy: string): Finding[] =>
  problems.length === 0
    ? [ok('transcript', untouched)]
    : problems.slice(0, 20).map((what) => problem('transcript', what, remedy));

/** The store itself against what the migrations make: what `verify` asks first. */
async function checkShape(pool: ReturnType<typeof storePool>, config: Config): Promise<Finding[]> {
  const problems = await withClient(pool, (client) => storeProblems(client, rolesOf(config)));
  return tampered(
    problems,
    'functions, triggers, owners and rights are as setup makes them',
    'Find out who did that, then run snowfence verify and snowfence store setup.',
  );
}

/** Budgets, cursors, deliveries and sign-ins against their HMACs and the record: what `verify` asks, too. */
async function checkRows(pool: ReturnType<typeof storePool>, config: Config): Promise<Finding[]> {
  const problems = await stateProblems(pool, new SealedRows(config.keys.sealing, () => undefined));
  return tampered(
    problems,
    'budgets, cursors, webhooks and sign-ins are as the record has them',
    'Find out who did that, then run snowfence verify. It counts for nothing.',
  );
}

/** Whether the notary has a place of its own to remember by. */
async function checkNotary({ notary: { stateFile } }: Config): Promise<Finding[]> {
  try {
    await access(dirname(stateFile), constants.W_OK);
    return [];
  } catch {
    return [
      warning(
        'transcript',
        `the notary can not keep its last head in ${stateFile}`,
        'Name a file that the gateway may write, out of the reach of whoever holds the database: transcript.notary.state.',
      ),
    ];
  }
}

async function checkStore(pool: ReturnType<typeof storePool>, config: Config): Promise<Finding[]> {
  try {
    await pool.query('SELECT 1');
  } catch (error) {
    const text = messageOf(error);
    const remedy = /SSL|TLS|certificate|altnames/i.test(text)
      ? 'Anywhere but on this machine PostgreSQL has to offer TLS with a certificate for its name: turn ssl on there; ?sslrootcert=FILE in the URL names an authority of your own. On a private network that you trust, transcript.tls: disable does without.'
      : /password|authentication/i.test(text)
        ? 'Check user and password in the URL of PostgreSQL; snowfence store setup makes the user.'
        : /does not exist/.test(text)
          ? 'Create the database, or name another in the URL; snowfence store setup makes the user.'
          : 'Check host and port in the URL, and that this machine reaches them.';
    return [problem('transcript', `PostgreSQL does not answer: ${text || 'no connection'}`, remedy)];
  }
  const { rows } = await pool.query<{ version: string; sync: string }>(
    "SELECT current_setting('server_version') AS version, current_setting('fsync') AS sync",
  );
  const facts = rows[0];
  const findings = [ok('transcript', `PostgreSQL ${facts?.version ?? ''} answers`)];
  const pending = await pendingMigrations(pool);
  if (pending.length > 0)
    findings.push(
      problem(
        'transcript',
        `the tables are not set up: ${pending.length} migrations are pending`,
        'Run: snowfence store setup',
      ),
    );
  for (const excess of pending.length > 0
    ? []
    : await excessPrivileges(pool, 'gateway', config.notaryUrl !== undefined))
    findings.push(
      problem(
        'transcript',
        `the gateway's role may change the record: ${excess}`,
        'Give the gateway a role of its own: name another user in its URL, and run snowfence store setup.',
      ),
    );
  if (facts?.sync === 'off')
    findings.push(
      problem('transcript', 'fsync is off: a record could be lost with the power', 'Set fsync = on in PostgreSQL.'),
    );
  return findings;
}
