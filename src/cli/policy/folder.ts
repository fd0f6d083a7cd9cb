/** A folder of policies and the cases beside them, as the command line reads them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { because, SnowfenceError, systemWords } from '../../config/problem.js';
import { type Place, Source } from '../../mistakes/index.js';
import { loadPolicies, type PolicySet, policySums } from '../../policy/index.js';

/** A YAML file against a shape. Throws a SnowfenceError that names the place of each thing that is wrong. */
export async function readYaml<T>(
  file: string,
  shape: z.ZodType<T>,
): Promise<{ data: T; placeOf: (path: readonly PropertyKey[]) => Place }> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new SnowfenceError(
      'FILE_MISSING',
      `${file} can not be read${because(error)}`,
      'Name a file of policy cases.',
    );
  });
  const source = new Source(file, text);
  const data = source.read(shape);
  if (data === undefined)
    throw new SnowfenceError(
      'CASES_UNSOUND',
      source.problems.map(({ place, column, message }) => `${place}:${column} ${message}`).join('\n'),
      undefined,
      1,
    );
  return { data, placeOf: (path) => source.place(path) };
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';

/**
 * The policies of a folder. `issuers`: of a configuration, where there is one. Throws PolicyProblems, or a SnowfenceError where there is
 * no such folder.
 */
export async function loadFolder(folder: string, issuers?: readonly string[]): Promise<PolicySet> {
  const set = await inFolder(folder, () => loadPolicies(folder, issuers));
  if (set.policies.length === 0)
    throw new SnowfenceError(
      'NO_POLICIES',
      `There is no policy in ${folder}: nobody may do anything.`,
      'Policies are files that end in .yaml or .yml; examples are in policies/.',
      1,
    );
  return set;
}

/** What `policies.sha256` has to say of a folder. Throws like loadFolder. */
export const sumsOfFolder = (folder: string): Promise<string> => inFolder(folder, () => policySums(folder));

async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOTDIR')
      throw new SnowfenceError('NO_FOLDER', `${folder} is a file.`, 'Name the folder that your policies are in.');
    if (systemWords(error) === undefined) throw error;
    if (!isMissing(error))
      throw new SnowfenceError(
        'NO_FOLDER',
        `${folder} can not be read${because(error)}`,
        'Name a folder of policies that this account may read.',
      );
    throw new SnowfenceError('NO_FOLDER', `There is no folder ${folder}.`, 'Name the folder of your policies.');
  }
}

/** Whose principal somebody is: as is said, else of the only issuer that there is. Throws a SnowfenceError where that is open. */
export function issuerIn({ issuers }: PolicySet, said: string | undefined, where: string): string {
  if (said !== undefined) return said;
  if (issuers.length > 1)
    throw new SnowfenceError(
      'ISSUER_OPEN',
      `${where} does not say whose principal this is, and policies name ${issuers.join(' and ')}.`,
      'Say which issuer: groups and subjects of one are not those of another.',
    );
  return issuers[0] ?? '';
}

/** The files of cases in a folder of policies. */
export async function caseFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => /\.test\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}
