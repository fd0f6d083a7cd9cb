/** The tree over the heads of sessions, computed anew from its leaves and held against every checkpoint. */
import type { VerifierKey } from '../form/keys.js';
import { type Leaf, leafText } from '../form/leaf.js';
import { openCheckpoint } from '../form/note.js';
import { Frontier, leafHash } from '../form/tree.js';
import type { Breaks } from './breaks.js';

interface Root {
  readonly root: Buffer;
  readonly where: string;
  readonly frontier: Buffer | undefined;
}

/** Checkpoints come first, then leaves in their order, then the end. */
export class TreeVerifier {
  readonly #keys: readonly VerifierKey[];
  readonly #breaks: Breaks;
  readonly #frontier = Frontier.empty();
  readonly #roots = new Map<number, Root[]>();
  readonly #lengths = new Map<string, number>();
  readonly #stored = new Set<number>();
  readonly #kept = new Map<number, string>();
  #count = 0;
  #keptCount = 0;
  #largest = 0;
  #largestStored = 0;

  constructor(keys: readonly VerifierKey[], breaks: Breaks) {
    this.#keys = keys;
    this.#breaks = breaks;
  }

  /** How many checkpoints were valid. */
  get count(): number {
    return this.#count;
  }

  /** How many were kept elsewhere, valid or not. */
  get keptCount(): number {
    return this.#keptCount;
  }

  /** Of the newest valid checkpoint: leaves before this one are covered. */
  get largest(): number {
    return this.#largest;
  }

  /** Whether a leaf that a checkpoint covers goes further than this event of a session. After the leaves. */
  covers(session: string, position: number): boolean {
    return position < (this.#lengths.get(session) ?? 0);
  }

  /** `where`: whence it comes, in words; `isKept`: not from the store itself; `frontier`: what the store would go on from. */
  checkpoint(note: string, where: string, isKept: boolean, frontier?: Buffer): void {
    if (isKept) this.#keptCount++;
    try {
      const { size, root } = openCheckpoint(note, this.#keys);
      if (isKept) this.#kept.set(size, where);
      else {
        this.#stored.add(size);
        this.#largestStored = Math.max(this.#largestStored, size);
      }
      this.#roots.set(size, [...(this.#roots.get(size) ?? []), { root, where, frontier }]);
      this.#count++;
      this.#largest = Math.max(this.#largest, size);
    } catch (error) {
      this.#breaks.report(
        `A checkpoint of ${where} is not valid: ${error instanceof Error ? error.message : String(error)}.`,
      );
    }
  }

  leaf(position: number, leaf: Leaf): void {
    const { session, length } = leaf;
    const expected = this.#frontier.size;
    if (position !== expected) {
      this.#breaks.report(`Leaf ${expected} of the tree is missing.`, { session });
      return;
    }
    this.#frontier.push(leafHash(leafText(leaf)));
    if (length <= (this.#lengths.get(session) ?? 0))
      this.#breaks.report(`Leaf ${position} of the tree goes back behind an earlier one.`, {
        session,
        position: length,
      });
    // A leaf that no checkpoint covers is reported, and covers nothing.
    if (position < this.#largest) this.#lengths.set(session, length);
    this.#checkRoots(this.#frontier.size);
  }

  #checkRoots(size: number): void {
    for (const { root, where, frontier } of this.#roots.get(size) ?? [])
      if (!this.#frontier.root().equals(root) || (frontier && !frontier.equals(this.#frontier.encode())))
        this.#breaks.report(
          `The first ${size} leaves of the tree are not those that the checkpoint of ${where} was signed over.`,
        );
    this.#roots.delete(size);
  }

  /** `isComplete`: everything there is was read, so what is missing is missed. */
  end(isComplete: boolean): void {
    const { size } = this.#frontier;
    for (const [wanted, roots] of [...this.#roots].sort(([left], [right]) => left - right))
      for (const { where } of roots)
        if (wanted > 0)
          this.#breaks.report(
            `The checkpoint of ${where} covers ${wanted} leaves, and there are only ${size}: the transcript was cut off or rolled back.`,
          );
    // They come together; where not, the checkpoint was taken away.
    if (size > this.#largestStored)
      this.#breaks.report(
        `The checkpoint over all ${size} leaves is gone from the store: its newest covers ${this.#largestStored}.`,
      );
    if (isComplete)
      for (const [kept, where] of this.#kept)
        if (!this.#stored.has(kept)) this.#breaks.report(`The checkpoint of ${where} is gone from the store.`);
  }
}
