/** Verification of an export, with nothing but the file and public keys. */
import { hash } from 'node:crypto';
import type { z } from 'zod';
import { Breaks } from '../checks/breaks.js';
import { SessionsVerifier } from '../checks/sessions.js';
import { checkTails } from '../checks/tails.js';
import { TreeVerifier } from '../checks/tree.js';
import { canonical } from '../form/canonical.js';
import { contentOf, isSignedBatch } from '../form/chain.js';
import type { VerifierKey } from '../form/keys.js';
import { Manifest } from '../form/manifest.js';
import { isNotarised } from '../form/notarised.js';
import { openCheckpoint } from '../form/note.js';
import { leafHash, rootFromProof } from '../form/tree.js';
import { SignedActs } from './acts.js';
import { type Line, leafOf, linesOf, ORDER } from './export-lines.js';
import type { KeptCheckpoint, VerifyReport } from './report.js';

/** What a proof proves: that a checkpoint covers this leaf. Throws what is wrong with it. */
function openProof(proof: string, keys: readonly VerifierKey[]): z.infer<typeof leafOf> {
  const gap = proof.indexOf('\n\n');
  const [head, extra, index, ...hashes] = proof.slice(0, gap).split('\n');
  const note = proof.slice(gap + 2);
  if (head !== 'c2sp.org/tlog-proof@v1' || !extra?.startsWith('extra ') || !/^index (?:0|[1-9]\d*)$/.test(index ?? ''))
    throw new Error('it is no proof of the form c2sp.org/tlog-proof@v1');
  const text = Buffer.from(extra.slice(6), 'base64').toString();
  const { size, root } = openCheckpoint(note, keys);
  const computed = rootFromProof(
    leafHash(text),
    Number(index?.slice(6)),
    size,
    hashes.map((hash) => Buffer.from(hash, 'base64')),
  );
  if (!computed?.equals(root)) throw new Error('it does not lead to the root of its checkpoint');
  const leaf = leafOf.parse(JSON.parse(text));
  if (canonical(leaf) !== text) throw new Error('its leaf is not in canonical form');
  return leaf;
}

type LeafLine = Extract<Line, { type: 'leaf' }>;

/** What is known of the file so far. */
class ExportVerifier {
  readonly breaks = new Breaks();
  readonly #keys: readonly VerifierKey[];
  readonly #tree: TreeVerifier;
  readonly #isComplete: boolean;
  readonly #leaves: LeafLine[] = [];
  /** Hashes of the events of each session, for its proof. */
  readonly #hashes = new Map<string, Map<number, string>>();
  #sessions: SessionsVerifier | undefined;
  #events = 0;
  #proved = 0;
  /** Of the line before. */
  #place = 0;
  readonly #acts: SignedActs;
  /** What the file says that archives took: believed only if a signed event in it says the same. */
  readonly #archives = new Map<string, Manifest>();
  /** SHA-256 of the content of events that no proof covers, by writer and number: signed. */
  readonly #signed = new Map<string, string>();
  /** Of each session the last event that is not among these. */
  readonly #unsigned = new Map<string, number>();
  readonly #covered = new Map<string, number>();
  readonly #notarised = new Map<string, number>();
  readonly #acknowledged: ReadonlySet<string>;

  constructor(
    keys: readonly VerifierKey[],
    isComplete: boolean,
    kept: readonly KeptCheckpoint[],
    acknowledged: ReadonlySet<string>,
  ) {
    this.#keys = keys;
    this.#acknowledged = acknowledged;
    this.#isComplete = isComplete;
    this.#tree = new TreeVerifier(keys, this.breaks);
    this.#acts = new SignedActs(keys);
    if (isComplete) for (const { note, where } of kept) this.#tree.checkpoint(note, where, true);
  }

