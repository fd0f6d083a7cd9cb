/** `snowfence policy history`: which sets of policies were in force, and the files of one, as the record has them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SnowfenceError, unusable } from '../../config/problem.js';
import { EVENT_COLUMNS, isOurs, type RawEvent, type TranscriptStore, trustedKeys } from '../../transcript/index.js';

const reloaded = z.object({
  version: z.string(),
  policies: z.array(z.string()),
  files: z.array(z.object({ name: z.string(), digest: z.string() })).optional(),
});

export interface InForceFrom {
  /** ISO 8601. */
  readonly at: string;
  readonly version: string;
  readonly policies: readonly string[];
  readonly files: readonly { readonly name: string; readonly digest: string }[] | undefined;
}

/** Of versions that begin alike. */
const SHOWN = 5;

const NEWEST = `
  SELECT ${EVENT_COLUMNS} FROM event e
  WHERE e.kind = 'policy_reloaded' AND left(e.body ->> 'version', length($1)) = $1 ORDER BY e.sequence DESC LIMIT $2`;

/** Newest first; `version`: those whose version begins so. Events that no gateway of ours wrote are left out. */
export async function policyHistory(store: TranscriptStore, version: string, limit: number): Promise<InForceFrom[]> {
  const { rows } = await store.readPool.query<RawEvent>(NEWEST, [version, limit]);
  const found: InForceFrom[] = [];
  for (const event of rows) {
    const { data } = reloaded.safeParse(JSON.parse(event.body));
    if (data && (await isOurs(store.readPool, event, { keys: trustedKeys(store.keys) })))
      found.push({ at: event.at, version: data.version, policies: data.policies, files: data.files });
  }
  return found;
}

export interface KeptSet extends InForceFrom {
  readonly files: readonly { readonly name: string; readonly digest: string }[];
  /** By the name of each file. */
  readonly texts: ReadonlyMap<string, string>;
}

/** The set whose version begins so, with its files' texts. Throws a SnowfenceError where there is none, or the record lacks one of them. */
export async function keptSet(store: TranscriptStore, version: string): Promise<KeptSet> {
  const history = await policyHistory(store, version, 1000);
  const versions = [...new Set(history.map((one) => one.version))];
  if (versions.length > 1)
    throw new SnowfenceError(
      'AMBIGUOUS_VERSION',
      `Several versions begin with ${version}: ${versions.slice(0, SHOWN).join(', ')}${versions.length > SHOWN ? ', …' : ''}.`,
      'Type more of it.',
    );
  const set = history.find((one) => one.files !== undefined);
  const files = set?.files;
  if (!set || !files)
    throw new SnowfenceError(
      'UNKNOWN_VERSION',
      `The record has no files of a set whose version begins with ${version}.`,
      'snowfence policy history lists them; those of earlier releases were not kept.',
      1,
    );
  const contents = await store.keptContents(files.map(({ digest }) => digest));
  const missing = files.find(({ digest }) => !contents.has(digest));
  if (missing)
    throw new SnowfenceError(
      'CONTENT_MISSING',
      `The record has no content for ${missing.name} (SHA-256 ${missing.digest}).`,
      'It may have gone to an archive: look for "content_kept" with that digest there.',
      1,
    );
  return { ...set, files, texts: new Map(files.map(({ name, digest }) => [name, contents.get(digest)?.text ?? ''])) };
}

/** Writes the files of a set into a new folder; how many. Throws a SnowfenceError. */
export async function writeSet(store: TranscriptStore, version: string, folder: string): Promise<number> {
  const { texts } = await keptSet(store, version);
  const hint = 'Name a new folder where this account may write.';
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw unusable('--out', folder, 'written', error, hint);
  });
  for (const [name, text] of texts) {
    // Names of files in one folder, as they were read: nothing that leads elsewhere.
    if (name.includes('/') || name.includes('\\') || name.startsWith('.'))
      throw new SnowfenceError('CONTENT_UNSOUND', `"${name}" is no name of a policy file.`, 'Run snowfence verify.', 1);
    await writeFile(join(folder, name), text, { flag: 'wx' }).catch((error: unknown) => {
      const isThere = typeof error === 'object' && error !== null && 'code' in error && error.code === 'EEXIST';
      if (!isThere) throw unusable('--out', join(folder, name), 'written', error, hint);
      throw new SnowfenceError('FILE_EXISTS', `${join(folder, name)} is there already.`, 'Name a new folder by --out.');
    });
  }
  return texts.size;
}
