/** What is said of a value that no policy may have: never that it is invalid alone, always what may stand there. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { loadPolicies } from '../../../dist/policy/index.js';
import { WHOLE_POLICY } from '../../support/whole-policy.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-words-'));
});
afterAll(() => rm(folder, { recursive: true }));

const problemsOf = async (text: string): Promise<string> => {
  await writeFile(join(folder, 'p.yaml'), text);
  return loadPolicies(folder).then(
    () => '',
    (error: Error) => error.message,
  );
};

type Path = readonly (string | number)[];

/** Each place of a document, the lists and maps included. */
function* places(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value))
    yield* places(inner, [...path, Array.isArray(value) ? Number(key) : key]);
}

const document = parseDocument(WHOLE_POLICY);
const PLACES = [...places(document.toJS())];

describe('what is said of a value', () => {
  it('is nothing where all is well', async () => {
    expect(await problemsOf(WHOLE_POLICY)).toBe('');
    expect(PLACES.length).toBeGreaterThan(60);
  });

  // A map that no place takes, a number that none takes, a list of nothing.
  it.each([[{ odd: 1 }], [-1.5], [[]]])('%j names its place and says more than that it is invalid', async (odd) => {
    const poor: string[] = [];
    for (const path of PLACES) {
      const changed = parseDocument(WHOLE_POLICY);
      changed.setIn(path, odd);
      const said = await problemsOf(String(changed));
      for (const line of said.split('\n').filter(Boolean))
        if (!/^\S+\.yaml:\d+:\d+ /.test(line)) poor.push(`${path.join('.')}: ${line}`);
    }
    expect(poor).toEqual([]);
  });

  it.each([
    ['mask: email', 'mask: e-mail', '"e-mail" is no mask.', 'Did you mean "email"?'],
    ['mask: email', 'mask: { keep: 4 }', '{ keep_last: 1 to 64 }', 'redact'],
    ['mask: email', 'mask: Hash', '"Hash" is no mask.', 'Did you mean "hash"?'],
    ['find: [email,', 'find: [emial,', '"emial" is no detector.', 'Did you mean "email"?'],
    ['mask: redact', 'mask: hash', 'no mask of a text', 'redact'],
    ['result_bytes: 1MB', 'result_bytes: big', 'a number of bytes', '500KB'],
    ['tolerance: 10%', 'tolerance: some', 'a part of them such as 10%', 'tolerance'],
    ['groups: [g]', 'groups: []', 'An empty list is nobody', 'leave it out'],
    ['issuer: https', 'issuer: ftp', 'principals.issuer', 'it has to be an address such as https://'],
  ])('%s as %s: %s', async (right, wrong, ...words) => {
    const said = await problemsOf(WHOLE_POLICY.replace(right, wrong));
    for (const word of words) expect(said).toContain(word);
  });
});
