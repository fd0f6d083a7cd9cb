/**
 * The embedded warehouse's own process. Its options come as one JSON line on standard input (a password has no place
 * in an argument list, which every user of the machine can read); it answers with one JSON line naming its address,
 * and ends when standard input closes, so that it never outlives the process that started it.
 */
import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { takeFolder } from '../folder/index.js';
import { DEFAULT_OPTIONS, Warehouse } from './index.js';

const options = z.object({
  port: z.number().int().min(0).max(65_535).default(0),
  seeds: z.array(z.string()).default([]),
  databases: z.array(z.string()).default([]),
  dataFolder: z.string().optional(),
  latencyMs: z.number().min(0).default(0),
  sessionSeconds: z.number().positive().default(DEFAULT_OPTIONS.sessionSeconds),
  masterSeconds: z.number().positive().default(DEFAULT_OPTIONS.masterSeconds),
  syncWaitMs: z.number().positive().default(DEFAULT_OPTIONS.syncWaitMs),
  inlineRows: z.number().positive().default(DEFAULT_OPTIONS.inlineRows),
  users: z.array(
    z.object({
      name: z.string(),
      password: z.string().optional(),
      publicKey: z.string().optional(),
      tokens: z.array(z.string()).optional(),
    }),
  ),
});

const lines = createInterface({ input: process.stdin });
let warehouse: Warehouse | undefined;
let taken: AsyncDisposable | undefined;
/** One whose starter is gone ends by itself. */
const END_OF_ANOTHER_MS = 10_000;

const stop = async (): Promise<void> => {
  await warehouse?.[Symbol.asyncDispose]();
  await taken?.[Symbol.asyncDispose]();
  process.exit(0);
};

// Ctrl-C and a closed terminal reach the whole process group; the one who started us tells us when to stop.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('SIGTERM', () => void stop());
lines.on('close', () => void stop());
lines.once('line', (line) => {
  void (async () => {
    try {
      const given = options.parse(JSON.parse(line));
      if (given.dataFolder !== undefined) {
        await mkdir(given.dataFolder, { recursive: true });
        taken = await takeFolder(given.dataFolder, 'warehouse', END_OF_ANOTHER_MS);
      }
      warehouse = await Warehouse.start({ ...DEFAULT_OPTIONS, ...given });
      process.stdout.write(`${JSON.stringify({ url: warehouse.url })}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
      process.exitCode = 1;
      await stop();
    }
  })();
});
