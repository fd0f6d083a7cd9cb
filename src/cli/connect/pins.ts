/**
 * Which identity provider a gateway named when it was first used: a file for each gateway, for its owner alone. A gateway that names
 * another one later may be a false one that wants a sign-in, or a secret, for itself.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import { makeStateFolder, stateFolder } from './state.js';

const pinned = z.object({ gateway: z.string(), issuer: z.string(), since: z.string() });
export type Pin = z.infer<typeof pinned> & { readonly file: string };

const MAX_PIN_BYTES = 10_000;

const FOLDER = 'gateways';

const fileNamed = (address: string): string =>
  join(stateFolder(FOLDER), `${createHash('sha256').update(address).digest('hex').slice(0, 32)}.json`);

/** A gateway that was first used by its address with a slash at the end is remembered by that. */
function fileOf({ href }: URL): string {
  const withSlash = fileNamed(`${href}/`);
  return existsSync(withSlash) ? withSlash : fileNamed(href);
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

const unsound = (file: string, why: string): SnowfenceError =>
  new SnowfenceError(
    'PIN_UNSOUND',
    `${file}, which says where to sign in for this gateway, ${why}. Nothing was sent.`,
    'Look at who could write there. Then remove the file, or name the issuer by --issuer.',
  );

/** undefined where this gateway was never used. Throws a SnowfenceError where the file can't be trusted. */
export async function readPin(gateway: URL): Promise<Pin | undefined> {
  const file = fileOf(gateway);
  let text: string;
  try {
    await using handle = await open(file, 'r');
    const { mode, size, uid } = await handle.stat();
    if (size > MAX_PIN_BYTES) throw unsound(file, 'is too large');
    if (process.platform !== 'win32' && (mode & 0o022) !== 0) throw unsound(file, 'can be written by others');
    if (process.getuid && uid !== process.getuid() && uid !== 0) throw unsound(file, 'belongs to somebody else');
    text = await handle.readFile('utf8');
  } catch (error) {
    if (error instanceof SnowfenceError) throw error;
    // Nothing is there, or nothing that this user could have written.
    if (!(await stat(file).catch(() => undefined))) return undefined;
    throw unsound(file, `can not be read (${String(codeOf(error))})`);
  }
  try {
    return { ...pinned.parse(JSON.parse(text)), file };
  } catch {
    throw unsound(file, 'is not as it was written');
  }
}

/**
 * Remembers an issuer, if nobody else has done so meanwhile; the file that says so. Throws where it can't be written, which leaves
 * every use the first one.
 */
export async function writePin(gateway: URL, issuer: string): Promise<string> {
  const file = fileOf(gateway);
  await makeStateFolder(FOLDER);
  const text = `${JSON.stringify({ gateway: gateway.href, issuer, since: new Date().toISOString() }, null, 2)}\n`;
  try {
    // Never over what is there: of two that start at once, the first one says.
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const first = await readPin(gateway);
    if (first?.issuer !== issuer)
      throw unsound(file, `names ${first?.issuer ?? 'none'} since a moment, and not ${issuer}`);
  }
  return file;
}
