/**
 * The embedded warehouse's own process. Its options come as one JSON line on standard input (a password has no place
 * in an argument list, which every user of the machine can read); it answers with one JSON line naming its address,
 * and ends when standard input closes, so that it never outlives the process that started it.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
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

const stop = async (): Promise<void> => {
  await warehouse?.[Symbol.asyncDispose]();
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
      warehouse = await Warehouse.start({ ...DEFAULT_OPTIONS, ...options.parse(JSON.parse(line)) });
      process.stdout.write(`${JSON.stringify({ url: warehouse.url })}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
      process.exitCode = 1;
      await stop();
    }
  })();
});
