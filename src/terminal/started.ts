/** Commands that are printed, in the form in which this process was started: each can be pasted as it is. */
import { realpathSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';

const COMMANDS =
  'approvals|connect|demo|doctor|keys|policy|prompt|reconcile|retention|serve|sessions|store|verify|webhooks';

/** Not where it is the word of a sentence, such as "no snowfence connect". */
const PRINTED = new RegExp(`(?<!\\b(?:the|no) )\\bsnowfence (?=(?:${COMMANDS})\\b)`, 'gi');

/** As a shell takes it for one word. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

const real = (path: string): string | undefined => {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
};

/** `snowfence` where a shell finds it by that name, `npx snowfence` where npm found it, else `node` and the file, as short as it may be here. */
export function startedAs(): string {
  const [, file = ''] = process.argv;
  if (process.env['npm_command'] === 'exec') return 'npx snowfence';
  const own = real(file);
  // Scripts of npm have folders in front that the shell has not.
  const folders = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join('node_modules', '.bin')));
  if (own !== undefined && folders.some((folder) => folder !== '' && real(join(folder, 'snowfence')) === own))
    return 'snowfence';
  const near = relative(process.cwd(), file);
  return `node ${quoted(near.startsWith('..') ? file : near)}`;
}

/** A text of ours with its commands in that form. */
export const pasteable = (text: string): string => text.replace(PRINTED, () => `${startedAs()} `);
