/**
 * `snowfence connect --download`: a result that an agent was given a link to, fetched with the token that the bridge would take. The link
 * comes from whoever the agent is, so the token goes nowhere but to the gateway that was named.
 */
import { constants } from 'node:fs';
import { access, open, rename, rm } from 'node:fs/promises';
import { type IncomingMessage, request as overHttp } from 'node:http';
import { request as overTls } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import type { TokenOptions } from './source.js';
import { tokenSource } from './token.js';

const told = z.object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }) });
const MAX_PROBLEM_BYTES = 65_536;

const CUT: Readonly<Record<string, string>> = {
  row_limit: ' It ends at the limit of rows that your policies, or max_rows, set: the result has more.',
  byte_limit: ' It ends at the limit of bytes that your policies set: the result has more.',
};

function linkOf(text: string, gateway: URL): URL {
  const link = URL.canParse(text) ? new URL(text) : undefined;
  if (link?.origin === gateway.origin && link.pathname.startsWith('/downloads/')) return link;
  throw new SnowfenceError(
    'USAGE',
    `--download: "${text}" is no download of the gateway at ${gateway.origin}. Nothing was sent.`,
    'Copy the link of the answer, and name the gateway that gave it in --url.',
  );
}

const answerOf = (link: URL, token: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const ask = link.protocol === 'https:' ? overTls : overHttp;
    ask(link, { agent: false, headers: { authorization: `Bearer ${token}` } }, resolve)
      .on('error', () => {
        const hint = 'Check --url and that it is running. The link can still be opened.';
        reject(new SnowfenceError('GATEWAY_UNREACHABLE', `No gateway answers at ${link.origin}.`, hint, 1));
      })
      .end();
  });

/** What the gateway says instead of a file. */
async function problemIn(response: IncomingMessage): Promise<SnowfenceError> {
  let text = '';
  for await (const part of response) {
    text += String(part);
    if (text.length > MAX_PROBLEM_BYTES) break;
  }
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    // What is in between answers in its own words, which nobody vouches for: its status says enough.
  }
  const parsed = told.safeParse(said).data?.error;
  if (parsed) return new SnowfenceError(parsed.code, parsed.message, parsed.hint, 1);
  const wait = response.headers['retry-after'];
  return new SnowfenceError(
    'NOT_DOWNLOADED',
    `The gateway answers with status ${response.statusCode}.`,
    wait === undefined ? undefined : `Try again in ${wait} s.`,
    1,
  );
}

async function refuseExisting(file: string): Promise<void> {
  const isThere = await access(file, constants.F_OK).then(
    () => true,
    () => false,
  );
  if (isThere)
    throw new SnowfenceError('FILE_EXISTS', `${file} is there already. Nothing was sent.`, 'Name another in --out.');
}

/** Whole, or not there at all; says what there is. Throws SnowfenceError. */
export async function download(options: TokenOptions, text: string, out: string): Promise<string> {
  const link = linkOf(text, options.url);
  // The link is good for once: whether the file can be written is known before.
  await refuseExisting(out);
  const part = `${out}.part`;
  const file = await open(part, 'w', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new SnowfenceError('NOT_WRITTEN', `${part} can not be written: ${error.code ?? ''}. Nothing was sent.`);
  });
  try {
    const response = await answerOf(link, await tokenSource(options).token());
    if (response.statusCode !== 200) throw await problemIn(response);
    await pipeline(response, file.createWriteStream()).catch(() => {
      throw new SnowfenceError(
        'DOWNLOAD_BROKEN',
        'The download broke off, so no file was kept. The link is used up.',
        'Run the statement again; the record says why it broke off.',
        1,
      );
    });
    await rename(part, out);
    const rows = response.trailers['snowfence-rows-given'];
    const many = rows === undefined ? '' : `${rows} rows in `;
    return `${many}${out}.${CUT[response.trailers['snowfence-end'] ?? ''] ?? ''}`;
  } finally {
    await file.close().catch(() => undefined);
    await rm(part, { force: true });
  }
}
