/**
 * How PostgreSQL is reached. Its protocol begins in clear and goes over to TLS where both sides want it; a client that does not insist
 * is talked out of it by whoever is on the way (PostgreSQL's documentation, 32.19.3, "Protection Provided in Different Modes"). So
 * anywhere but on this machine there is TLS with the server's name and certificate checked, whatever the environment says (`PGSSLMODE`),
 * unless `sslmode=disable` stands in the URL, which the configuration lets stand only where `transcript.tls` says so in words.
 */
import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import { checksCertificates, isLoopback } from '../../network/index.js';

const ENCRYPTED = ['require', 'verify-ca', 'verify-full'];
const FILES = ['sslrootcert', 'sslcert', 'sslkey'] as const;
const KNOWN: readonly string[] = ['host', 'sslmode', ...FILES];

interface Parts {
  readonly url: URL;
  /** By a socket in the file system, or on this machine. */
  readonly isHere: boolean;
  readonly mode: string | undefined;
}

function partsOf(text: string): Parts | string {
  if (!/^postgres(?:ql)?:\/\//.test(text) || !URL.canParse(text))
    return 'does not begin with postgres://, or is no URL';
  const url = new URL(text);
  const names = [...url.searchParams.keys()];
  // The driver lets each parameter win over what we ask of it: search path, time zone, row security, who it is and where it goes.
  const odd = names.find((name) => !KNOWN.includes(name));
  if (odd !== undefined) return `has the parameter ${odd}, and only ${KNOWN.join(', ')} are taken`;
  if (new Set(names).size < names.length) return 'has a parameter twice';
  const socket = url.searchParams.get('host') ?? (/^%2f/i.test(url.hostname) ? '/' : undefined);
  if (socket !== undefined && !socket.startsWith('/'))
    return 'has the parameter host, which may only be the folder of a socket, from / on';
  if (socket === undefined && url.hostname === '') return 'names no host';
  const mode = url.searchParams.get('sslmode') ?? undefined;
  if (mode !== undefined && mode !== 'disable' && !ENCRYPTED.includes(mode))
    return `has sslmode=${mode}, which may end up without TLS, or with anybody's certificate. Write verify-full`;
  return { url, isHere: socket !== undefined || isLoopback(url.hostname), mode };
}

/** What is wrong with a URL of PostgreSQL, as the end of a sentence; undefined where nothing is. `mayBePlain`: anywhere, without TLS. */
export function databaseProblem(text: string, mayBePlain: boolean): string | undefined {
  const parts = partsOf(text);
  if (typeof parts === 'string') return parts;
  const { isHere, mode, url } = parts;
  if (mode === 'disable' && !isHere && !mayBePlain)
    return `says sslmode=disable, and ${url.host} is not this machine: the record and its passwords would travel in clear`;
  if (!isHere && mode !== 'disable' && !mayBePlain && !checksCertificates())
    return 'would be reached with no certificate checked, since NODE_TLS_REJECT_UNAUTHORIZED=0 is set. Unset it';
  return undefined;
}

/** Files that a URL of PostgreSQL names, each with its parameter. */
export function databaseFiles(text: string): readonly (readonly [name: string, path: string])[] {
  const parts = partsOf(text);
  if (typeof parts === 'string') return [];
  return FILES.flatMap((name) => {
    const path = parts.url.searchParams.get(name);
    return path === null ? [] : [[name, path] as const];
  });
}

/** Whether the way there is in clear, and leads over a network. */
export function isPlainDatabase(text: string): boolean {
  const parts = partsOf(text);
  return typeof parts !== 'string' && !parts.isHere && parts.mode === 'disable';
}

/** The URL that says of itself that there is no TLS, where it says nothing else and leads elsewhere. */
export function plainDatabase(text: string): string {
  const parts = partsOf(text);
  if (typeof parts === 'string' || parts.isHere || parts.mode !== undefined) return text;
  parts.url.searchParams.set('sslmode', 'disable');
  return parts.url.href;
}

/**
 * What the driver is told. TLS is said in full, so that nothing of the environment is asked. `verify-full` whatever kind of TLS the URL
 * names: less would take a certificate that anybody has. Throws for a URL that `databaseProblem` has something to say of.
 */
export function connectionTo(text: string): Pick<ClientConfig, 'connectionString' | 'ssl'> {
  const parts = partsOf(text);
  if (typeof parts === 'string') throw new Error(`The URL of PostgreSQL ${parts}.`);
  const { url, isHere, mode } = parts;
  const [ca, cert, key] = FILES.map((name) => {
    const file = url.searchParams.get(name);
    return file === null ? undefined : readFileSync(file, 'utf8');
  });
  const hasTls = mode === undefined ? !isHere || ca !== undefined : mode !== 'disable';
  for (const name of ['sslmode', ...FILES]) url.searchParams.delete(name);
  return {
    connectionString: url.href,
    ssl: hasTls && {
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
  };
}
