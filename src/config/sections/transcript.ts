/** Of the configuration: the record, where its checkpoints and archives go, and what becomes of it. */
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { isOrigin } from '../../transcript/index.js';
import { duration } from '../values/amounts.js';
import { databaseTls } from '../values/database.js';
import { environment, file } from '../values/secrets.js';
import { roleGroups } from './identity.js';

export const transcriptShape = z.strictObject({
  tls: databaseTls.default('verify'),
  url_env: environment.optional(),
  url_file: file.optional(),
  notary_url_env: environment.optional(),
  notary_url_file: file.optional(),
  reader_url_env: environment.optional(),
  reader_url_file: file.optional(),
  admin_url_env: environment.optional(),
  admin_url_file: file.optional(),
  origin: z
    .string()
    .refine((text) => isOrigin(text), 'a name without white space and plus, such as snowfence.example.com/transcript')
    .optional(),
  signing_key_env: environment.optional(),
  signing_key_file: file.optional(),
  former_keys: z.array(z.string()).default([]),
  encryption_keys: z
    .array(z.union([z.strictObject({ env: environment }), z.strictObject({ file })]))
    .min(1, 'a list with one key at least'),
  checkpoints: z
    .strictObject({
      every: duration(1000, 3_600_000).default(60_000),
      files: z.array(file).default([]),
      stdout: z.boolean().default(false),
    })
    .prefault({}),
  notary: z.strictObject({ state: file.optional() }).prefault({}),
  on_integrity_problem: z.enum(['stop', 'warn']).default('stop'),
  acknowledged: z
    .array(z.string().regex(/^[0-9a-f]{64}$/, 'the hash of an event, as snowfence verify names it'))
    .default([]),
  forged: z.array(z.string().regex(/^[0-9a-f]{64}$/, 'the hash of an event, as snowfence verify names it')).default([]),
  auditors: roleGroups,
  retention: z
    .strictObject({
      keep: z
        .string()
        .regex(/^[1-9]\d{0,4}d$/, 'a number of days, such as 400d')
        .optional(),
      archive_to: file.default('./archive'),
    })
    .prefault({}),
  settle_after: duration(3000, 600_000).default(60_000),
});

export type Transcript = z.infer<typeof transcriptShape>;

export interface RecordConfig {
  readonly checkpoints: { readonly everyMs: number; readonly files: readonly string[]; readonly stdout: boolean };
  readonly notary: { readonly stateFile: string };
  /** Whether statements go on being run once the record was found changed. */
  readonly onIntegrityProblem: 'stop' | 'warn';
  /** Hashes of events that somebody has looked into. */
  readonly acknowledged: ReadonlySet<string>;
  /** Hashes of events that are known to be none of ours. */
  readonly forged: ReadonlySet<string>;
  /** Days that the record stays in the store, undefined for ever; and where it goes then. */
  readonly retention: { readonly keepDays: number | undefined; readonly folder: string };
  /** A gateway that was silent for so long is taken for dead, and its statements are settled. */
  readonly settleAfterMs: number;
}

export function recordOf(transcript: Transcript, base: string): RecordConfig {
  const checkpointFiles = transcript.checkpoints.files.map((path) => (isAbsolute(path) ? path : join(base, path)));
  return {
    checkpoints: {
      everyMs: transcript.checkpoints.every,
      files: checkpointFiles,
      stdout: transcript.checkpoints.stdout,
    },
    // Beside the checkpoints that are kept elsewhere: out of the database's reach for the same reason.
    notary: {
      stateFile: resolve(
        base,
        transcript.notary.state ??
          join(checkpointFiles[0] === undefined ? base : dirname(checkpointFiles[0]), 'notary.json'),
      ),
    },
    onIntegrityProblem: transcript.on_integrity_problem,
    acknowledged: new Set(transcript.acknowledged),
    forged: new Set(transcript.forged),
    retention: {
      keepDays: transcript.retention.keep === undefined ? undefined : Number.parseInt(transcript.retention.keep, 10),
      folder: isAbsolute(transcript.retention.archive_to)
        ? transcript.retention.archive_to
        : join(base, transcript.retention.archive_to),
    },
    settleAfterMs: transcript.settle_after,
  };
}
