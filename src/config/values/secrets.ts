/** Of the configuration: secrets by reference. Each is named by an environment variable or a file, and read from there. */
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { because, SnowfenceError } from '../problem.js';

export const environment = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'The name of an environment variable belongs here, not the secret itself.');
export const file = z.string().min(1);

export async function secretFile(path: string, base: string, what: string): Promise<string> {
  const full = isAbsolute(path) ? path : join(base, path);
  try {
    return (await readFile(full, 'utf8')).trim();
  } catch (error) {
    throw new SnowfenceError(
      'SECRET_MISSING',
      `${what}: the file ${full} can not be read${because(error)}`,
      'Check its path and that the account which runs snowfence may read it.',
    );
  }
}

export function secretEnvironment(name: string, what: string): string {
  const value = process.env[name];
  if (!value)
    throw new SnowfenceError(
      'SECRET_MISSING',
      `${what}: the environment variable ${name} is not set.`,
      `Set ${name} before you start snowfence.`,
    );
  return value;
}

export async function secret(
  env: string | undefined,
  path: string | undefined,
  base: string,
  what: string,
  keys: string,
): Promise<string> {
  if (env !== undefined) return secretEnvironment(env, what);
  if (path !== undefined) return secretFile(path, base, what);
  throw new SnowfenceError(
    'SECRET_MISSING',
    `${what}: neither ${keys} is set.`,
    'Name an environment variable or a file that holds it.',
  );
}
