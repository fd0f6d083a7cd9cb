/** Canonical JSON, the tree of RFC 6962, signed notes. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonical } from '../../../dist/transcript/form/canonical.js';
import { timeOfId, timeOrderedId } from '../../../dist/transcript/form/ids.js';
import {
  decodeVerifierKey,
  encodeVerifierKey,
  openCheckpoint,
  signCheckpoint,
} from '../../../dist/transcript/form/note.js';
import { Frontier, inclusionProof, leafHash, rootFromProof } from '../../../dist/transcript/form/tree.js';

describe('canonical JSON', () => {
  it.each([
    // RFC 8785, section 3.2.3: sorting by UTF-16 code units.
    [
      { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 },
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    ],
    // Section 3.2.2: numbers as JavaScript writes them.
    [[Number('333333333.33333329'), 1e30, 4.5, 2e-3, 1e-27, -0], '[333333333.3333333,1e+30,4.5,0.002,1e-27,0]'],
    [{ b: [true, null], a: { d: 'x', c: undefined } }, '{"a":{"d":"x"},"b":[true,null]}'],
    ['a\0b\ud800', '"a\ufffdb\ufffd"'],
  ])('of %j', (value, text) => expect(canonical(value)).toBe(text));

  it('stays the same when it is read and written again', () => {
    const text = canonical({ z: 'é "\\ \n', a: [1, 2.5, { y: null, x: false }] });
    expect(canonical(JSON.parse(text))).toBe(text);
  });
});

describe('the tree', () => {
  // Test vectors of RFC 6962's reference implementation (certificate-transparency, merkle_tree_test): leaves and roots by size.
  const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const ROOTS = [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];

  it('has the roots of the published vectors, and goes on from its subtrees', () => {
    let frontier = Frontier.empty();
    for (const [index, leaf] of LEAVES.entries()) {
      frontier.push(leafHash(Buffer.from(leaf, 'hex')));
      expect(frontier.root().toString('hex')).toBe(ROOTS[index]);
      frontier = Frontier.decode(frontier.size, frontier.encode());
    }
    expect(Frontier.empty().root().toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(() => Frontier.decode(3, Buffer.alloc(32))).toThrow();
  });

  it('proves each leaf of each size, and no other', () => {
    const leaves = Array.from({ length: 33 }, (_, index) => leafHash(`leaf ${index}`));
    for (let size = 1; size <= leaves.length; size++) {
      const some = leaves.slice(0, size);
      const frontier = Frontier.empty();
      for (const leaf of some) frontier.push(leaf);
      for (let index = 0; index < size; index++) {
        const proof = inclusionProof(some, index);
        const leaf = some[index] ?? Buffer.alloc(0);
        expect(rootFromProof(leaf, index, size, proof)).toEqual(frontier.root());
        if (size > 1) {
          expect(rootFromProof(leaf, (index + 1) % size, size, proof)?.equals(frontier.root()) ?? false).toBe(false);
          expect(rootFromProof(leaf, index, size, proof.slice(1))?.equals(frontier.root()) ?? false).toBe(false);
        }
        expect(rootFromProof(leaf, index, size, [...proof, leaf])).toBeUndefined();
      }
    }
  });
});

describe('signed checkpoints', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const other = generateKeyPairSync('ed25519').privateKey;
  const root = leafHash('x');
  const note = signCheckpoint({ origin: 'example.com/log', size: 7, root }, privateKey);
  const key = { name: 'example.com/log', key: privateKey };

  it('open with their key and no other', () => {
    expect(openCheckpoint(note, [key])).toEqual({ origin: 'example.com/log', size: 7, root });
    expect(() => openCheckpoint(note, [{ ...key, key: other }])).toThrow('none of the known keys');
    expect(() => openCheckpoint(note, [{ ...key, name: 'example.com/other' }])).toThrow('none of the known keys');
    expect(() => openCheckpoint(note.replace('\n7\n', '\n8\n'), [key])).toThrow('none of the known keys');
    expect(() => openCheckpoint('nonsense', [key])).toThrow('no signed note');
  });

  it('open with the public key as its text', () => {
    const text = encodeVerifierKey('example.com/log', privateKey);
    expect(openCheckpoint(note, [decodeVerifierKey(text)]).size).toBe(7);
    expect(() => decodeVerifierKey(text.replace(/\+[0-9a-f]/, '+g'))).toThrow();
    expect(() => decodeVerifierKey(encodeVerifierKey('a', privateKey).replace(/^a/, 'b'))).toThrow('does not fit');
  });

  it('take a signature of somebody else beside ours', () => {
    const witness = signCheckpoint({ origin: 'witness.example', size: 7, root }, other).split('\n').at(-2) ?? '';
    expect(openCheckpoint(`${note}${witness}\n`, [key]).size).toBe(7);
  });
});

it('ids are in the order of time', () => {
  const ids = [1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000].map((now) => timeOrderedId(now));
  expect([...ids].sort()).toEqual(ids);
  expect(ids.map(timeOfId)).toEqual([1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000]);
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
