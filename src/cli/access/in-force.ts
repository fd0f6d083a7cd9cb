/** Which policies are in force, as the record has it: of several gateways, what the last one that changed says. */
import { z } from 'zod';
import { EVENT_COLUMNS, isOurs, type RawEvent, type TranscriptStore, trustedKeys } from '../../transcript/index.js';

/** Of which the first that a gateway of ours wrote counts. */
const NEWEST = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.kind = 'policy_reloaded' ORDER BY e.sequence DESC LIMIT 20`;
const reloaded = z.object({ version: z.string() });

/** Their version; undefined where the record does not say. Throws where the store does not answer. */
export async function policiesInForce({
  readPool,
  keys,
}: Pick<TranscriptStore, 'readPool' | 'keys'>): Promise<string | undefined> {
  const { rows } = await readPool.query<RawEvent>(NEWEST);
  for (const event of rows) {
    const { data } = reloaded.safeParse(JSON.parse(event.body));
    if (data && (await isOurs(readPool, event, { keys: trustedKeys(keys) }))) return data.version;
  }
  return undefined;
}
