/** What a document says in blocks of code, so that a script can do just that. */
import { readFile } from 'node:fs/promises';

/** Each block with its language ('' for none) and the heading that it stands under. */
export async function blocksOf(file) {
  const blocks = [];
  let heading = '';
  let open;
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence && open) {
      blocks.push({ ...open, text: open.lines.join('\n') });
      open = undefined;
    } else if (fence) open = { language: fence[1], heading, lines: [] };
    else if (open) open.lines.push(line);
    else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
  }
  return blocks;
}
