/** Folders of policies, and the ways in which people and tools write them anew. */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

export type Random = () => number;

export const pick = <T>(next: Random, list: readonly T[]): T => {
  const found = list[Math.floor(next() * list.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
};

const shuffled = <T>(next: Random, list: readonly T[]): T[] =>
  list
    .map((value) => ({ value, at: next() }))
    .sort((left, right) => left.at - right.at)
    .map(({ value }) => value);

const COLUMNS = ['A.ID', 'A.NAME', 'A.MAIL', 'B.ID', 'B.MAIL'];
const MASKS = ['null', 'redact', 'email', '{ keep_last: 2 }', '{ keep_last: 20 }'];

/** One file in block style, its keys in any order: most of its beginnings that end with a line are sound files as well. */
function policyText(next: Random, name: string, group: string, isLong: boolean): string {
  const some = (share: number): boolean => next() < share;
  const rules = [
    ...(some(0.8) ? [`  - allow: [read]\n    on:\n      - ${pick(next, ['DB.S.A', 'DB.S.*'])}\n`] : []),
    ...(some(0.3) ? [`  - allow: [read]\n    on:\n      - DB.S.B\n    when:\n      function: [UPPER]\n`] : []),
    ...(some(0.3) ? ['  - deny: [select]\n    on:\n      - DB.S.B\n'] : []),
  ];
  const columns = COLUMNS.filter(() => some(0.5)).map(
    (column) => `  - match:\n      - DB.S.${column}\n    mask: ${pick(next, MASKS)}\n`,
  );
  const rows = ['A', 'B']
    .filter(() => some(0.4))
    .map((table) => `  - on: DB.S.${table}\n    where: ID > ${Math.floor(next() * 4)} AND NAME <> 'x'\n`);
  const parts = shuffled(next, [
    ...(rules.length > 0 ? [`rules:\n${shuffled(next, rules).join('')}`] : []),
    ...(columns.length > 0 ? [`columns:\n${columns.join('')}`] : []),
    ...(rows.length > 0 ? [`rows:\n${rows.join('')}`] : []),
    ...(some(0.3) ? [`limits:\n  rows: ${pick(next, [5, 50, 50_000])}\n`] : []),
    ...(some(0.3) ? [`record:\n  purpose: ${some(0.5) ? 'reported' : 'required'}\n`] : []),
  ]);
  const [first = '', ...rest] = parts;
  const head = `policy: ${name}\nprincipals:\n  groups:\n    - ${group}\nsnowflake:\n  role: R\n  warehouse: W\n`;
  // A page of a file system is 4 KB: on a full disk a file ends there.
  const padding = `# ${'-'.repeat(4300)}\n`;
  return `${head}${first}${isLong ? padding : ''}${rest.join('')}`;
}

export type Files = ReadonlyMap<string, string>;

export function randomFiles(next: Random, isLong: boolean): Files {
  const files = new Map([['a.yaml', policyText(next, 'a', 'g', isLong)]]);
  if (next() < 0.6) files.set('b.yaml', policyText(next, 'b', 'g', isLong));
  if (next() < 0.3) files.set('c.yaml', policyText(next, 'c', 'h', isLong));
  return files;
}

/** As sha256sum writes them, or as `policy sums` does: with their number. */
export const sumsOf = (files: Files, isCounted: boolean): string =>
  (isCounted ? `# files: ${files.size}\n` : '') +
  [...files].map(([name, text]) => `${createHash('sha256').update(text).digest('hex')}  ${name}\n`).join('');

/** Called where a writer may be slow: time passes, and somebody looks. */
export type Pause = () => Promise<void>;

/** Bytes one by one; stops for a while within the file. `most`: the disk is full there. */
async function writeSlowly(path: string, text: string, next: Random, pause: Pause, most = text.length): Promise<void> {
  const stops = new Set<number>();
  for (let stop = text.indexOf('\n'); stop >= 0; stop = text.indexOf('\n', stop + 1))
    if (next() < 0.1) stops.add(stop + 1);
  stops.add(Math.floor(next() * text.length));
  const file = openSync(path, 'w');
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < Math.min(bytes.length, most); at++) {
      if (stops.has(at)) await pause();
      writeSync(file, bytes, at, 1);
    }
  } finally {
    closeSync(file);
  }
}

const gone = (place: string, files: Files): string[] =>
  readdirSync(place).filter((name) => /\.yaml$/.test(name) && !files.has(name));

