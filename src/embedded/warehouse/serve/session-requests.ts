/** Sessions, as drivers ask for them: log-in, renewal, log-out. */
import {
  type Envelope,
  type LoginData,
  loginAnswer,
  loginFailure,
  Parameters,
  readLogin,
  renewalAnswer,
  sessionFailure,
  success,
} from '../../../protocol/index.js';
import type { Engine } from '../engine/engine.js';
import { asSnowflakeError } from '../engine/errors.js';
import type { Session } from '../statements/execution.js';
import { setParameter } from '../statements/session-commands.js';
import { authenticate, type User } from './login.js';
import type { WarehouseOptions } from './options.js';
import type { Queries } from './queries.js';
import type { OpenSession, Sessions } from './session.js';

/** What a request about sessions works with. */
export interface SessionHouse {
  readonly options: WarehouseOptions;
  readonly engine: Engine;
  readonly sessions: Sessions;
  readonly queries: Queries;
  readonly users: ReadonlyMap<string, User>;
}

/** By the names in capitals that log-ins are looked up by. */
export const usersByName = (users: readonly User[]): ReadonlyMap<string, User> =>
  new Map(users.map((user) => [user.name.toUpperCase(), { ...user, name: user.name.toUpperCase() }]));

export async function logIn(house: SessionHouse, url: URL, body: unknown): Promise<Envelope> {
  const data = readLogin(body);
  let user: User;
  try {
    user = await authenticate(data, house.users);
  } catch (error) {
    return loginFailure(asSnowflakeError(error), data);
  }
  const session = await open(house, url, data, user);
  return loginAnswer({
    session,
    lifetimes: house.sessions.lifetimes,
    place: session,
    user: user.name,
    serverVersion: '9.30.0 (snowfence embedded warehouse)',
    parameters: session.parameters,
  });
}

/** A session that nobody has a token of. */
export async function freshSession(
  engine: Engine,
  options: WarehouseOptions,
  user: string,
  account: string,
): Promise<Session> {
  const session: Session = {
    id: 0,
    user,
    account,
    connection: await engine.connect(),
    parameters: new Parameters({ ...options.parameters, TIMEZONE: options.timezone }),
    variables: new Map(),
    temporary: new Set(),
    database: options.defaultDatabase,
    schema: options.defaultSchema,
    role: 'PUBLIC',
    warehouse: 'COMPUTE_WH',
    secondaryRoles: 'ALL',
    inTransaction: false,
  };
  await setParameter(session, 'TIMEZONE', session.parameters.text('TIMEZONE'));
  return session;
}

async function open(
  { options, engine, sessions }: SessionHouse,
  url: URL,
  data: LoginData,
  user: User,
): Promise<OpenSession> {
  const query = url.searchParams;
  const named = (name: string, fallback: string): string =>
    (query.get(name) ?? fallback).replace(/^"(.*)"$/, '$1').toUpperCase();
  const session: OpenSession = {
    ...(await freshSession(engine, options, user.name, data.ACCOUNT_NAME)),
    id: sessions.nextId(),
    database: named('databaseName', options.defaultDatabase),
    schema: named('schemaName', options.defaultSchema),
    role: named('roleName', 'PUBLIC'),
    warehouse: named('warehouse', 'COMPUTE_WH'),
    token: '',
    masterToken: '',
    expires: 0,
    masterExpires: 0,
    idle: undefined,
    socket: undefined,
    tail: Promise.resolve(),
  };
  for (const [name, value] of Object.entries(data.SESSION_PARAMETERS ?? {})) await setParameter(session, name, value);
  sessions.open(session);
  return session;
}

export function renew({ sessions }: SessionHouse, master: string | undefined): Envelope {
  try {
    return renewalAnswer(sessions.renew(master), sessions.lifetimes);
  } catch (error) {
    return sessionFailure(asSnowflakeError(error));
  }
}

export function logOut({ engine, sessions, queries }: SessionHouse, session: OpenSession): Envelope {
  sessions.close(session);
  queries.endSession(session);
  void session.tail.finally(async () => {
    for (const table of session.temporary) await session.connection.run(`DROP TABLE IF EXISTS ${table}`);
    if (session.temporary.size > 0) await engine.catalog.refresh();
    session.connection.closeSync();
  });
  return success(null);
}
