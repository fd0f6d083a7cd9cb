/**
 * The folder of policies as it stands at one moment: all files read whole, and what shows whether anything moved meanwhile. Links are
 * followed (a ConfigMap of Kubernetes is a folder of links into another, which one link is swapped for), and what they lead to is part
 * of what has to stay as it is.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PolicyProblems } from '../rules/problems.js';

export interface PolicyText {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Reading {
  readonly files: readonly PolicyText[];
  /** The text of `policies.sha256`; undefined where there is none. */
  readonly sums: string | undefined;
  /** SHA-256, hexadecimal, over names and contents of the policies. */
  readonly version: string;
  /** The same for two readings only if nothing moved between them: real paths, inodes, sizes, times and contents. */
  readonly state: string;
  /** When anything of it changed last, in milliseconds since 1970 by the file system's clock. */
  readonly changedAt: number;
  /** Where the folder really is, and which one that is. */
  readonly home: string;
}

/** Something moved while the folder was read, so what was read is of no moment. */
export class FolderMoves extends Error {
  constructor() {
    super('The folder of policies changed while it was read.');
    this.name = 'FolderMoves';
  }
}

export const SUMS = 'policies.sha256';

const MAX_FILES = 5000;
const MAX_BYTES = 64 * 1024 * 1024;

/** Of policies; cases that end in `.test.yaml` are none. */
export const isPolicyName = (name: string): boolean => /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name);

const problem = (folder: string, name: string, message: string): PolicyProblems =>
  new PolicyProblems([{ place: `${basename(folder)}/${name}:1`, column: 1, message }]);

interface Trace {
  readonly state: string;
  readonly home: string;
  readonly changedAt: number;
  readonly paths: ReadonlyMap<string, string>;
}

/** Where everything is, and since when. A link's own times count as well as those of what it leads to. */
async function trace(folder: string): Promise<Trace> {
  const lines: string[] = [];
  let changedAt = 0;
  const note = async (what: string, path: string, look: typeof stat): Promise<string> => {
    const { dev, ino, size, mtimeNs, ctimeNs } = await look(path, { bigint: true });
    changedAt = Math.max(changedAt, Number(ctimeNs / 1_000_000n) + 1);
    lines.push([what, path, dev, ino, size, mtimeNs, ctimeNs].join(' '));
    return `${path} ${dev}:${ino}`;
  };
  await note('named', folder, lstat);
  const root = await realpath(folder);
  const home = await note('folder', root, stat);
  const names = (await readdir(root)).filter((name) => isPolicyName(name) || name === SUMS).sort();
  if (names.length > MAX_FILES) throw problem(folder, '', `There are more than ${MAX_FILES} files of policies.`);
  const paths = new Map<string, string>();
  const homes = new Set([root]);
  for (const name of names) {
    const path = await realpath(join(root, name));
    paths.set(name, path);
    await note(name, join(root, name), lstat);
    await note('file', path, stat);
    const parent = dirname(path);
    if (homes.has(parent)) continue;
    homes.add(parent);
    await note('folder', parent, stat);
  }
  return { state: lines.join('\n'), home, changedAt, paths };
}

/** A file whole. What is no file is not opened for long: a pipe would keep whoever reads it. */
async function readWhole(folder: string, name: string, path: string, most: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size, isFile } = await file.stat().then((found) => ({ size: found.size, isFile: found.isFile() }));
    if (!isFile) throw problem(folder, name, 'This is no file.');
    if (size > most)
      throw problem(folder, name, `The policies are larger than ${MAX_BYTES / 1024 / 1024} MB together.`);
    const bytes = await file.readFile();
    if (bytes.length !== size) throw new FolderMoves();
    return bytes;
  } finally {
    await file.close();
  }
}

/**
 * Reads the folder. Throws FolderMoves where it changed meanwhile, PolicyProblems where it is too large, and what the file system says
 * where it can't be read.
 */
export async function readFolder(folder: string): Promise<Reading> {
  const before = await trace(folder);
  const hash = createHash('sha256');
  const all = createHash('sha256').update(before.state);
  const files: PolicyText[] = [];
  let sums: string | undefined;
  let left = MAX_BYTES;
  for (const [name, path] of before.paths) {
    const bytes = await readWhole(folder, name, path, left);
    left -= bytes.length;
    all.update(`${name}\0${bytes.length}\0`).update(bytes);
    if (name === SUMS) {
      sums = bytes.toString('utf8');
      continue;
    }
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
    files.push({ name, bytes });
  }
  const after = await trace(folder);
  if (after.state !== before.state) throw new FolderMoves();
  return {
    files,
    sums,
    version: hash.digest('hex'),
    state: all.digest('hex'),
    changedAt: before.changedAt,
    home: before.home,
  };
}
