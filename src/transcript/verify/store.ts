/** Verification of the store itself, in one snapshot, while gateways go on writing. */
import { randomBytes } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { Breaks } from '../checks/breaks.js';
import { type SessionsOptions, SessionsVerifier } from '../checks/sessions.js';
import { TreeVerifier } from '../checks/tree.js';
import { type WritersOptions, WritersVerifier } from '../checks/writers.js';
import { publicPart, type VerifierKey } from '../form/keys.js';
import type { Leaf } from '../form/leaf.js';
import { isNotarised } from '../form/notarised.js';
import { isPlainCheckpoint } from '../form/note.js';
import { LEAF_COLUMNS } from '../read/columns.js';
import type { SealedRows } from '../rows/sealed.js';
import { isKeptOut } from '../store/client.js';
import { shapeProblems } from '../store/definitions.js';
import { grantProblems } from '../store/grants.js';
import { rightsByRole, type StoreRoles } from '../store/rights.js';
import { inSnapshot, rowsOf } from '../store/snapshot.js';
import { readActs, type SignedActs } from './acts.js';
import { checkApprovals } from './approvals.js';
import { readArchives } from './archives.js';
import { checkHolds } from './holds.js';
import { readInOrder, readRange } from './range.js';
import type { KeptCheckpoint, VerifyReport } from './report.js';
import { compareRows } from './search-rows.js';
import { checkState } from './state.js';
import { inThreads, partsOf, threads } from './threads.js';

const LEAVES = `SELECT ${LEAF_COLUMNS} FROM leaf l ORDER BY l.position`;
const NOTES = 'SELECT c.size::float8 AS size, c.note, c.frontier FROM checkpoint c ORDER BY c.size';

export interface VerifyOptions {
  readonly keys: readonly VerifierKey[];
  /** Checkpoints that were kept outside the database. */
  readonly kept: readonly KeptCheckpoint[];
  readonly onProgress: (events: number, of: number) => void;
  /** Throws where a session's key can't be opened; undefined for whoever has not the key to do so. */
  readonly openKey: ((session: string, key: { readonly keyId: string; readonly wrapped: Buffer }) => void) | undefined;
  /** Proves the HMACs of rows that decide something; undefined for whoever has not the keys. */
  readonly rows?: SealedRows | undefined;
  /** Places of checkpoints that the configuration names, and that are not there or hold none. */
  readonly missing?: readonly string[];
  /** Hashes of events that somebody has looked into: of an `integrity_problem`, … */
  readonly acknowledged?: ReadonlySet<string>;
  /** … or known to be none of ours. */
  readonly forged?: ReadonlySet<string>;
  /** Of the store: what each may is held against what it is for. */
  readonly roles?: StoreRoles;
  /** Of the same database: then further threads read it, too, where there is much of it. */
  readonly url?: string;
}

const NOTARISED = 'SELECT w.writer, w.n::float8 AS n, w.signature FROM notarised w ORDER BY w.writer';

/** A process's own session bears its name as a writer: where a checkpoint covers that, the notary has read of it. */
const FORGOTTEN = `
  SELECT DISTINCT l.session_id AS writer FROM leaf l JOIN session s ON s.id = l.session_id AND s.actor <> 'agent'
  WHERE l.position < (SELECT max(c.size) FROM checkpoint c) AND NOT EXISTS (SELECT FROM notarised w WHERE w.writer = l.session_id)`;

/** What the notary goes on from is what it wrote, and goes no further than what was written. */
async function checkNotarised(
  client: PoolClient,
  writers: WritersVerifier,
  keys: readonly VerifierKey[],
  tree: TreeVerifier,
  breaks: Breaks,
): Promise<void> {
  const { next, withGaps } = writers;
  const checkpoints = tree.count;
  const upTo = new Map<string, number>();
  let known = 0;
  for await (const rows of rowsOf<{ writer: string; n: number; signature: Buffer }>(client, NOTARISED))
    for (const { writer, n, signature } of rows) {
      known++;
      if (!isNotarised(writer, n, signature, keys))
        breaks.report(`How far writer ${writer} was read by the notary is not what was signed.`);
      else if (n >= (next.get(writer) ?? 0) && !writers.mayHaveGone(writer))
        breaks.report(`Writer ${writer} was read by the notary up to number ${n}, and what it wrote last is missing.`);
      else if (withGaps.has(writer)) upTo.set(writer, n);
    }
  writers.checkArchived((session, position) => tree.covers(session, position), upTo);
  if (known > 0 && checkpoints === 0) breaks.report('The notary has signed checkpoints, and there is none any more.');
  if (known === 0 && checkpoints > 0) breaks.report('What the notary has read of each writer is gone.');
  else
    for await (const rows of rowsOf<{ writer: string }>(client, FORGOTTEN))
      for (const { writer } of rows)
        if (!writers.mayHaveGone(writer)) breaks.report(`What the notary has read of writer ${writer} is gone.`);
}

