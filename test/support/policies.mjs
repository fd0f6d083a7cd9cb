/** Policies of a test's own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPolicies } from '../../dist/policy/index.js';

/** One for the group `g`: its head, and what it says. */
export const policyOf = (says, name = 'p') =>
  `policy: ${name}\nprincipals: { groups: [g] }\nsnowflake: { role: R, warehouse: W }\n${says}`;

/** The set that files with these texts make, in their order (p0.yaml, p1.yaml, …; a single one is p.yaml); no file stays. */
export async function setOf(...texts) {
  const folder = await mkdtemp(join(tmpdir(), 'snowfence-policies-'));
  try {
    for (const [at, text] of texts.entries())
      await writeFile(join(folder, texts.length === 1 ? 'p.yaml' : `p${at}.yaml`), text);
    return await loadPolicies(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
