/** Who logs in: by password, key pair, OAuth token or programmatic access token. */
import { createHash, createPublicKey, timingSafeEqual } from 'node:crypto';
import { decodeJwt, importSPKI, jwtVerify } from 'jose';
import { authenticatorOf, type LoginData, SESSION_CODES, SnowflakeError } from '../../../protocol/index.js';

export interface User {
  readonly name: string;
  readonly password?: string | undefined;
  /** PEM, SubjectPublicKeyInfo. */
  readonly publicKey?: string | undefined;
  /** OAuth and programmatic access tokens that name this user. */
  readonly tokens?: readonly string[] | undefined;
}

const JWT_LIFETIME_LIMIT_SECONDS = 3600;
const CLOCK_SKEW_SECONDS = 60;

function sameText(left: string, right: string): boolean {
  const a = createHash('sha256').update(left).digest();
  const b = createHash('sha256').update(right).digest();
  return timingSafeEqual(a, b);
}

/** The driver writes iat and exp in milliseconds (its pitfall 7); seconds are accepted too. */
const seconds = (stamp: number): number => (stamp > 1e11 ? Math.floor(stamp / 1000) : stamp);

async function byKeyPair(token: string, users: ReadonlyMap<string, User>): Promise<User> {
  const refuse = (): SnowflakeError => new SnowflakeError(SESSION_CODES.invalidJwt, 'JWT token is invalid.');
  try {
    const claims = decodeJwt(token);
    const parts = /^(.+)\.([^.]+)\.SHA256:(.+)$/.exec(claims.iss ?? '');
    const user = users.get(parts?.[2] ?? '');
    if (!parts || !user?.publicKey) throw refuse();
    const der = createPublicKey(user.publicKey).export({ format: 'der', type: 'spki' });
    if (!sameText(createHash('sha256').update(der).digest('base64'), parts[3] ?? '')) throw refuse();
    await jwtVerify(token, await importSPKI(user.publicKey, 'RS256'), {
      algorithms: ['RS256'],
      subject: `${parts[1]}.${user.name}`,
    });
    const now = Date.now() / 1000;
    const issued = seconds(claims.iat ?? 0);
    const expires = seconds(claims.exp ?? 0);
    if (expires < now - CLOCK_SKEW_SECONDS || issued > now + CLOCK_SKEW_SECONDS) throw refuse();
    if (expires - issued > JWT_LIFETIME_LIMIT_SECONDS) throw refuse();
    return user;
  } catch {
    // One answer for every reason: a caller must not learn which check failed.
    throw refuse();
  }
}

function byToken(token: string, users: ReadonlyMap<string, User>, refuse: SnowflakeError): User {
  let found: User | undefined;
  for (const user of users.values()) {
    for (const known of user.tokens ?? []) if (sameText(known, token)) found = user;
  }
  if (!found) throw refuse;
  return found;
}

/** The user whom the log-in proves. Throws the SnowflakeError that Snowflake would answer. */
export async function authenticate(data: LoginData, users: ReadonlyMap<string, User>): Promise<User> {
  const authenticator = authenticatorOf(data).toUpperCase();
  const token = data.TOKEN ?? '';
  switch (authenticator) {
    case 'SNOWFLAKE_JWT':
      return byKeyPair(token, users);
    case 'OAUTH':
      return byToken(token, users, new SnowflakeError(SESSION_CODES.invalidOauthToken, 'Invalid OAuth access token.'));
    case 'PROGRAMMATIC_ACCESS_TOKEN':
      return byToken(
        token,
        users,
        new SnowflakeError(SESSION_CODES.invalidAccessToken, 'Programmatic access token is invalid.'),
      );
    case 'SNOWFLAKE':
    case 'USERNAME_PASSWORD_MFA': {
      const user = users.get((data.LOGIN_NAME ?? '').toUpperCase());
      // The comparison runs for unknown users as well, so that time does not tell who exists.
      const matches = sameText(user?.password ?? '', data.PASSWORD ?? '');
      if (!user || user.password === undefined || !matches)
        throw new SnowflakeError(SESSION_CODES.wrongPassword, 'Incorrect username or password was specified.');
      return user;
    }
    default:
      throw new SnowflakeError(
        SESSION_CODES.unknownAuthenticator,
        `Authenticator ${authenticator} is not supported here.`,
      );
  }
}
