/** `snowfence doctor`: tries each part that `serve` needs, and says what to mend. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { type Config, loadConfig } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { TokenVerifier } from '../../identity/index.js';
import { HASH_FUNCTION } from '../../masking/index.js';
import { loadPolicies, PolicyProblems, type PolicySet } from '../../policy/index.js';
import type { Style } from '../../terminal/index.js';
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
import { SETUP_TAG, StatementFailed, Warehouse } from '../../warehouse/index.js';
import { HASH_WORKS, KEY_READABLE, KEY_TABLE, WHO } from '../access/own-questions.js';
import { rolesOf } from '../access/store.js';
import { checkConstraints } from './constraints.js';

export interface Finding {
  readonly part: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  readonly remedy: string | undefined;
}

const ok = (part: string, detail: string): Finding => ({ part, state: 'ok', detail, remedy: undefined });
const problem = (part: string, detail: string, remedy: string): Finding => ({ part, state: 'problem', detail, remedy });
const warning = (part: string, detail: string, remedy: string): Finding => ({ part, state: 'warning', detail, remedy });

const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
};

async function checkListen(config: Config): Promise<Finding> {
  const { host, port } = config.listen;
  try {
    await new Promise<void>((resolve, reject) => {
      const probe = createServer();
      probe.once('error', reject);
      probe.listen(port, host, () => probe.close(() => resolve()));
    });
    return ok('server', `${host}:${port} is free`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE')
      return warning(
        'server',
        `${host}:${port} is taken`,
        'Fine if snowfence itself is running there; otherwise choose another port under server.listen.',
      );
    return problem(
      'server',
      `can not listen on ${host}:${port}: ${messageOf(error)}`,
      'Name an address of this machine under server.listen.',
    );
  }
}

async function checkPolicies(config: Config): Promise<{ finding: Finding; set: PolicySet | undefined }> {
  try {
    const set = await loadPolicies(
      config.policies,
      config.issuers.map(({ issuer }) => issuer),
    );
    if (set.policies.length === 0)
      return {
        finding: problem(
          'policies',
          `${config.policies} holds no policy`,
          'Put at least one .yaml file there: without one everything is denied.',
        ),
        set,
      };
    return { finding: ok('policies', `${set.policies.length} in ${config.policies}, version ${set.version}`), set };
  } catch (error) {
    if (error instanceof PolicyProblems)
      return { finding: problem('policies', messageOf(error), 'Mend the lines named.'), set: undefined };
    return {
      finding: problem(
        'policies',
        `${config.policies} can not be read: ${messageOf(error)}`,
        'Check "policies" in the configuration.',
      ),
      set: undefined,
    };
  }
}

async function checkIdentity(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { issuer, problem: wrong } of await new TokenVerifier(config.issuers).check()) {
    findings.push(
      wrong === undefined
        ? ok('identity', `${issuer} is discovered and names its keys`)
        : problem(
            'identity',
            `${issuer}: ${wrong}`,
            `Open ${issuer.replace(/\/$/, '')}/.well-known/openid-configuration from this machine; the issuer has to be spelled as it says there.`,
          ),
    );
  }
  if (config.console && !config.console.scopes.includes('email'))
    findings.push(
      warning(
        'identity',
        'people sign in without their mail address, so nobody can tell whether two accounts are one person: no yes of theirs counts where several people have to agree, or where an agent is known by a mail address',
        'Add email to console.scopes, and have the identity provider give it.',
      ),
    );
  for (const { issuer, audience } of config.issuers)
    if (audience !== config.publicUrl.href && audience !== config.publicUrl.href.replace(/\/$/, ''))
      findings.push(
        warning(
          'identity',
          `the audience ${audience} of ${issuer} is not the public URL ${config.publicUrl.href}`,
          'MCP clients ask for tokens for the public URL (RFC 8707). Set audience to it, unless your tokens are issued otherwise.',
        ),
      );
  return findings;
}

async function checkTranscript(config: Config): Promise<Finding[]> {
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

/** The store itself against what the migrations make: what `verify` asks first. */
async function checkShape(pool: ReturnType<typeof storePool>, config: Config): Promise<Finding[]> {
  const problems = await withClient(pool, (client) => storeProblems(client, rolesOf(config)));
  if (problems.length === 0)
    return [ok('transcript', 'functions, triggers, owners and rights are as setup makes them')];
  return problems
    .slice(0, 20)
    .map((what) =>
      problem('transcript', what, 'Find out who did that, then run snowfence verify and snowfence store setup.'),
    );
}

