/** What a session means for the translation of its statements. */
import type { DialectSession } from '../dialect/translator.js';
import type { Session } from './execution.js';

export function dialectSession(session: Session): DialectSession {
  return {
    user: session.user,
    database: session.database,
    schema: session.schema,
    variables: session.variables,
    weekStart: session.parameters.number('WEEK_START'),
    nullsLowest: /^first$/i.test(session.parameters.text('DEFAULT_NULL_ORDERING')),
    values: new Map([
      ['CURRENT_DATABASE', session.database],
      ['CURRENT_SCHEMA', session.schema],
      ['CURRENT_ROLE', session.role],
      ['CURRENT_WAREHOUSE', session.warehouse],
      ['CURRENT_USER', session.user],
      ['CURRENT_ACCOUNT', session.account.toUpperCase()],
      ['CURRENT_SESSION', String(session.id)],
      ['CURRENT_VERSION', '9.30.0 (snowfence embedded warehouse)'],
      ['CURRENT_REGION', 'EMBEDDED'],
      // Chunks of results come from where everything comes from (functions/system_allowlist).
      [
        'SYSTEM$ALLOWLIST',
        '[{"type":"SNOWFLAKE_DEPLOYMENT","host":"127.0.0.1","port":443},{"type":"STAGE","host":"127.0.0.1","port":443}]',
      ],
      ['CURRENT_SECONDARY_ROLES', `{"roles":"","value":"${session.secondaryRoles}"}`],
    ]),
  };
}
