/** What the demo was given to work with: looked at, and taken, before any part of it starts. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ensureWritable, SnowfenceError, unusable } from '../config/problem.js';
import { FolderInUse, takeFolder } from '../embedded/folder/index.js';

export interface Given {
  readonly data: string | undefined;
  readonly seeds: readonly string[];
  readonly policies: string | undefined;
  readonly readyFile: string | undefined;
}

const NEW_FOLDER = 'Name a folder that is yours, or one that is not there yet.';

/** The folder of this demo: that of `--data`, taken from all others, or one that goes with it. `ends`: what gives it back. */
export async function demoFolder({ data }: Pick<Given, 'data'>, ends: (() => Promise<void>)[]): Promise<string> {
  if (data === undefined) {
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-demo-'));
    ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
    await chmod(folder, 0o711);
    return folder;
  }
  const folder = resolve(data);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      // Of a file in its place the system says no more than that something is there.
      throw error.code === 'EEXIST' ? Object.assign(error, { code: 'ENOTDIR' }) : error;
    });
    const taken = await takeFolder(folder, 'demo');
    ends.push(async () => taken[Symbol.asyncDispose]());
    await chmod(folder, 0o711);
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw unusable('--data', folder, 'written', error, NEW_FOLDER);
    throw new SnowfenceError(
      'FOLDER_IN_USE',
      `--data: another demo uses ${folder}: process ${error.pid}. It was left as it is.`,
      'End that one (Ctrl-C where it runs), or name another folder.',
    );
  }
  return folder;
}

/** Throws SnowfenceError for what is named and can't be used. */
export async function checkGiven({ seeds, policies, readyFile }: Given): Promise<void> {
  for (const seed of seeds)
    await readFile(seed).catch((error: unknown) => {
      throw unusable('--seed', resolve(seed), 'read', error, "Name a file of DuckDB's SQL.");
    });
  if (policies !== undefined)
    await readdir(policies).catch((error: unknown) => {
      throw unusable('--policies', resolve(policies), 'read', error, 'Name a folder of policies.');
    });
  if (readyFile !== undefined) await ensureWritable('--ready-file', resolve(readyFile));
}
