/** A transcript store in this process, for tests and benches that put a gateway together themselves. */
import { generateKeyPairSync } from 'node:crypto';
import { recordMask } from '../../../dist/gateway/record/recorded.js';
import { newSealingKey, setUpStore, storePool, TranscriptStore } from '../../../dist/transcript/index.js';

export const newKeys = () => ({
  signing: generateKeyPairSync('ed25519').privateKey,
  sealing: [newSealingKey()],
  formerly: [],
  origin: 'snowfence-test',
});

const secret = 'of-a-test';

/** The same database as the role that a gateway has. */
export function gatewayUrlOf(adminUrl, role = 'snowfence_gateway_test') {
  const url = new URL(adminUrl);
  url.username = role;
  url.password = secret;
  return url.href;
}

/** Sets the store up as the administrator of `adminUrl`, and opens it as the gateway's own role. */
export async function openStore(adminUrl, more = {}) {
  const url = gatewayUrlOf(adminUrl);
  const admin = storePool(adminUrl, 30_000, 1);
  await setUpStore(admin, url).finally(() => admin.end());
  return new TranscriptStore(url, {
    keys: newKeys(),
    mask: recordMask(),
    writer: { actor: 'gateway', subject: 'gateway', groups: [] },
    onError: () => undefined,
    // What a gateway waits for is five seconds; a machine that is busy with other tests is no store that does not answer.
    statementTimeoutMs: 60_000,
    onIntegrityProblem: (problem) => {
      throw new Error(problem);
    },
    ...more,
  });
}