/** In place, each file opened anew and written byte by byte; what is no longer wanted is taken away before or after. */
async function inPlace(place: string, files: Files, next: Random, pause: Pause): Promise<void> {
  const isLate = next() < 0.5;
  const clean = async (): Promise<void> => {
    for (const name of gone(place, files)) {
      rmSync(join(place, name));
      await pause();
    }
  };
  if (!isLate) await clean();
  for (const [name, text] of shuffled(next, [...files])) {
    await writeSlowly(join(place, name), text, next, pause);
    await pause();
  }
  if (isLate) await clean();
}

/** Each file written aside and renamed. */
async function byRename(place: string, files: Files, next: Random, pause: Pause): Promise<void> {
  for (const [name, text] of shuffled(next, [...files])) {
    writeFileSync(join(place, `.${name}.part`), text);
    renameSync(join(place, `.${name}.part`), join(place, name));
    await pause();
  }
  for (const name of gone(place, files)) rmSync(join(place, name));
}

/** All taken away, then copied in. */
async function cleared(place: string, files: Files, next: Random, pause: Pause): Promise<void> {
  for (const name of readdirSync(place)) {
    rmSync(join(place, name), { recursive: true });
    if (next() < 0.5) await pause();
  }
  for (const [name, text] of shuffled(next, [...files])) await writeSlowly(join(place, name), text, next, pause);
}

/** The folder moved away, and another in its place: made there, or made aside and moved as well. */
async function replaced(place: string, files: Files, next: Random, pause: Pause): Promise<void> {
  const [old, aside] = [`${place}.old`, `${place}.new`];
  const isAside = next() < 0.5;
  if (isAside) {
    mkdirSync(aside);
    for (const [name, text] of files) writeFileSync(join(aside, name), text);
  }
  renameSync(place, old);
  await pause();
  if (isAside) renameSync(aside, place);
  else {
    mkdirSync(place);
    await pause();
    for (const [name, text] of shuffled(next, [...files])) await writeSlowly(join(place, name), text, next, pause);
  }
  rmSync(old, { recursive: true });
}

let version = 0;

/** As Kubernetes does it for a ConfigMap: files are links through `..data`, which is swapped for another folder in one step. */
async function swapped(place: string, files: Files, next: Random, pause: Pause): Promise<void> {
  const name = `..v${version++}`;
  mkdirSync(join(place, name));
  for (const [file, text] of files) await writeSlowly(join(place, name, file), text, next, pause);
  symlinkSync(name, join(place, '..data_tmp'));
  const before = readdirSync(place).includes('..data') ? readlinkSync(join(place, '..data')) : undefined;
  renameSync(join(place, '..data_tmp'), join(place, '..data'));
  await pause();
  for (const file of files.keys()) {
    // A file of its own is only now a link.
    symlinkSync(join('..data', file), join(place, `.${file}.link`));
    renameSync(join(place, `.${file}.link`), join(place, file));
    await pause();
  }
  for (const file of gone(place, files)) rmSync(join(place, file));
  await pause();
  if (before !== undefined) rmSync(join(place, before), { recursive: true });
}

/** The folder itself is a link, and swapped. Only where it is one. */
async function relinked(place: string, files: Files, next: Random, pause: Pause): Promise<void> {
  const home = join(dirname(place), `release-${version++}`);
  mkdirSync(home);
  for (const [file, text] of files) await writeSlowly(join(home, file), text, next, pause);
  symlinkSync(basename(home), `${place}.tmp`);
  renameSync(`${place}.tmp`, place);
  await pause();
}

/** The disk is full within a file: what is written so far stays there, until there is room. A real one where `fill` can make one. */
async function onFullDisk(place: string, files: Files, next: Random, pause: Pause, isReal: boolean): Promise<void> {
  for (const [name, text] of shuffled(next, [...files])) {
    const filler = join(dirname(place), 'filler');
    if (isReal) {
      rmSync(join(place, name), { force: true });
      for (let size = 65_536; size >= 4096; size = size / 2)
        for (let isFull = false; !isFull; )
          try {
            appendFileSync(filler, Buffer.alloc(size));
          } catch {
            isFull = true;
          }
      // Room for one page.
      const { size } = statSync(filler);
      rmSync(filler);
      writeFileSync(filler, Buffer.alloc(Math.max(0, size - 4096)));
    }
    const most = isReal ? text.length : Math.floor(next() * text.length);
    await writeSlowly(join(place, name), text, next, pause, most).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') throw error;
      fullDisks++;
    });
    await pause();
    rmSync(filler, { force: true });
    await writeSlowly(join(place, name), text, next, pause);
  }
  for (const name of gone(place, files)) rmSync(join(place, name));
}

/** How often a disk was really full. */
export let fullDisks = 0;

export const WAYS = { inPlace, byRename, cleared, replaced, swapped, onFullDisk };
export const LINKED_WAYS = { relinked, inPlace, byRename, swapped };
