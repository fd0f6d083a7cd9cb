/**
 * PostgreSQL's keeper: takes its options as one JSON line on standard input, answers with one, and stops the server when standard
 * input closes, so that no server outlives whoever started it.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { Postgres } from './postgres.js';

const options = z.object({ dataFolder: z.string(), port: z.number().int().positive(), password: z.string().min(1) });

let postgres: Postgres | undefined;
let isStopping = false;

const stop = async (code = 0): Promise<void> => {
  if (isStopping) return;
  isStopping = true;
  await postgres?.stop();
  process.exit(code);
};

// Ctrl-C and a closed terminal reach the whole process group; the one who started us tells us when to stop.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('SIGTERM', () => void stop());
const lines = createInterface({ input: process.stdin });
lines.on('close', () => void stop());
lines.once('line', (line) => {
  void (async () => {
    try {
      postgres = await Postgres.start(options.parse(JSON.parse(line)));
      postgres.onExit(() => void stop(1));
      process.stdout.write(`${JSON.stringify({ pid: postgres.pid })}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
      await stop(1);
    }
  })();
});
