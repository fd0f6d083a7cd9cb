/** Of the configuration: the keys that sign and encrypt the record. */
import {
  decodeVerifierKey,
  originOf,
  type RecordKeys,
  readSealingKey,
  readSigningKey,
} from '../../transcript/index.js';
import { SnowfenceError } from '../problem.js';
import { secret, secretEnvironment, secretFile } from '../values/secrets.js';
import type { Transcript } from './transcript.js';

export async function recordKeys(transcript: Transcript, base: string): Promise<RecordKeys> {
  const pem = await secret(
    transcript.signing_key_env,
    transcript.signing_key_file,
    base,
    'transcript: the key that signs it',
    'signing_key_file nor signing_key_env',
  );
  const read = <T>(what: string, hint: string, parse: () => T): T => {
    try {
      return parse();
    } catch (error) {
      throw new SnowfenceError(
        'SECRET_INVALID',
        `transcript: ${what}: ${error instanceof Error ? error.message : ''}.`,
        hint,
      );
    }
  };
  const signing = read(
    'the signing key is no Ed25519 key in PEM form',
    'Make one with: snowfence keys new signing --out FILE',
    () => readSigningKey(pem),
  );
  const sealing = await Promise.all(
    transcript.encryption_keys.map(async (named, index) => {
      const what = `encryption key ${index + 1}`;
      const text = await ('env' in named
        ? secretEnvironment(named.env, `transcript: ${what}`)
        : secretFile(named.file, base, `transcript: ${what}`));
      return read(`${what} is not right`, 'Make one with: snowfence keys new encryption --out FILE', () =>
        readSealingKey(text),
      );
    }),
  );
  const formerly = transcript.former_keys.map((text) =>
    read(`"${text.slice(0, 60)}" of former_keys is not right`, 'snowfence keys show prints such keys.', () =>
      decodeVerifierKey(text),
    ),
  );
  return { signing, sealing, formerly, origin: transcript.origin ?? originOf(signing) };
}
