/**
 * `snowfence connect --download`: a result that an agent was given a link to, fetched with the token that the bridge would take. The link
 * comes from whoever the agent is, so the token goes nowhere but to the gateway that was named.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, link as linkFile, lstat, open, rm } from 'node:fs/promises';
import { type IncomingMessage, request as overHttp } from 'node:http';
import { request as overTls } from 'node:https';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { because, SnowfenceError } from '../../config/problem.js';
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

const isThere = (file: string): SnowfenceError =>
  new SnowfenceError('FILE_EXISTS', `--out: ${file} is there already. Nothing was sent.`, 'Name another in --out.');

/** A link that leads nowhere is there as well. */
async function refuseExisting(file: string): Promise<void> {
  const found = await lstat(file).catch(() => undefined);
  if (found) throw isThere(file);
}

/**
 * A new file beside the one that is to be, under a name that nobody can have put anything under: neither a file of somebody's nor a link to
 * one is written to.
 */
async function openPart(out: string): Promise<{ readonly part: string; readonly file: FileHandle }> {
  const part = join(dirname(out), `.${basename(out)}.${randomBytes(9).toString('hex')}.part`);
  const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  try {
    return { part, file: await open(part, NEW, 0o600) };
  } catch (error) {
    throw new SnowfenceError(
      'NOT_WRITTEN',
      `--out: ${out} can not be written${because(error)} Nothing was sent.`,
      'Name a file in a folder that is there and yours.',
    );
  }
}

/** Gives a whole file its name, unless something has it by now: a second name takes no other's place, as `rename` would. */
async function named(part: string, out: string): Promise<void> {
  const failed = (error: unknown): SnowfenceError =>
    new SnowfenceError(
      'NOT_WRITTEN',
      `--out: ${out} can not be written${because(error)} The file was fetched, and is kept as ${part}.`,
      'Give it another name yourself: the link is used up.',
      1,
    );
  const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException | undefined)?.code;
  await linkFile(part, out).catch(async (error: unknown) => {
    if (codeOf(error) === 'EEXIST') throw failed(error);
    // File systems without second names (exFAT, some of the network).
    await copyFile(part, out, constants.COPYFILE_EXCL).catch((copying: unknown) => {
      throw failed(copying);
    });
  });
}

/** Whole, or not there at all; says what there is. Throws SnowfenceError. */
export async function download(options: TokenOptions, text: string, out: string): Promise<string> {
  const link = linkOf(text, options.url);
  // The link is good for once: whether the file can be written is known before.
  await refuseExisting(out);
  const { part, file } = await openPart(out);
  let isKept = false;
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
    isKept = true;
    await named(part, out);
    isKept = false;
    const rows = response.trailers['snowfence-rows-given'];
    const many = rows === undefined ? '' : `${rows} rows in `;
    return `${many}${out}.${CUT[response.trailers['snowfence-end'] ?? ''] ?? ''}`;
  } finally {
    await file.close().catch(() => undefined);
    if (!isKept) await rm(part, { force: true });
  }
}
