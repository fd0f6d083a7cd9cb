/** Something that gives access tokens, and what is asked of it. */
import { SnowfenceError } from '../../config/problem.js';

export interface TokenOptions {
  readonly url: URL;
  readonly tokenEnv: string | undefined;
  readonly tokenFile: string | undefined;
  readonly clientId: string | undefined;
  readonly privateKeyFile: string | undefined;
  readonly clientSecretEnv: string | undefined;
  readonly githubActions: boolean;
  /** The only issuer to sign in at; the one of the first use if nothing is said. */
  readonly issuer: string | undefined;
  /** Whom tokens are for, where that is not the gateway's address. */
  readonly audience: string | undefined;
  readonly say: (text: string) => void;
  /** Ends a sign-in that waits for somebody, with its reason: nobody is there any more who asked for it. */
  readonly ending?: AbortSignal;
}

export interface TokenSource {
  /** A token that is good for at least a little while. Throws SnowfenceError. */
  readonly token: () => Promise<string>;
  /** The last one was refused. */
  readonly refused: () => void;
  /** Where somebody has to sign in before there is a token; undefined while nobody has to. */
  readonly signInAt?: () => string | undefined;
}

/** A secret that the environment holds. `remedy`: what to put there. Throws a SnowfenceError where there is none. */
export function fromEnvironment(name: string, remedy: string): string {
  const secret = process.env[name];
  if (!secret) throw new SnowfenceError('SECRET_MISSING', `The environment variable ${name} is not set.`, remedy);
  return secret;
}

const EARLY_MS = 30_000;

/** Keeps a token until shortly before it ends. */
export function cached(fetchToken: () => Promise<{ token: string; lifetimeMs: number }>): TokenSource {
  let held: { token: string; until: number } | undefined;
  let fetching: Promise<string> | undefined;
  return {
    token: async () => {
      if (held && held.until > Date.now()) return held.token;
      fetching ??= fetchToken()
        .then(({ token, lifetimeMs }) => {
          held = { token, until: Date.now() + Math.max(lifetimeMs - EARLY_MS, lifetimeMs / 2) };
          return token;
        })
        .finally(() => {
          fetching = undefined;
        });
      return fetching;
    },
    refused: () => {
      held = undefined;
    },
  };
}
