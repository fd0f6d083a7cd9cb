/**
 * `policies.sha256` beside the policies: which files there have to be, and what they have to hold. Lines are those of `sha256sum`
 * (GNU coreutils, "sha2 utilities"): a digest, a space, a space or `*`, a name; those that begin with `#` are comments there. A first
 * line `# files: 3` says how many there are, so that half of this file is not taken for all of it. Where the file is, a set that does
 * not match it is not taken.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Problem } from '../rules/problems.js';
import { isPolicyName, type PolicyText, type Reading, SUMS } from './reading.js';

const HINT = `Once all files are there, run: snowfence policy sums <folder> > <folder>/${SUMS}`;
const LINE = /^([0-9a-f]{64}) [ *](?:\.\/)?(\S(?:.*\S)?)$/i;
const COUNT = /^# files: (\d{1,5})\r?\n/;

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The text of such a file. */
export const sumsOf = (files: readonly PolicyText[]): string =>
  [`# files: ${files.length}`, ...files.map(({ name, bytes }) => `${digestOf(bytes)}  ${name}`), ''].join('\n');

/** It says how many files there are, and so can't be half of itself. */
export const isCounted = (sums: string | undefined): boolean => sums !== undefined && COUNT.test(sums);

/** What does not match; nothing where there is no such file. Names that are none of policies are not looked at. */
export function sumProblems(folder: string, { files, sums }: Pick<Reading, 'files' | 'sums'>): readonly Problem[] {
  if (sums === undefined) return [];
  const problems: Problem[] = [];
  const report = (line: number, message: string): void =>
    void problems.push({ place: `${basename(folder)}/${SUMS}:${line}`, column: 1, message: `${message} ${HINT}` });
  const listed = new Map<string, { readonly digest: string; readonly line: number }>();
  for (const [index, text] of sums.split(/\r?\n/).entries()) {
    if (text.trim() === '' || text.startsWith('#')) continue;
    const line = index + 1;
    const [, digest = '', name = ''] = LINE.exec(text) ?? [];
    if (name === '') report(line, 'This line is none that sha256sum writes.');
    else if (listed.has(name)) report(line, `${name} is listed twice.`);
    else listed.set(name, { digest: digest.toLowerCase(), line });
  }
  const count = COUNT.exec(sums)?.[1];
  if (count !== undefined && Number(count) !== listed.size)
    report(1, `There should be ${count} files, and ${listed.size} are listed.`);
  for (const { name, bytes } of files) {
    const found = listed.get(name);
    if (!found) report(1, `${name} is not listed.`);
    else if (found.digest !== digestOf(bytes)) report(found.line, `${name} is another file than the one listed.`);
  }
  const there = new Set(files.map(({ name }) => name));
  for (const [name, { line }] of listed)
    if (isPolicyName(name) && !there.has(name)) report(line, `${name} is listed, and not there.`);
  return problems;
}
