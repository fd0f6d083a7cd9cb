/**
 * Log-in and renewal: what is sent and what is answered (the driver's `lib/authentication/*` and `lib/services/sf.js`). Who may log in is
 * for others to say.
 */
import { z } from 'zod';
import { SESSION_CODES } from './codes.js';
import { type Envelope, failure, success } from './envelope.js';
import { SnowflakeError } from './errors.js';
import type { Parameters } from './parameters.js';

/** The token of a session, or the master token of one that is to be renewed: `Authorization: Snowflake Token="…"`. */
export const tokenOf = (authorization: string | undefined): string | undefined =>
  /^Snowflake Token="(.+)"$/.exec(authorization ?? '')?.[1];

const loginBody = z.object({
  data: z.object({
    ACCOUNT_NAME: z.string().default(''),
    LOGIN_NAME: z.string().nullish(),
    PASSWORD: z.string().nullish(),
    TOKEN: z.string().nullish(),
    AUTHENTICATOR: z.string().nullish(),
    CLIENT_APP_ID: z.string().nullish(),
    CLIENT_APP_VERSION: z.string().nullish(),
    SESSION_PARAMETERS: z.record(z.string(), z.unknown()).nullish(),
    CLIENT_ENVIRONMENT: z.record(z.string(), z.unknown()).nullish(),
  }),
});

export type LoginData = z.infer<typeof loginBody>['data'];

/** Throws SnowflakeError. */
export function readLogin(body: unknown): LoginData {
  const parsed = loginBody.safeParse(body);
  if (!parsed.success) throw new SnowflakeError(SESSION_CODES.malformedLogin, 'The login request is malformed.');
  return parsed.data.data;
}

/** How somebody proves who they are, as the driver names it. */
export const authenticatorOf = ({ AUTHENTICATOR }: LoginData): string => AUTHENTICATOR ?? 'SNOWFLAKE';

export const loginFailure = (error: SnowflakeError, data: LoginData): Envelope =>
  failure(error, { authnMethod: authenticatorOf(data), nextAction: 'RETRY_LOGIN' });

interface Tokens {
  readonly id: number;
  readonly token: string;
  readonly masterToken: string;
}

/** How long tokens hold, in seconds. */
interface Lifetimes {
  readonly sessionSeconds: number;
  readonly masterSeconds: number;
}

/** Where a session stands. */
export interface Place {
  readonly database: string;
  readonly schema: string;
  readonly warehouse: string;
  readonly role: string;
}

interface LoggedIn {
  readonly session: Tokens;
  readonly lifetimes: Lifetimes;
  readonly place: Place;
  readonly user: string;
  readonly serverVersion: string;
  readonly parameters: Parameters;
}

export const loginAnswer = ({ session, lifetimes, place, user, serverVersion, parameters }: LoggedIn): Envelope =>
  success({
    token: session.token,
    masterToken: session.masterToken,
    validityInSeconds: lifetimes.sessionSeconds,
    masterValidityInSeconds: lifetimes.masterSeconds,
    displayUserName: user,
    serverVersion,
    firstLogin: false,
    healthCheckInterval: 45,
    sessionId: session.id,
    parameters: parameters.toWire(),
    sessionInfo: {
      databaseName: place.database || null,
      schemaName: place.schema || null,
      warehouseName: place.warehouse || null,
      roleName: place.role,
    },
  });

export const renewalAnswer = (session: Tokens, lifetimes: Lifetimes): Envelope =>
  success({
    sessionToken: session.token,
    masterToken: session.masterToken,
    validityInSecondsST: lifetimes.sessionSeconds,
    validityInSecondsMT: lifetimes.masterSeconds,
    sessionId: session.id,
  });
