/** The Merkle tree of RFC 6962, section 2.1, over leaves that are only ever added. */
import { createHash } from 'node:crypto';

const HASH = 32;

const hashOf = (prefix: number, ...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256').update(Uint8Array.of(prefix));
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export const leafHash = (leaf: string | Uint8Array): Buffer =>
  hashOf(0, typeof leaf === 'string' ? Buffer.from(leaf) : leaf);
const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer => hashOf(1, left, right);

/** The complete subtrees that a tree of some size is made of, largest first: all that is needed to make it grow. */
export class Frontier {
  #size: number;
  readonly #peaks: Buffer[];

  private constructor(size: number, peaks: Buffer[]) {
    this.#size = size;
    this.#peaks = peaks;
  }

  static empty(): Frontier {
    return new Frontier(0, []);
  }

  /** Throws where the bytes don't fit the size. */
  static decode(size: number, bytes: Uint8Array): Frontier {
    const ones = [...size.toString(2)].filter((bit) => bit === '1').length;
    if (bytes.length !== ones * HASH) throw new Error(`${bytes.length} bytes can't be the subtrees of ${size} leaves`);
    const peaks = Array.from({ length: ones }, (_, index) =>
      Buffer.from(bytes.subarray(index * HASH, (index + 1) * HASH)),
    );
    return new Frontier(size, peaks);
  }

  /** One that grows by itself. */
  copy(): Frontier {
    return new Frontier(this.#size, [...this.#peaks]);
  }

  encode(): Buffer {
    return Buffer.concat(this.#peaks);
  }

  get size(): number {
    return this.#size;
  }

  push(leaf: Buffer): void {
    let node = leaf;
    // Each one at the end of the size's bits is a subtree as large as the new one.
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = this.#peaks.pop();
      if (left) node = nodeHash(left, node);
    }
    this.#peaks.push(node);
    this.#size++;
  }

  root(): Buffer {
    const last = this.#peaks.at(-1);
    if (!last) return createHash('sha256').digest();
    let root = last;
    for (let index = this.#peaks.length - 2; index >= 0; index--) {
      const left = this.#peaks[index];
      if (left) root = nodeHash(left, root);
    }
    return root;
  }
}

/** The largest power of two below a size. */
function split(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

function rootOf(leaves: readonly Buffer[]): Buffer {
  const frontier = Frontier.empty();
  for (const leaf of leaves) frontier.push(leaf);
  return frontier.root();
}

/** The hashes beside the way from a leaf to the root, from the leaf on. RFC 6962, section 2.1.1. */
export function inclusionProof(leaves: readonly Buffer[], index: number): Buffer[] {
  if (leaves.length <= 1) return [];
  const middle = split(leaves.length);
  const [left, right] = [leaves.slice(0, middle), leaves.slice(middle)];
  return index < middle
    ? [...inclusionProof(left, index), rootOf(right)]
    : [...inclusionProof(right, index - middle), rootOf(left)];
}

/** The root that a leaf and a proof lead to; undefined where the proof has not the length that it must have. RFC 9162, section 2.1.3.2. */
export function rootFromProof(leaf: Buffer, index: number, size: number, proof: readonly Buffer[]): Buffer | undefined {
  if (index >= size) return undefined;
  let [node, last] = [index, size - 1];
  let hash = leaf;
  for (const beside of proof) {
    if (last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(beside, hash);
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else hash = nodeHash(hash, beside);
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : undefined;
}
