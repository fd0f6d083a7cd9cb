/** The house as ARCHITECTURE.md and CONTRIBUTING.md tell it, held against the tree and against the import rules that `npm run check` applies. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const { forbidden } = z
  .object({ forbidden: z.array(z.object({ name: z.string(), comment: z.string().optional() })) })
  .parse(createRequire(import.meta.url)('../../.dependency-cruiser.cjs'));

const MOST_LINES = 400;
const MOST_FILES = 15;
/** Lists of facts and of DDL, one line each. */
const DATA = /^src\/(?:sql\/functions\/list\.ts|.*\/migrations\/|.*\.json$)/;

/** Rooms that are no module of others': the program itself, and those that are processes of their own. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  cli: ['cli/main.ts'],
  embedded: ['embedded/identity/index.ts', 'embedded/postgres/main.ts', 'embedded/warehouse/index.ts'],
};

const all = (folder: string): readonly string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .sort();
const isFolder = (path: string): boolean => statSync(join(ROOT, path)).isDirectory();
const files = (folder: string): readonly string[] => all(folder).filter((path) => !isFolder(path));
const folders = (folder: string): readonly string[] => all(folder).filter(isFolder);
const sources = files('src').filter((path) => /\.tsx?$/.test(path));

/** Room → rooms that it may import, as the import rules say it. */
const rules = new Map(
  forbidden.flatMap(({ name, comment = '' }) => {
    const [, room] = /^(.+)-imports$/.exec(name) ?? [];
    const [, said = ''] = / may import (.*)\.$/.exec(comment) ?? [];
    return room === undefined ? [] : [[room, said === 'nothing of ours' ? [] : said.split(', ').toSorted()] as const];
  }),
);

/** Rows of ARCHITECTURE.md's tables whose first cell is a folder of `src/`: the folder, what it holds, what it may import. */
const rows = new Map(
  [...text('ARCHITECTURE.md').matchAll(/^\| `src\/([\w/-]+)\/`\s*\|([^|]*)\|([^|]*)\|$/gm)].map(
    ([, room = '', holds = '', said = '']) =>
      [
        room,
        {
          holds: holds.trim(),
          imports:
            said.trim() === 'nothing of ours'
              ? []
              : [...said.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name).sort(),
        },
      ] as const,
  ),
);

describe('the rooms', () => {
  it('are all in the table, and in the import rules', () => {
    const rooms = readdirSync(join(ROOT, 'src'));
    expect(rooms.filter((name) => !isFolder(`src/${name}`))).toEqual([]);
    expect([...rows.keys()].filter((room) => !room.includes('/')).sort()).toEqual(rooms.toSorted());
    expect([...rules.keys()].sort()).toEqual([...rows.keys()].sort());
  });

  it.each([...rules])('%s may import what ARCHITECTURE.md says', (room, allowed) => {
    expect(rows.get(room)?.imports).toEqual(allowed);
    expect(rows.get(room)?.holds).not.toBe('');
  });

  it.each(readdirSync(join(ROOT, 'src')).flatMap((room) => DOORS[room] ?? [`${room}/index.ts`]))(
    '%s says at its head what the room answers, and what it never does',
    (door) => {
      expect(text(`src/${door}`)).toMatch(/^(?:#![^\n]*\n)?\/\*\*[\s\S]{80,}?\*\//);
    },
  );
});

describe('a folder', () => {
  it.each([...folders('src'), ...folders('test')])('%s holds no more files than one can take in', (folder) => {
    if (/migrations|\/policies|\/assets/.test(folder)) return;
    const here = readdirSync(join(ROOT, folder)).filter((name) => !isFolder(`${folder}/${name}`));
    // The types of a script of ours stand beside it.
    expect(here.filter((name) => !name.endsWith('.d.mts')).length).toBeLessThanOrEqual(MOST_FILES);
  });
});

describe('a source file', () => {
  it.each(sources.filter((path) => !DATA.test(path)))(
    '%s has one subject, or says at its head why it is long',
    (path) => {
      const source = text(path);
      const lines = source.split('\n').length - 1;
      if (lines > MOST_LINES) expect(source.split('*/')[0]).toMatch(/\bLong\b[^.]*\bsince\b/);
    },
  );
});

describe('paths that are written down', () => {
  const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', ...files('docs')].filter(
    (path) => path.endsWith('.md'),
  );

  it.each(documents)('%s names files that are there', (document) => {
    const named = [...text(document).matchAll(/`((?:src|test|bench|docs|scripts|examples|policies)\/[\w./-]+)`/g)].map(
      ([, path = '']) => path,
    );
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
