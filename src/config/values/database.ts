/** Of the configuration: a URL of PostgreSQL. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { databaseFiles, databaseProblem, plainDatabase } from '../../transcript/index.js';
import { SnowfenceError, unusable } from '../problem.js';

export const databaseTls = z.enum(['verify', 'disable']);

/** A URL of PostgreSQL as it is connected by. `what`: for whom. Throws SnowfenceError. */
export function checkedDatabase(url: string, what: string, tls: z.infer<typeof databaseTls>): string {
  const problem = databaseProblem(url, tls === 'disable');
  if (problem === undefined) {
    checkFiles(url, what);
    return tls === 'disable' ? plainDatabase(url) : url;
  }
  const isPlain = problem.includes('in clear');
  throw new SnowfenceError(
    isPlain ? 'TLS_MISSING' : 'SECRET_INVALID',
    `${what} ${problem}.`,
    isPlain
      ? 'Leave sslmode out: TLS with the certificate checked is what happens then (?sslrootcert=FILE names an authority of your own). On a private network that you trust, transcript.tls: disable does without.'
      : 'Write postgres://user:password@host:5432/database.',
  );
}

/** Certificates and keys that the URL names. */
function checkFiles(url: string, what: string): void {
  for (const [name, path] of databaseFiles(url)) {
    try {
      readFileSync(path);
    } catch (error) {
      throw unusable(`${what}, ${name}`, path, 'read', error, `Name a file in PEM form that this account may read.`);
    }
  }
}
