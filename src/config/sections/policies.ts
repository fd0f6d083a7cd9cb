/** Of the configuration: the folder of policies, and when it is taken anew. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { DEFAULT_TIMES, type Times } from '../../policy/index.js';
import { duration } from '../values/amounts.js';
import { file } from '../values/secrets.js';

export const policiesShape = z.preprocess(
  (value) => (typeof value === 'string' ? { folder: value } : value),
  z
    .strictObject({
      folder: file,
      still: duration(50, 60_000).default(DEFAULT_TIMES.stillMs),
      still_opening: duration(50, 600_000).default(DEFAULT_TIMES.openingMs),
      poll: duration(100, 60_000).default(DEFAULT_TIMES.pollMs),
      reload_socket: file.optional(),
    })
    .refine(
      ({ still, still_opening: opening }) => opening >= still,
      'still_opening has to be at least as long as still.',
    ),
);

export interface PolicyFolder {
  /** The folder. */
  readonly policies: string;
  readonly policyTimes: Times;
  /** A Unix socket on which a reload is asked for; undefined where only SIGHUP does. */
  readonly reloadSocket: string | undefined;
}

export const policyFolderOf = (policies: z.infer<typeof policiesShape>, base: string): PolicyFolder => ({
  policies: resolve(base, policies.folder),
  policyTimes: { stillMs: policies.still, openingMs: policies.still_opening, pollMs: policies.poll },
  reloadSocket: policies.reload_socket === undefined ? undefined : resolve(base, policies.reload_socket),
});
