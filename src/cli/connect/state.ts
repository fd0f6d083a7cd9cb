/** What the command line remembers on this machine between starts, and for as long as one runs: for its user alone. */
import { mkdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** XDG Base Directory Specification: what a program remembers between starts; on Windows the local application data. */
export function stateFolder(name: string): string {
  const { XDG_STATE_HOME: state, LOCALAPPDATA: local } = process.env;
  if (process.platform === 'win32' && local) return join(local, 'snowfence', name);
  // Relative paths are to be ignored, as the specification has it.
  const base = state && isAbsolute(state) ? state : join(homedir(), '.local', 'state');
  return join(base, 'snowfence', name);
}

export async function makeStateFolder(name: string): Promise<string> {
  const folder = stateFolder(name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Whether this user alone can put something there, or look at it. */
export async function isOwn(folder: string): Promise<boolean> {
  const is = await stat(folder).catch(() => undefined);
  if (!is?.isDirectory()) return false;
  return process.platform === 'win32' || ((is.mode & 0o077) === 0 && is.uid === process.getuid?.());
}
