/** Of the configuration: where the gateway listens and under which name, what it logs, and how it ends. */
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { checksCertificates, isLoopback } from '../../network/index.js';
import { SnowfenceError } from '../problem.js';
import { identifier } from '../values/address.js';
import { duration } from '../values/amounts.js';
import { file, secretFile } from '../values/secrets.js';

const listen = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, 'an address and a port, such as 127.0.0.1:8787')
  .refine((text) => Number(/\d+$/.exec(text)?.[0]) <= 65_535, 'a port up to 65535');

/** As a browser sends it: scheme, host and port, nothing behind. No star: whose pages may ask is named. */
const origin = z
  .string()
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin === text && /^https?:/.test(text),
    'an origin, such as https://inspector.example.com: scheme, host and port, nothing behind',
  );

export const serverShape = z
  .strictObject({
    listen: listen.default('127.0.0.1:8787'),
    public_url: identifier.optional(),
    allowed_hosts: z.array(z.string().min(1)).optional(),
    allowed_origins: z.array(origin).max(100).default([]),
    tls: z.strictObject({ cert_file: file, key_file: file }).optional(),
    behind_proxy: z.boolean().default(false),
  })
  .prefault({});

export const logShape = z
  .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
  .prefault({});

export const shutdownShape = z
  .strictObject({
    grace: duration(0, 600_000).default(20_000),
    running: z.enum(['finish', 'cancel']).default('finish'),
  })
  .prefault({});

type Server = z.infer<typeof serverShape>;

export interface Listening {
  readonly listen: { readonly host: string; readonly port: number };
  readonly publicUrl: URL;
  /** A proxy does TLS, and says where requests come from. */
  readonly isBehindProxy: boolean;
  readonly allowedHosts: readonly string[];
  /** Pages of other origins get no answer that they could read. */
  readonly allowedOrigins: readonly string[];
}

/** Throws SnowfenceError where tokens would travel in clear, or nobody could check whom they go to. */
export function listeningOf(server: Server): Listening {
  const [, host = '127.0.0.1', port = '8787'] = /^(.*):(\d+)$/.exec(server.listen) ?? [];
  const bare = host.replace(/^\[|\]$/g, '');
  const isHere = isLoopback(bare);
  if (!isHere && !server.tls && !server.behind_proxy)
    throw new SnowfenceError(
      'TLS_MISSING',
      `server.listen is ${server.listen}, which others can reach, and there is neither server.tls nor server.behind_proxy.`,
      'Tokens must not travel in clear: name a certificate under server.tls, or set behind_proxy where a proxy does TLS.',
    );
  if (!isHere && !server.tls && server.public_url === undefined)
    throw new SnowfenceError(
      'CONFIG_INVALID',
      `server.listen is ${server.listen} behind a proxy, and there is no server.public_url.`,
      'Name the https address that the proxy answers at: people are sent there, and cookies are kept to it.',
    );
  if (!checksCertificates())
    throw new SnowfenceError(
      'TLS_MISSING',
      'NODE_TLS_REJECT_UNAUTHORIZED=0 is set: no certificate of anybody would be checked.',
      'Unset it. NODE_EXTRA_CA_CERTS names a file with authorities of your own.',
    );
  const scheme = server.tls ? 'https' : 'http';
  const publicUrl = new URL(server.public_url ?? `${scheme}://${host}:${port}/mcp`);
  return {
    listen: { host: bare, port: Number(port) },
    publicUrl,
    isBehindProxy: server.behind_proxy,
    allowedOrigins: server.allowed_origins,
    allowedHosts: [
      ...new Set([
        ...(server.allowed_hosts ?? []),
        publicUrl.hostname,
        ...(isHere ? ['127.0.0.1', 'localhost', '[::1]'] : []),
      ]),
    ],
  };
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** undefined where the gateway does no TLS itself. */
export async function certificateOf({ tls }: Server, base: string): Promise<Certificate | undefined> {
  if (!tls) return undefined;
  const [cert, key] = [
    await secretFile(tls.cert_file, base, 'server.tls.cert_file'),
    await secretFile(tls.key_file, base, 'server.tls.key_file'),
  ];
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new SnowfenceError(
      'SECRET_INVALID',
      `server.tls: ${tls.cert_file} and ${tls.key_file} are no certificate with its key: ${error instanceof Error ? error.message : ''}.`,
      'Both are in PEM form, the key without a passphrase; the certificate comes first, then those that it hangs on.',
    );
  }
  return { cert, key };
}