/** Throws where the store does not answer. */
export function verifyStore(pool: Pool, options: VerifyOptions): Promise<VerifyReport> {
  const { kept, onProgress, openKey, url, rows, missing = [], forged = new Set<string>() } = options;
  const acknowledged = new Set([...(options.acknowledged ?? []), ...forged]);
  // Threads get them as well, and need no more.
  const keys = options.keys.map(({ name, key }) => ({ name, key: publicPart(key) }));
  const breaks = new Breaks();
  return inSnapshot(pool, async (client) => {
    for (const problem of await storeProblems(client, options.roles)) breaks.report(problem);
    const tree = await readTree(client, keys, kept, breaks);
    for (const where of tree.count > 0 ? missing : [])
      breaks.report(`The checkpoints that are kept in ${where} are missing.`);
    const acts = await readActs(client, keys, forged);
    const { starts, before: archivedBefore } = await readArchives(client, acts, breaks);
    const shape: SessionsOptions = {
      largest: tree.largest,
      isComplete: true,
      sumKey: randomBytes(32).toString('base64'),
      keepsTails: false,
      acknowledged,
    };
    const written: WritersOptions = { keys, forged, archivedBefore, isContinued: false };
    const verifier = new SessionsVerifier(breaks, shape);
    for (const [session, start] of starts) verifier.startsAt(session, start);
    const { parts, events } = await partsOf(client, url === undefined ? 1 : threads());
    let done = 0;
    const onEvents = (more: number): void => {
      // Each is read twice: in its session, and in the order of writing.
      done += more / 2;
      onProgress(Math.floor(done), events);
    };
    const [own, ...others] = parts;
    const elsewhere = await inThreads(
      client,
      others,
      { url: url ?? '', options: shape, starts, writers: { ...written, isContinued: true } },
      onEvents,
    );
    const writers = new WritersVerifier(breaks, written);
    if (own) {
      await readRange(client, verifier, own.sessions, onEvents);
      await readInOrder(client, writers, own.order, onEvents);
    }
    for (const part of await elsewhere()) {
      verifier.merge(part.state);
      writers.merge(part.writers);
    }
    writers.end();
    await checkNotarised(client, writers, keys, tree, breaks);
    await compareRows(client, verifier, breaks);
    await checkKeys(client, acts, breaks, openKey);
    await checkHolds(client, breaks, { acts, archivedBefore, acknowledged });
    await checkApprovals(client, breaks, { rows, archived: new Set(starts.map(([session]) => session)) });
    await checkState(client, breaks, rows);
    return {
      isWhole: breaks.sorted.length === 0,
      breaks: breaks.sorted,
      isCut: breaks.isCut,
      sessions: verifier.sessions,
      events: verifier.events,
      checkpoints: tree.count,
      kept: tree.keptCount,
      size: tree.largest,
      uncovered: verifier.uncovered,
      isTailSigned: true,
      proved: 0,
      isComplete: true,
    };
  }).catch((error: unknown) => {
    // Rows that are hidden, and rights that are gone, are an error of PostgreSQL's own: row_security is off for us.
    if (!isKeptOut(error)) throw error;
    breaks.report(`The store does not let itself be read: ${error.message}.`);
    return { ...NOTHING_READ, breaks: breaks.sorted, isCut: breaks.isCut, kept: kept.length };
  });
}

const NOTHING_READ = {
  isWhole: false,
  sessions: 0,
  events: 0,
  checkpoints: 0,
  size: 0,
  uncovered: 0,
  isTailSigned: false,
  proved: 0,
  isComplete: true,
} as const;

/** The store itself, not what it holds: what `doctor` asks, too. `roles`: undefined for whoever does not know them. */
export async function storeProblems(client: PoolClient, roles: StoreRoles | undefined): Promise<readonly string[]> {
  const names = roles ? [...rightsByRole(roles).keys()] : [];
  return [...(await shapeProblems(client, names)), ...(roles ? await grantProblems(client, roles) : [])];
}

async function readTree(
  client: PoolClient,
  keys: readonly VerifierKey[],
  kept: readonly KeptCheckpoint[],
  breaks: Breaks,
): Promise<TreeVerifier> {
  const tree = new TreeVerifier(keys, breaks);
  for await (const rows of rowsOf<{ size: number; note: string; frontier: Buffer }>(client, NOTES))
    for (const { note, size, frontier } of rows) {
      tree.checkpoint(note, `size ${size} in the store`, false, frontier);
      if (note.split('\n')[1] !== String(size) || !isPlainCheckpoint(note))
        breaks.report(`The checkpoint of size ${size} in the store is not as it was written.`);
    }
  for (const { note, where } of kept) tree.checkpoint(note, where, true);
  for await (const rows of rowsOf<Leaf & { position: number }>(client, LEAVES))
    for (const { position, ...leaf } of rows) tree.leaf(position, leaf);
  tree.end(true);
  return tree;
}

const KEYS = `
  SELECT s.id AS session, k.key_id, k.wrapped FROM session s FULL JOIN session_key k ON k.session_id = s.id ORDER BY s.id`;

/** A key that is gone without a word in the record was not erased by those who may; one that is there in spite of such a word opens texts again. */
async function checkKeys(
  client: PoolClient,
  acts: SignedActs,
  breaks: Breaks,
  openKey: VerifyOptions['openKey'],
): Promise<void> {
  for await (const rows of rowsOf<{ session: string | null; key_id: string | null; wrapped: Buffer | null }>(
    client,
    KEYS,
  ))
    for (const { session, key_id: keyId, wrapped } of rows) {
      if (session === null) breaks.report('There is a key of a session that does not exist.');
      else if (keyId === null || wrapped === null) {
        if (!acts.erased.has(session))
          breaks.report('The key of this session is gone, and no event says that it was erased.', {
            session,
            position: 0,
          });
      } else if (acts.erased.has(session))
        breaks.report(
          'The key of this session was erased, and is there: it was put back, or erasing it did not come to its end. Erase it again (snowfence keys erase).',
          { session, position: 0 },
        );
      else
        try {
          openKey?.(session, { keyId, wrapped });
        } catch (error) {
          breaks.report(
            `The key of this session can not be opened: ${error instanceof Error ? error.message : String(error)}`,
            { session, position: 0 },
          );
        }
    }
}
