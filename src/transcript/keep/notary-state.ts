/**
 * What the notary remembers outside of the store: the last head that it signed or followed. A store that was rolled back, or whose tree
 * is another, does not continue it.
 */
import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../form/error-code.js';
import { Frontier } from '../form/tree.js';

export interface NotaryHead {
  readonly note: string;
  /** Of the tree that the note was signed over. */
  readonly frontier: Frontier;
}

const stateFile = z.strictObject({
  version: z.literal(1),
  size: z.number().int().positive(),
  /** The complete subtrees, largest first: base64. */
  frontier: z.string(),
  note: z.string(),
});

/** undefined where there is no such file. Throws where it can't be read, or is not what was written. */
export async function readNotaryState(file: string): Promise<NotaryHead | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const { size, frontier, note } = stateFile.parse(JSON.parse(text));
  return { note, frontier: Frontier.decode(size, Buffer.from(frontier, 'base64')) };
}

/** Whole or not at all, and on the disk: under another name first. */
export async function writeNotaryState(file: string, { note, frontier }: NotaryHead): Promise<void> {
  const state: z.infer<typeof stateFile> = {
    version: 1,
    size: frontier.size,
    frontier: frontier.encode().toString('base64'),
    note,
  };
  const partial = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(partial, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(state)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  const folder = await open(dirname(file), 'r');
  await folder.sync().finally(() => folder.close());
}
