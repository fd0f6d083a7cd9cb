/** Of the configuration: secrets by reference. Each is named by an environment variable or a file, and read from there. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { because, SnowfenceError } from '../problem.js';

const run = promisify(execFile);

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

/** What a command may take, and how much a secret is at most. */
const COMMAND_MS = 10_000;
const MOST_BYTES = 64 * 1024;

/** What a command prints: without a shell, in the configuration's folder. Of what it says nothing is told, since that may be the secret. */
export async function secretOfCommand(
  [file = '', ...args]: readonly string[],
  base: string,
  what: string,
): Promise<string> {
  const failed = (why: string): SnowfenceError =>
    new SnowfenceError(
      'SECRET_MISSING',
      `${what}: the command ${file} ${why}`,
      'Run it by hand, as the account that runs snowfence, in the folder of the configuration.',
    );
  const printed = await run(file, args, { cwd: base, timeout: COMMAND_MS, maxBuffer: MOST_BYTES }).then(
    ({ stdout }) => stdout.trim(),
    (error: NodeJS.ErrnoException & { killed?: boolean; code?: number | string }) => {
      if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
        throw failed(`printed more than ${MOST_BYTES / 1024} KB.`);
      if (error.killed) throw failed(`took more than ${COMMAND_MS / 1000} s.`);
      throw failed(
        typeof error.code === 'number' ? `ended with code ${error.code}.` : `can not be run${because(error)}`,
      );
    },
  );
  if (printed === '') throw failed('printed nothing.');
  return printed;
}
