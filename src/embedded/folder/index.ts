/**
 * Folders that one process at a time works in: whoever begins says so by a file in the folder, whose name tells which process that is and
 * since when it runs, so that one that was killed holds nothing and a number that was given out again counts for nobody else. It never ends
 * a process, and never takes away what belongs to one that runs.
 */
import { execFile } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Somebody else is at it. */
export class FolderInUse extends Error {
  readonly folder: string;
  /** The process that holds it. */
  readonly pid: number;

  constructor(folder: string, what: string, pid: number) {
    super(`${folder} is in use by another ${what}, process ${pid}.`);
    this.name = 'FolderInUse';
    this.folder = folder;
    this.pid = pid;
  }
}

const run = promisify(execFile);

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // One of somebody else's may not be asked, and is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** How a process was called, argument by argument where the system tells them apart; undefined where it tells nothing. */
export async function commandOf(pid: number): Promise<readonly string[] | undefined> {
  const told = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  if (told !== undefined) return told.split('\0');
  const listed = await run('ps', ['-ww', '-p', String(pid), '-o', 'command=']).catch(() => undefined);
  return listed?.stdout.trim().split(' ');
}

const UNKNOWN = 'unknown';

/** Since when a process runs, as the system has it (proc_pid_stat(5), field 22, of this boot; ps elsewhere). */
async function begunAt(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat !== undefined) {
    // The second field is a name in brackets, which may hold anything.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? UNKNOWN;
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    return `${boot.slice(0, 8)}${ticks}`;
  }
  const listed = await run('ps', ['-p', String(pid), '-o', 'lstart=']).catch(() => undefined);
  return listed?.stdout.replace(/\W/g, '') || UNKNOWN;
}

/** Whether the process that a file names still runs. Where nobody can tell since when, the number alone says it. */
async function isHeld(pid: number, begun: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const now = await begunAt(pid);
  return now === begun || now === UNKNOWN || begun === UNKNOWN;
}

/** Two that begin in the same moment both step back, and try again after a time of their own. */
const TRIES = 4;
const STEP_BACK_MS = 100;

/**
 * Takes a folder, which has to be there, as a `what`; the answer gives it back. `patienceMs`: for so long one that is about to end is waited
 * for. Throws FolderInUse, and what the file system says where nothing can be written there.
 */
export async function takeFolder(folder: string, what: string, patienceMs = 0): Promise<AsyncDisposable> {
  const until = Date.now() + patienceMs;
  for (let tries = 1; ; tries++) {
    const taken = await tryToTake(folder, what);
    if (typeof taken !== 'number') return taken;
    if (tries >= TRIES && Date.now() >= until) throw new FolderInUse(folder, what, taken);
    await sleep(randomInt(STEP_BACK_MS));
  }
}

/** Says first that it is at it, and then looks who else is: of two at once at least one sees the other. Answers who is there. */
async function tryToTake(folder: string, what: string): Promise<AsyncDisposable | number> {
  const begin = `.${what}-in-use-`.replaceAll(' ', '-');
  const { pid } = process;
  const own = `${begin}${pid}-${await begunAt(pid)}-${randomBytes(6).toString('hex')}`;
  const file = join(folder, own);
  await writeFile(file, '', { flag: 'wx', mode: 0o600 });
  const giveBack = (): Promise<void> => rm(file, { force: true });
  try {
    for (const name of await readdir(folder)) {
      if (!name.startsWith(begin) || name === own) continue;
      const [other = '', begun = ''] = name.slice(begin.length).split('-');
      if (await isHeld(Number(other), begun)) {
        await giveBack();
        return Number(other);
      }
      await rm(join(folder, name), { force: true });
    }
  } catch (error) {
    await giveBack();
    throw error;
  }
  return { [Symbol.asyncDispose]: giveBack };
}
