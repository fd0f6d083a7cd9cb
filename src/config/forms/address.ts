/** Of the configuration: addresses, and times within bounds. What is reached without TLS is refused wherever it stands. */
import { z } from 'zod';
import { addressProblem } from '../../network/index.js';
import { databaseProblem, plainDatabase } from '../../transcript/index.js';
import { SnowfenceError } from '../problem.js';

/** Something that is spoken to over HTTP. */
export const address = z.string().superRefine((text, context) => {
  const problem = addressProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** Doubled slashes, dots and slashes in disguise: two spellings of one path would be two issuers, or one that is not recognized. */
const ODD_PATH = /\/\/|\\|%(?:2[ef]|5c)|\s/i;

/** An issuer's name (OpenID Connect Discovery 1.0, section 3) or our own (RFC 9728, section 2): https, without query and fragment. */
export const identifier = address.superRefine((text, context) => {
  if (!URL.canParse(text)) return;
  const { search, hash } = new URL(text);
  if (search !== '' || hash !== '' || /[?#]/.test(text))
    context.addIssue({ code: 'custom', message: 'it has a query or a fragment. Write it without.' });
  if (ODD_PATH.test(text.replace(/^[a-z]+:\/\//i, '')) || /\/\.{1,2}(?:\/|$)/.test(text))
    context.addIssue({
      code: 'custom',
      message: 'its path has doubled slashes, dots or signs in disguise. Write it as it names itself.',
    });
});

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

const shown = (ms: number): string =>
  ms % 60_000 === 0 ? `${ms / 60_000}m` : ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;

/** Milliseconds of a text such as 500ms, 10s or 2m. */
export const duration = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}(?:ms|s|m)$/, 'a duration such as 500ms, 10s or 2m')
    .transform((text) => Number.parseInt(text, 10) * (UNITS[text.replace(/^\d+/, '')] ?? 0))
    .refine((ms) => ms >= least && ms <= most, `from ${shown(least)} to ${shown(most)}`);

export const databaseTls = z.enum(['verify', 'disable']);

/** A URL of PostgreSQL as it is connected by. `what`: for whom. Throws SnowfenceError. */
export function checkedDatabase(url: string, what: string, tls: z.infer<typeof databaseTls>): string {
  const problem = databaseProblem(url, tls === 'disable');
  if (problem === undefined) return tls === 'disable' ? plainDatabase(url) : url;
  const isPlain = problem.includes('in clear');
  throw new SnowfenceError(
    isPlain ? 'TLS_MISSING' : 'SECRET_INVALID',
    `${what} ${problem}.`,
    isPlain
      ? 'Leave sslmode out: TLS with the certificate checked is what happens then (?sslrootcert=FILE names an authority of your own). On a private network that you trust, transcript.tls: disable does without.'
      : 'Write postgres://user:password@host:5432/database.',
  );
}
