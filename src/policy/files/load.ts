/** Policies from a folder: read, checked, put together into one set. */
import { basename } from 'node:path';
import { Source } from '../../mistakes/index.js';
import { knownIssuers } from '../rules/issuers.js';
import type { Policy, PolicySet } from '../rules/policy.js';
import { notUnderstood, type Predicate } from '../rules/predicate.js';
import { type Place, PolicyProblems, type Problem } from '../rules/problems.js';
import { type PolicyFile, policyFile } from '../rules/schema.js';
import { build } from './build.js';
import { FolderMoves, type Reading, readFolder } from './reading.js';
import { sumProblems, sumsOf } from './sums.js';

/** The text of a file. What is no UTF-8 may have been cut within a letter, or be read otherwise by somebody else. */
function textOf(place: Place, bytes: Buffer, problems: Problem[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    problems.push({ place: `${place}:1`, column: 1, message: 'This is not UTF-8.' });
    return undefined;
  }
}

/**
 * The set that was read: whole, and as `policies.sha256` says where there is one. `issuers`: those that tokens are taken from, where a
 * configuration says so. Throws PolicyProblems with all that is wrong.
 */
export async function policiesOf(folder: string, reading: Reading, issuers?: readonly string[]): Promise<PolicySet> {
  const problems: Problem[] = [...sumProblems(folder, reading)];
  const policies: Policy[] = [];
  const files: { readonly name: string; readonly text: string }[] = [];
  const read: { readonly source: Source; readonly file: PolicyFile | undefined }[] = [];
  // Thousands of row rules often have one text.
  const asked = new Map<string, Promise<string | undefined>>();
  const understood = (where: Predicate): Promise<string | undefined> => {
    const known = asked.get(where.text) ?? notUnderstood(where);
    asked.set(where.text, known);
    return known;
  };
  for (const { name, bytes } of reading.files) {
    const place = `${basename(folder)}/${name}`;
    const text = textOf(place, bytes, problems);
    if (text === undefined) continue;
    files.push({ name, text });
    const source = new Source(place, text);
    read.push({ source, file: source.read(policyFile) });
  }
  const known = knownIssuers(
    issuers,
    read.flatMap(({ file }) => file ?? []),
  );
  for (const { source, file } of read) {
    if (file) {
      const policy = build(source, file, known);
      policies.push(policy);
      for (const [index, { where }] of policy.rows.entries()) {
        const problem = where && (await understood(where));
        if (problem) source.report(['rows', index, 'where'], problem);
      }
    }
    problems.push(...source.problems);
  }
  for (const policy of policies) {
    const other = policies.find((candidate) => candidate !== policy && candidate.name === policy.name);
    if (other && other.file < policy.file)
      problems.push({ place: `${policy.file}:1`, column: 1, message: `${other.file} is called "${policy.name}" too.` });
  }
  if (problems.length > 0) throw new PolicyProblems(problems);
  return { folder, policies, files, issuers: known.all, version: reading.version };
}

const READ_TRIES = 50;
const READ_AGAIN_MS = 20;

async function readNow(folder: string): Promise<Reading> {
  for (let tries = 1; ; tries++) {
    try {
      return await readFolder(folder);
    } catch (error) {
      if (!(error instanceof FolderMoves) || tries === READ_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
    }
  }
}

/** Loads every `.yaml` and `.yml` file of a folder as it is now. `issuers` as above. Throws PolicyProblems with all that is wrong. */
export const loadPolicies = async (folder: string, issuers?: readonly string[]): Promise<PolicySet> =>
  policiesOf(folder, await readNow(folder), issuers);

/** A set of one file that stands in no folder. Throws PolicyProblems with all that is wrong. */
export const policiesFrom = (name: string, text: string): Promise<PolicySet> =>
  policiesOf('policies', {
    files: [{ name, bytes: Buffer.from(text) }],
    sums: undefined,
    version: '',
    state: '',
    changedAt: 0,
    home: '',
  });

/** The text of `policies.sha256` for a folder as it is now, whatever stands there. Throws PolicyProblems where its policies are unsound. */
export async function policySums(folder: string): Promise<string> {
  const reading = await readNow(folder);
  await policiesOf(folder, { ...reading, sums: undefined });
  return sumsOf(reading.files);
}