/** Budgets, cursors, deliveries and sign-ins against their HMACs and the record: what `verify` asks, too. */
async function checkRows(pool: ReturnType<typeof storePool>, config: Config): Promise<Finding[]> {
  const problems = await stateProblems(pool, new SealedRows(config.keys.sealing, () => undefined));
  if (problems.length === 0)
    return [ok('transcript', 'budgets, cursors, webhooks and sign-ins are as the record has them')];
  return problems
    .slice(0, 20)
    .map((what) =>
      problem('transcript', what, 'Find out who did that, then run snowfence verify. It counts for nothing.'),
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

async function checkWarehouse(config: Config, set: PolicySet | undefined): Promise<Finding[]> {
  const findings: Finding[] = [];
  await using warehouse = new Warehouse(config.warehouse);
  const pairs = new Map((set?.policies ?? []).map((policy) => [`${policy.role} ${policy.warehouse}`, policy]));
  for (const policy of pairs.values()) {
    const key = { role: policy.role, warehouse: policy.warehouse };
    const name = `role ${policy.role}, warehouse ${policy.warehouse}`;
    try {
      const [row = {}] = await warehouse.ask(key, WHO.of(), SETUP_TAG);
      if (String(row['R']).toUpperCase() !== policy.role.toUpperCase())
        findings.push(
          problem(
            'snowflake',
            `${name}: the session runs as ${String(row['R'])}`,
            `GRANT ROLE ${policy.role} TO USER ${config.warehouse.username};`,
          ),
        );
      else if (row['W'] === null)
        findings.push(
          problem(
            'snowflake',
            `${name}: the warehouse is not there for this role`,
            `GRANT USAGE ON WAREHOUSE ${policy.warehouse} TO ROLE ${policy.role};`,
          ),
        );
      else findings.push(ok('snowflake', `${name}: log-in works`));
      if (/"value":"ALL"/.test(String(row['S'])))
        findings.push(
          problem(
            'snowflake',
            `${name}: secondary roles are active and would widen it`,
            `ALTER USER ${config.warehouse.username} SET DEFAULT_SECONDARY_ROLES = ();`,
          ),
        );
      if (policy.columns.some((column) => column.mask.kind === 'hash')) await checkHash(warehouse, key, findings);
      findings.push(...(await checkConstraints(warehouse, key, set)));
    } catch (error) {
      const text = messageOf(error);
      const remedy = /refused|password|JWT|token/i.test(text)
        ? 'Check username, auth and its secret; for a key pair, that the public key is set on the user (DESC USER … shows RSA_PUBLIC_KEY_FP).'
        : 'Check account, access_url and network rules; Snowflake has to be reachable from this machine.';
      findings.push(problem('snowflake', `${name}: ${text}`, remedy));
    }
  }
  return findings;
}

async function checkHash(
  warehouse: Warehouse,
  key: { role: string; warehouse: string },
  findings: Finding[],
): Promise<void> {
  const RUN = 'Run the section "hash" of examples/snowflake-setup.sql.';
  try {
    const [row = {}] = await warehouse.ask(key, HASH_WORKS.of(), SETUP_TAG);
    findings.push(
      typeof Object.values(row)[0] === 'string'
        ? ok('snowflake', `${HASH_FUNCTION} works for role ${key.role}`)
        : problem('snowflake', `${HASH_FUNCTION} has no key: every value under the mask "hash" would be NULL`, RUN),
    );
  } catch (error) {
    findings.push(problem('snowflake', `the mask "hash" needs ${HASH_FUNCTION}: ${messageOf(error)}`, RUN));
    return;
  }
  try {
    await warehouse.ask(key, KEY_READABLE.of(), SETUP_TAG);
  } catch (error) {
    // As it should be: there is no such table for this role.
    if (error instanceof StatementFailed) return;
    throw error;
  }
  findings.push(
    problem(
      'snowflake',
      `role ${key.role} may read ${KEY_TABLE}, the key of the mask "hash"`,
      `REVOKE ALL ON TABLE ${KEY_TABLE} FROM ROLE ${key.role}; and make a new key as examples/snowflake-setup.sql says.`,
    ),
  );
}

/** All that was tried, whatever failed before it. */
export async function diagnose(file: string): Promise<readonly Finding[]> {
  let config: Config;
  try {
    config = await loadConfig(file);
  } catch (error) {
    if (error instanceof SnowfenceError)
      return [problem('configuration', error.message, error.hint ?? 'Mend the lines named.')];
    throw error;
  }
  const { finding, set } = await checkPolicies(config);
  const rest = await Promise.all([checkIdentity(config), checkTranscript(config), checkWarehouse(config, set)]);
  return [ok('configuration', `${config.file} is sound`), await checkListen(config), finding, ...rest.flat()];
}

const MARKS = { ok: '✓', warning: '!', problem: '✗' } as const;

export function renderFindings(findings: readonly Finding[], style: Style): string {
  const colour = { ok: style.green, warning: style.yellow, problem: style.red };
  const lines = findings.map(({ part, state, detail, remedy }) => {
    const [head = '', ...more] = detail.split('\n');
    const body = [head, ...more.map((line) => `                 ${line}`)].join('\n');
    return `${colour[state](MARKS[state])} ${part.padEnd(14)} ${body}${remedy ? `\n                 ${style.bold('→')} ${remedy}` : ''}`;
  });
  const problems = findings.filter((finding) => finding.state === 'problem').length;
  return [
    ...lines,
    '',
    problems === 0
      ? 'Everything that serve needs is there.'
      : `${problems} ${problems === 1 ? 'thing' : 'things'} to mend.`,
  ].join('\n');
}
