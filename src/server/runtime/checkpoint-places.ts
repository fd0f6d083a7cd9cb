/** Where checkpoints go, beside the store that they vouch for. */
import { createHash } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import type { Config } from '../../config/index.js';
import { type CheckpointPlace, post } from '../../transcript/index.js';

/** Adds each checkpoint to a file, or prints it. */
export function placesOf(config: Config): CheckpointPlace[] {
  const files = config.checkpoints.files.map((file) => ({
    name: file,
    put: (note: string) => appendFile(file, `${note}\n`, { mode: 0o600 }),
  }));
  const print = async (note: string): Promise<void> =>
    void process.stdout.write(`${JSON.stringify({ checkpoint: note })}\n`);
  const webhooks = config.webhooks
    .filter(({ checkpoints }) => checkpoints)
    .map((webhook) => ({
      name: `webhook ${webhook.name}`,
      put: (note: string) =>
        post(
          webhook,
          `checkpoint-${createHash('sha256').update(note).digest('hex').slice(0, 32)}`,
          JSON.stringify({ type: 'checkpoint.signed', timestamp: new Date().toISOString(), data: { note } }),
        ),
    }));
  return [...files, ...webhooks, ...(config.checkpoints.stdout ? [{ name: 'standard output', put: print }] : [])];
}
