import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A mistake that the user can mend: said in one paragraph, with what to do. Exit code 2 unless said otherwise. */
export class SnowfenceError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly exitCode: 1 | 2;

  constructor(code: string, message: string, hint?: string, exitCode: 1 | 2 = 2) {
    super(message);
    this.name = 'SnowfenceError';
    this.code = code;
    this.hint = hint;
    this.exitCode = exitCode;
  }
}

/** What the system says by a code (errno(3), getaddrinfo(3)), in words behind a name or an address. */
const SYSTEM: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'it, or a part of its path, is a file where a folder is meant',
  EISDIR: 'it is a folder where a file is meant',
  EEXIST: 'it is there already',
  EACCES: 'the account that runs snowfence may not',
  EPERM: 'the account that runs snowfence may not',
  EROFS: 'its file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full for this account',
  EIO: 'the disk fails',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  ENXIO: 'it is no file',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  EADDRINUSE: 'the address is taken',
  EADDRNOTAVAIL: 'this machine has no such address',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the other side has gone',
  ETIMEDOUT: 'no answer came in time',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ENOTFOUND: 'no machine has that name',
  EAI_AGAIN: 'its name could not be looked up',
};

/** What the system says, in words; undefined for an error of another kind. */
export function systemWords(error: unknown): string | undefined {
  if (error instanceof AggregateError) return systemWords(error.errors[0]);
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? SYSTEM[code] : undefined;
}

/** Behind a sentence that says what was not possible: why, as far as the system says it. */
export const because = (error: unknown): string => {
  const words = systemWords(error);
  return words === undefined ? '.' : `: ${words}.`;
};

/** A file, folder or address that somebody named and that can't be used. `named`: the option, or the key of the configuration. */
export const unusable = (named: string, path: string, verb: 'read' | 'written', error: unknown, hint: string) =>
  new SnowfenceError('PATH_UNUSABLE', `${named}: ${path} can not be ${verb}${because(error)}`, hint);

/** Throws a SnowfenceError for a file that could not be written there: known before anything else is done. */
export async function ensureWritable(named: string, path: string): Promise<void> {
  const folder = dirname(path);
  try {
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error(folder), { code: 'ENOTDIR' });
    await access(folder, constants.W_OK);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) throw Object.assign(new Error(path), { code: 'EISDIR' });
    if (found) await access(path, constants.W_OK);
  } catch (error) {
    throw unusable(
      named,
      path,
      'written',
      error,
      'Name a file in a folder that is there, and that this account may write to.',
    );
  }
}
