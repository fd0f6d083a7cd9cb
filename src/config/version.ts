import { createRequire } from 'node:module';
import { z } from 'zod';

/** The package's own version. */
export const VERSION = z
  .object({ version: z.string() })
  .parse(createRequire(import.meta.url)('../../package.json')).version;
