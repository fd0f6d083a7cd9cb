/** `snowfence verify`: is the transcript what was written? */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Config } from '../../config/index.js';
import { because, SnowfenceError, systemWords } from '../../config/problem.js';
import { recordMask } from '../../gateway/index.js';
import { printable, type Style } from '../../terminal/index.js';
import { moment } from '../../times/index.js';
import {
  decodeVerifierKey,
  type KeptCheckpoint,
  SealedRows,
  storePool,
  trustedKeys,
  Vault,
  type VerifyReport,
  verifyExport,
  verifyStore,
} from '../../transcript/index.js';
import { openStore, rolesOf } from '../access/store.js';

/** Checkpoints as they were added to a file, one after the other. */
async function keptIn(file: string): Promise<KeptCheckpoint[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new SnowfenceError(
      'CHECKPOINTS_UNREADABLE',
      `The checkpoints in ${file} can not be read${because(error)}`,
      'Name a file of checkpoints, as transcript.checkpoints.files has them.',
    );
  });
  // Each note has an empty line of its own before its signatures: the signature line ends it.
  const notes = text.split(/(?<=\n— [^\n]+\n)(?!— )/).map((note) => note.replace(/^\n+/, ''));
  return notes
    .filter((note) => note.trim() !== '')
    .map((note, index) => ({ note, where: `${file}, number ${index + 1}` }));
}

const keptIfThere = async (file: string): Promise<KeptCheckpoint[]> => (existsSync(file) ? keptIn(file) : []);

/** Of a file that somebody names: it has to have one at least. */
async function keptSomething(file: string): Promise<KeptCheckpoint[]> {
  const kept = await keptIn(file);
  if (kept.length === 0)
    throw new SnowfenceError('CHECKPOINTS_UNREADABLE', `There is no checkpoint in ${file}: nothing would be compared.`);
  return kept;
}

export interface VerifyArguments {
  readonly checkpoints: readonly string[];
  readonly keys: readonly string[];
  /** Hashes of events that somebody has looked into, besides those of the configuration. */
  readonly acknowledged?: readonly string[];
  readonly onProgress: (events: number, of: number) => void;
}

const namedKeys = (keys: readonly string[]) =>
  keys.map((text) => {
    try {
      return decodeVerifierKey(text);
    } catch (error) {
      throw new SnowfenceError(
        'USAGE',
        `--key: "${text.slice(0, 80)}" is not a verifier key: ${error instanceof Error ? error.message : ''}.`,
        'snowfence keys show prints it: a name, a plus, eight digits, a plus, and the key in base64.',
      );
    }
  });

