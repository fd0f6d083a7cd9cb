/** Doctor's look at Snowflake, as each role and warehouse that the policies name. */
import { z } from 'zod';
import type { Config } from '../../config/index.js';
import { HASH_FUNCTION } from '../../masking/index.js';
import type { PolicySet } from '../../policy/index.js';
import { SETUP_TAG, StatementFailed, sessionValues, Warehouse } from '../../warehouse/index.js';
import { CHUNKED, CHUNKED_ROWS, HASH_WORKS, HOSTS, KEY_READABLE, KEY_TABLE, WHO } from '../access/own-questions.js';
import { checkConstraints } from './constraints.js';
import { type Finding, messageOf, ok, problem, warning } from './finding.js';

const CHUNKED_BYTES = 16_000_000;
/** A warehouse that sleeps has to start. */
const CHUNKED_MS = 90_000;

export async function checkWarehouse(config: Config, set: PolicySet | undefined): Promise<Finding[]> {
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
  const [first] = pairs.values();
  const { metadataRole } = config.warehouse;
  if (first && metadataRole !== undefined)
    findings.push(
      await checkMetadataRole(warehouse, { role: metadataRole, warehouse: first.warehouse }, config.warehouse.username),
    );
  if (first && findings.some(({ state }) => state === 'ok'))
    findings.push(await checkChunks(warehouse, { role: first.role, warehouse: first.warehouse }));
  if (first && findings.some(({ state }) => state === 'ok'))
    findings.push(...(await checkSession(warehouse, { role: first.role, warehouse: first.warehouse })));
  return findings;
}

const allowList = z.array(z.object({ type: z.string(), host: z.string(), port: z.coerce.number() }));

/** As Snowflake lists them; undefined where it does not. */
async function hostsOf(
  warehouse: Warehouse,
  key: { readonly role: string; readonly warehouse: string },
): Promise<string | undefined> {
  try {
    const [row = {}] = await warehouse.ask(key, HOSTS.of(), SETUP_TAG);
    const hosts = allowList.parse(JSON.parse(String(Object.values(row)[0])));
    return [...new Set(hosts.map(({ host, port }) => `${host}:${port}`))].join(', ');
  } catch {
    return undefined;
  }
}

/**
 * A small result comes with its answer, a larger one in chunks from cloud storage: whoever opened the way to the account alone finds out by the
 * first large answer of an agent's. Takes a running warehouse for a second.
 */
async function checkChunks(
  warehouse: Warehouse,
  key: { readonly role: string; readonly warehouse: string },
): Promise<Finding> {
  const hosts = await hostsOf(warehouse, key);
  const listed =
    hosts === undefined ? 'SELECT SYSTEM$ALLOWLIST() lists the hosts.' : `Open the way to these hosts: ${hosts}`;
  const wanted = CHUNKED_ROWS + 1;
  try {
    const { rows, reader } = await warehouse.run(key, CHUNKED.of(), {
      binds: [],
      tag: SETUP_TAG,
      maxResultRows: wanted,
      maxRows: wanted,
      maxBytes: CHUNKED_BYTES,
      timeoutMs: CHUNKED_MS,
      signal: undefined,
    });
    reader?.close();
    if (rows.length === CHUNKED_ROWS)
      return ok(
        'snowflake',
        `a result in chunks arrives whole${hosts === undefined ? '' : `; hosts that have to be reachable: ${hosts}`}`,
      );
    return problem('snowflake', `a result in chunks came with ${rows.length} of ${CHUNKED_ROWS} rows`, listed);
  } catch (error) {
    return problem('snowflake', `a result in chunks does not arrive: ${messageOf(error)}`, listed);
  }
}

/** The role that sees what views are made of. */
async function checkMetadataRole(
  warehouse: Warehouse,
  key: { readonly role: string; readonly warehouse: string },
  username: string,
): Promise<Finding> {
  const remedy = `GRANT ROLE ${key.role} TO USER ${username}; and the section "Views" of examples/snowflake-setup.sql.`;
  try {
    const databases = await warehouse.catalog.databases(key);
    return databases.length > 0
      ? ok(
          'snowflake',
          `metadata role ${key.role}: log-in works, ${databases.length === 1 ? '1 database is' : `${databases.length} databases are`} seen`,
        )
      : problem('snowflake', `metadata role ${key.role} sees no database, so no view can be opened by it`, remedy);
  } catch (error) {
    return problem('snowflake', `metadata role ${key.role}: ${messageOf(error)}`, remedy);
  }
}

/** Snowflake writes booleans small and texts without quotes (sql/show-parameters). */
const plain = (value: string): string => value.replaceAll(/^'|'$/g, '').toLowerCase();

/** What the account or the user has otherwise than the gateway's sessions: who works there by other means counts otherwise. */
async function checkSession(
  warehouse: Warehouse,
  key: { readonly role: string; readonly warehouse: string },
): Promise<Finding[]> {
  const account = await warehouse.parametersOfAccount(key);
  const findings: Finding[] = [];
  for (const { name, set, changes, open } of sessionValues(warehouse.options.session ?? {})) {
    const own = account.get(name);
    // Output formats are what the gateway reads, and nobody else sees.
    if (own === undefined || plain(own) === plain(set) || /_OUTPUT_FORMAT$|^STRICT_JSON/.test(name)) continue;
    findings.push(
      warning(
        'snowflake',
        `${name} is ${own} in this account and ${set} in the gateway's sessions: ${changes} differs`,
        open
          ? `Say snowflake: { session: { ${open.key}: ${own} } } where agents should count as everybody else does.`
          : 'Nothing has to be done: agents and policies mean the same in every account. Tell those who compare results.',
      ),
    );
  }
  const zone = warehouse.options.session?.timezone;
  const of = account.get('TIMEZONE') ?? 'unknown';
  findings.push(
    zone === undefined || zone === of
      ? ok('snowflake', `sessions are in the account's time zone, ${of}`)
      : warning(
          'snowflake',
          `sessions are in ${zone}, the account in ${of}: what day it is differs`,
          'Leave snowflake: { session: { timezone } } out where agents should have the day that everybody else has.',
        ),
  );
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
