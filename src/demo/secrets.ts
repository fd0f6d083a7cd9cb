/** Secrets that the demo makes for itself. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What was made at the first start with a folder serves at the next ones. */
export async function keptSecret(folder: string, name: string, make: () => string): Promise<string> {
  const file = join(folder, name);
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known !== undefined) return known;
  const made = make();
  await writeFile(file, made, { mode: 0o600 });
  return made;
}

export const newPassword = (): string => randomBytes(18).toString('base64url');