  /** Made once the tree has been read: sessions are held against it. */
  get sessions(): SessionsVerifier {
    if (this.#sessions) return this.#sessions;
    for (const { type: _type, position, ...leaf } of this.#leaves) this.#tree.leaf(position, leaf);
    if (this.#isComplete) this.#tree.end(true);
    this.#sessions = new SessionsVerifier(this.breaks, {
      largest: this.#tree.largest,
      isComplete: this.#isComplete,
      sumKey: '',
      keepsTails: true,
      acknowledged: this.#acknowledged,
    });
    for (const { position, session, length, hash } of this.#leaves)
      this.#sessions.leaf(position, session, length, hash);
    return this.#sessions;
  }

  /** Throws where a line does not stand where it belongs. */
  take(entry: Exclude<Line, { type: 'export' }>): void {
    const place = ORDER[entry.type];
    if (place < this.#place || this.#place === ORDER.end)
      throw new Error(`a line of type ${entry.type} stands where none belongs`);
    this.#place = place;
    switch (entry.type) {
      case 'checkpoint':
        this.#tree.checkpoint(entry.note, 'the export', false);
        break;
      case 'leaf':
        this.#leaves.push(entry);
        break;
      case 'start':
        this.breaks.report(`Nothing proves that what came before event ${entry.length} of this session was archived.`, {
          session: entry.session,
          position: 0,
        });
        break;
      case 'archived': {
        const { session, archive, length, hash } = entry;
        const manifest = this.#archives.get(archive) ?? new Manifest();
        manifest.addTold(entry);
        this.#archives.set(archive, manifest);
        this.sessions.startsAt(session, { length, hash, opening: undefined });
        break;
      }
      case 'batch':
        this.#takeBatch(entry);
        break;
      case 'notarised': {
        const { writer, n, signature } = entry;
        if (isNotarised(writer, n, Buffer.from(signature, 'base64'), this.#keys)) this.#notarised.set(writer, n);
        else this.breaks.report(`How far writer ${writer} was read by the notary is not what was signed.`);
        break;
      }
      case 'event': {
        const { type: _type, body, ...rest } = entry;
        const event = { ...rest, body: canonical(body) };
        this.#acts.event(event);
        this.sessions.event(event);
        this.#events++;
        if (this.#isComplete) break;
        this.#remember(entry.session, entry.position, entry.hash);
        if (this.#signed.get(`${event.writer} ${event.n}`) !== hash('sha256', contentOf(event), 'hex'))
          this.#unsigned.set(event.session, event.position);
        break;
      }
      case 'head':
        this.sessions.head(entry.session, entry.length, entry.hash);
        break;
      case 'proof':
        this.#checkProof(entry.session, entry.proof);
        break;
      case 'end':
        if (entry.events !== this.#events)
          this.breaks.report(`The export says that it has ${entry.events} events, and has ${this.#events}.`);
        break;
    }
  }

  #takeBatch({ writer, first, digests, signature }: Extract<Line, { type: 'batch' }>): void {
    const bytes = digests.map((digest) => Buffer.from(digest, 'hex'));
    if (isSignedBatch({ writer, first, digests: bytes }, signature, this.#keys))
      for (const [index, digest] of digests.entries()) this.#signed.set(`${writer} ${first + index}`, digest);
    else this.breaks.report(`A batch of writer ${writer} that the export has was not signed by a gateway of ours.`);
  }

  #remember(session: string, position: number, hash: string): void {
    const known = this.#hashes.get(session);
    if (known) known.set(position, hash);
    else this.#hashes.set(session, new Map([[position, hash]]));
  }

  #checkProof(session: string, proof: string): void {
    try {
      const leaf = openProof(proof, this.#keys);
      if (leaf.session !== session) throw new Error('it is of another session');
      const hash = this.#hashes.get(session)?.get(leaf.length - 1);
      if (hash === leaf.hash) {
        this.sessions.proved(session, leaf.length);
        this.#covered.set(session, Math.max(leaf.length, this.#covered.get(session) ?? 0));
        this.#proved++;
      } else
        this.breaks.report(
          hash === undefined
            ? `Events up to ${leaf.length - 1}, which the proof covers, are missing.`
            : `Event ${leaf.length - 1} is not the one that the proof covers.`,
          { session, position: leaf.length - 1 },
        );
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.breaks.report(`The proof of session ${session} is not valid: ${why}.`, { session });
    }
  }

  report(): VerifyReport {
    const { sessions, breaks } = this;
    if (this.#place !== ORDER.end) breaks.report('The export has no last line: it was cut off.');
    sessions.endOfEvents();
    for (const [session, position] of this.#unsigned)
      if (position >= (this.#covered.get(session) ?? 0))
        breaks.report(
          'Neither a checkpoint covers this event nor a signature: nothing in the file proves that it was written so.',
          { session, position },
        );
    for (const [archive, { digest }] of this.#archives)
      if (this.#acts.archives.get(archive)?.manifest !== digest)
        breaks.report(
          `No signed event of the export says that archive ${archive} took what is listed of it: what is missing was not archived.`,
        );
    if (this.#isComplete) checkTails(sessions.writers, this.#keys, this.#notarised, breaks);
    return {
      isWhole: breaks.sorted.length === 0,
      breaks: breaks.sorted,
      isCut: breaks.isCut,
      sessions: sessions.sessions,
      events: sessions.events,
      checkpoints: this.#tree.count + this.#proved,
      kept: this.#tree.keptCount,
      size: this.#tree.largest,
      uncovered: sessions.uncovered,
      isTailSigned: true,
      proved: this.#proved,
      isComplete: this.#isComplete,
    };
  }
}

/** Throws where the file can't be read, or is no export. */
export async function verifyExport(
  file: string,
  keys: readonly VerifierKey[],
  kept: readonly KeptCheckpoint[],
  acknowledged: ReadonlySet<string> = new Set(),
): Promise<VerifyReport> {
  let verifier: ExportVerifier | undefined;
  for await (const entry of linesOf(file)) {
    if (entry.type === 'export' && verifier) throw new Error('it begins a second time');
    if (entry.type === 'export') verifier = new ExportVerifier(keys, entry.complete, kept, acknowledged);
    else if (verifier) verifier.take(entry);
    else throw new Error('it does not begin with the line of an export');
  }
  if (!verifier) throw new Error('it is empty');
  return verifier.report();
}
