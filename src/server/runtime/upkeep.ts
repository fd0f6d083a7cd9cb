/** What goes on beside the statements: checkpoints, somebody who reads them, leases, and statements that nobody ended. */
import type { Approvals } from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { LostDownloads, settle } from '../../gateway/index.js';
import { Checkpoints, Maintenance, NotaryWatch, storePool, type TranscriptStore } from '../../transcript/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { Logger } from '../report/log.js';
import { placesOf } from './checkpoint-places.js';
import type { Note } from './note.js';

/** A checkpoint is read in one connection and written in another. */
const NOTARY_CONNECTIONS = 2;
const NOTARY_TIMEOUT_MS = 600_000;

interface UpkeepParts {
  readonly config: Config;
  readonly log: Logger;
  readonly transcript: TranscriptStore;
  readonly approvals: Approvals;
  readonly warehouse: Warehouse;
  readonly roles: () => readonly { readonly role: string; readonly warehouse: string }[];
  readonly note: Note;
  readonly complain: (text: string, error?: unknown) => void;
  readonly doubt: Doubt;
}

/** What is done where the record is not what was written, or nobody says that it is. */
interface Doubt {
  readonly changed: (problem: string) => void;
  readonly tell: (problem: string, what: string, until: string) => void;
}

export interface Upkeep {
  readonly start: () => void;
  readonly stop: () => Promise<void>;
}

export function makeUpkeep(parts: UpkeepParts): Upkeep {
  const { config, log, transcript, approvals, warehouse, roles, note, complain, doubt } = parts;
  const { pool, recorder, sessions } = transcript;
  // Of its own, since reading a backlog takes longer than a statement of the gateway may.
  const notaryPool = storePool(config.notaryUrl ?? config.databaseUrl, NOTARY_TIMEOUT_MS, NOTARY_CONNECTIONS);
  notaryPool.on('error', (error) => log.warn({ err: error }, 'a connection of the notary broke'));
  const checkpoints = new Checkpoints({
    pool: notaryPool,
    recorder,
    state: config.notary.stateFile,
    forged: config.forged,
    onTrusted: (size) => {
      log.warn(
        { size, state: config.notary.stateFile },
        'the notary has no head of its own, so the store is taken as it is: run snowfence verify',
      );
      note('notary_started', { size, state: config.notary.stateFile });
    },
    keys: config.keys,
    places: placesOf(config),
    onProblem: complain,
    onIntegrityProblem: doubt.changed,
  });
  const lost = new LostDownloads(transcript, config.settleAfterMs);
  const maintenance = new Maintenance({
    pool,
    recorder,
    sessions,
    checkpoints,
    watch: new NotaryWatch({
      pool,
      checkpoints,
      everyMs: config.checkpoints.everyMs,
      onSilence: (problem) => {
        transcript.silence = problem;
        doubt.tell(problem, 'nobody notarises', 'somebody does');
      },
      onEnd: () => {
        transcript.silence = undefined;
        const found = transcript.integrityProblem;
        if (found === undefined) log.warn('the notary has read all that there was, and found nothing wrong');
        else log.error({ problem: found }, 'a notary reads again; what was found before stands');
      },
    }),
    everyMs: config.checkpoints.everyMs,
    silentMs: config.settleAfterMs,
    settle: async () => {
      // Nothing is given back or settled by a record that is not what was written, or that nobody has read.
      if (transcript.integrityProblem !== undefined && !transcript.goesOnInDoubt) return;
      const settled = await settle({
        transcript,
        approvals,
        warehouse,
        roles,
        silentMs: config.settleAfterMs,
        waitMs: config.warehouse.connectTimeoutMs,
        onProblem: complain,
      });
      if (settled > 0) log.info({ settled }, 'statements without an outcome were settled');
      const ended = await lost.end();
      if (ended > 0) log.warn({ ended }, 'downloads of gateways that are gone were ended');
    },
    onProblem: complain,
  });
  return {
    start: () => maintenance.start(),
    stop: async () => {
      await maintenance.stop();
      await notaryPool.end();
    },
  };
}
