/** `snowfence retention`: legal holds, and archives of what is old. */
import { access, constants, mkdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { Config } from '../../config/index.js';
import { SnowfenceError, unusable } from '../../config/problem.js';
import { quoted, startedAs, table } from '../../terminal/index.js';
import { moment } from '../../times/index.js';
import { archive, holds, liftHold, placeHold, type TranscriptStore } from '../../transcript/index.js';
import { saidIn } from '../../visible-text/index.js';
import { type AdminLimits, asAdmin } from '../access/admin.js';
import { wholeId } from '../access/ids.js';
import { sessionOf } from './stored.js';

/** The gateway's role may neither hold nor drop. */
const LIMITS: AdminLimits = { statementTimeoutMs: 3_600_000, connections: 2 };

export async function listHolds(store: TranscriptStore, json: boolean): Promise<string> {
  const all = await holds(store.pool);
  if (json) return JSON.stringify(all, null, 2);
  if (all.length === 0) return 'There are no legal holds.';
  return table(
    ['HOLD', 'ON', 'SINCE', 'BY', 'LIFTED', 'REASON'],
    all.map((hold) => [
      hold.id,
      hold.session_id ?? `agent ${hold.subject ?? ''}${hold.issuer === null ? '' : ` of ${hold.issuer}`}`,
      moment(hold.placed_at),
      hold.placed_by,
      hold.lifted_at ? moment(hold.lifted_at) : '',
      hold.reason,
    ]),
  );
}

export async function hold(
  config: Config,
  store: TranscriptStore,
  what: {
    readonly session: string | undefined;
    readonly agent: string | undefined;
    readonly issuer: string | undefined;
  },
  reason: string,
): Promise<string> {
  const { session, agent, issuer } = what;
  if (saidIn(reason) === undefined)
    throw new SnowfenceError('USAGE', '--reason says nothing.', 'Say why it is held: it is recorded.');
  if ((session === undefined) === (agent === undefined))
    throw new SnowfenceError('USAGE', 'A hold is on one session or on one agent.', 'Name either --session or --agent.');
  if (issuer !== undefined && agent === undefined)
    throw new SnowfenceError('USAGE', '--issuer says whose agent is meant.', 'Name it by --agent.');
  const held = session === undefined ? undefined : (await sessionOf(store, session)).id;
  const id = await asAdmin(config, LIMITS, (admin) =>
    placeHold(
      admin,
      held === undefined ? { subject: agent ?? '', issuer } : { session: held },
      reason,
      userInfo().username,
      (event) => store.recorder.append(event),
    ),
  );
  return `Hold ${id} is in force: nothing of it is archived, dropped or erased.`;
}

export async function lift(config: Config, store: TranscriptStore, typed: string): Promise<string> {
  const id = await wholeId({ readPool: store.pool }, 'hold', typed);
  const isLifted = await asAdmin(config, LIMITS, (admin) =>
    liftHold(admin, id, userInfo().username, (event) => store.recorder.append(event)),
  );
  if (!isLifted)
    throw new SnowfenceError(
      'UNKNOWN_HOLD',
      `There is no hold ${id} in force.`,
      'snowfence retention holds shows them.',
      1,
    );
  return `Hold ${id} is lifted.`;
}

/** Weeks that ended before a time go to files. */
export async function archiveOld(
  config: Config,
  store: TranscriptStore,
  before: Date,
  folder: string,
  onProgress: (week: string) => void,
): Promise<string> {
  const hint = 'Name a folder that this account may write to, under transcript.retention.archive_to.';
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw unusable('transcript.retention.archive_to', folder, 'written', error, hint);
  }
  const done = await asAdmin(config, LIMITS, (admin) =>
    archive(admin, {
      acknowledged: new Set([...config.acknowledged, ...config.forged]),
      forged: config.forged,
      keys: config.keys,
      before,
      folder,
      record: (event) => store.recorder.append(event),
      now: new Date(),
      onProgress,
    }),
  );
  if (!done) return `No week that ended before ${moment(before)} has anything that may go.`;
  const { from, to, sessions, events, file } = done;
  return `${events} events of ${sessions} sessions, from ${from} to ${to}, went to ${file}. It verifies by itself: ${startedAs()} verify --export ${quoted(file)}`;
}