/** Who verified, what came of it, and what was `named` as looked into, is in the record as well. Answers why it could not be written, if so. */
export async function recordVerification(
  config: Config,
  report: VerifyReport,
  named: readonly string[] = [],
): Promise<string | undefined> {
  try {
    const store = await openStore(config);
    try {
      const { isWhole, breaks, sessions, events, size } = report;
      // What somebody has looked into, they say so each time: by whom stands in the session.
      const acknowledged = [...new Set([...config.acknowledged, ...named])];
      await store.recorder.append({
        kind: 'record_verified',
        sessionId: undefined,
        statementId: undefined,
        body: {
          is_whole: isWhole,
          breaks: breaks.length,
          sessions,
          events,
          size,
          ...(acknowledged.length === 0 ? {} : { acknowledged }),
        },
      });
    } finally {
      await store.recorder.close();
      await store[Symbol.asyncDispose]();
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The store that a configuration names, with the checkpoints that it keeps elsewhere. */
export async function verifyConfigured(
  config: Config,
  { checkpoints, keys, acknowledged = [], onProgress }: VerifyArguments,
): Promise<VerifyReport> {
  const files = await Promise.all(
    config.checkpoints.files.map(async (file) => ({ file, notes: await keptIfThere(file) })),
  );
  // A file without a checkpoint is as good as none: whoever empties it has not kept what they took.
  const missing = files.filter(({ notes }) => notes.length === 0).map(({ file }) => file);
  const kept = [...files.flatMap(({ notes }) => notes), ...(await Promise.all(checkpoints.map(keptSomething))).flat()];
  const vault = new Vault(config.keys, recordMask());
  const pool = storePool(config.databaseUrl, 0, 1);
  try {
    return await verifyStore(pool, {
      keys: [...trustedKeys(config.keys), ...namedKeys(keys)],
      kept,
      missing,
      acknowledged: new Set([...config.acknowledged, ...acknowledged]),
      forged: config.forged,
      roles: rolesOf(config),
      onProgress,
      openKey: (session, key) => vault.check(session, key),
      rows: new SealedRows(config.keys.sealing, () => undefined),
      url: config.databaseUrl,
    });
  } catch (error) {
    if (error instanceof SnowfenceError) throw error;
    throw new SnowfenceError(
      'STORE_UNREACHABLE',
      `The transcript could not be read: ${error instanceof Error ? error.message : String(error)}`,
      'snowfence doctor says more.',
      1,
    );
  } finally {
    await pool.end();
  }
}

/** A file, with nothing else but public keys. */
export async function verifyFile(
  file: string,
  { checkpoints, keys, acknowledged = [] }: VerifyArguments,
): Promise<VerifyReport> {
  if (keys.length === 0)
    throw new SnowfenceError(
      'USAGE',
      'An export is verified against a public key, and none is given.',
      'Name one with --key; snowfence keys show prints it.',
    );
  const kept = (await Promise.all(checkpoints.map(keptSomething))).flat();
  // A key that is none is no fault of the file.
  const named = namedKeys(keys);
  try {
    return await verifyExport(file, named, kept, new Set(acknowledged));
  } catch (error) {
    throw new SnowfenceError(
      'EXPORT_UNREADABLE',
      `${file} can not be verified: ${systemWords(error) ?? (error instanceof Error ? error.message : String(error))}.`,
      'It has to be what snowfence sessions export --format jsonl wrote.',
      1,
    );
  }
}

export function renderReport(report: VerifyReport, style: Style): string {
  const counts = `${report.sessions} sessions, ${report.events} events, ${report.checkpoints} checkpoints, the newest of size ${report.size}`;
  const tail =
    report.uncovered === 0
      ? 'Checkpoints cover every event.'
      : `${report.uncovered} events came after the newest checkpoint${report.isComplete ? '; the signatures of those who wrote them are right' : '; their signatures are right, and whether others between them were left out can only be told with the whole transcript'}.`;
  if (report.isWhole)
    return [
      `${style.green('The transcript is whole.')} ${counts}.`,
      tail,
      ...(report.kept === 0 && report.proved === 0
        ? [
            'No checkpoint from outside the database was compared (transcript.checkpoints, --checkpoints): a roll-back of all of it would not show.',
          ]
        : []),
      ...(report.proved > 0 ? [`${report.proved} sessions are proved by a checkpoint each.`] : []),
    ].join('\n');
  const [first] = report.breaks;
  const place = (entry: typeof first): string =>
    entry?.session === undefined
      ? ''
      : ` (session ${entry.session}${entry.position === undefined ? '' : `, event ${entry.position}`}${entry.at === undefined ? '' : `, ${moment(entry.at)}`})`;
  return [
    style.red('The transcript is not whole.'),
    `First: ${printable(first?.what ?? '')}${place(first)}`,
    ...report.breaks.slice(1, 20).map((entry) => `       ${printable(entry.what)}${place(entry)}`),
    ...(report.breaks.length > 20 || report.isCut
      ? [`       … and more (--json has ${report.isCut ? 'the first of them' : 'all'}).`]
      : []),
    `Looked at ${counts}.`,
  ].join('\n');
}
