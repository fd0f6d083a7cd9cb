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

describe('docs/snowflake-facts.md', () => {
  const facts = text('docs/snowflake-facts.md');
  const cells = (heading: string): readonly (readonly string[])[] =>
    (facts.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\|[\s|-]+\|$/.test(line))
      .slice(1)
      .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '').trim()));
  const held = (cell: string): readonly (readonly [path: string, name: string])[] =>
    [...cell.matchAll(/`(test\/[^`]+)`: `([^`]+)`/g)].map(([, path = '', name = '']) => [path, name]);
  const lists = cells('Where the documentation said otherwise');

  it('has a test for each row of what the documentation says', () => {
    expect(lists.length).toBeGreaterThanOrEqual(24);
    expect(lists.filter((row) => row.length !== 3 || held(row[2] ?? '').length === 0)).toEqual([]);
  });

  it('names tests that are there', () => {
    const all = [...lists, ...cells('Walks')].flatMap((row) => row.flatMap(held));
    expect(all.length).toBeGreaterThan(40);
    expect(all.filter(([path, name]) => !existsSync(join(ROOT, path)) || !text(path).includes(name))).toEqual([]);
  });

  it('says each fact once', () => {
    const rows = facts.split('\n').filter((line) => line.startsWith('| '));
    const once = new Set(rows.map((row) => row.replaceAll(/ +/g, ' ')));
    expect(rows.length - once.size).toBeLessThanOrEqual(1);
    expect(facts.match(/^\| fact /gm)).toHaveLength(1);
  });
});

describe('examples/snowflake-setup.sql', () => {
  it('puts no key into the history: what the mask `hash` is made with comes out of a function, into a table', () => {
    const setup = text('examples/snowflake-setup.sql');
    expect(setup).toContain('secrets.token_hex(32)');
    expect(setup).toMatch(/INSERT INTO SNOWFENCE\.MASKING\.HASH_KEY\s+SELECT SNOWFENCE\.MASKING\.NEW_KEY\(/);
    // Neither a literal that could be one, nor a place where somebody is asked to write theirs.
    const literals = setup.replaceAll(/--.*$/gm, '').match(/'(?:[^']|'')*'/g) ?? [];
    expect(literals.filter((literal) => literal.length > 20)).toEqual([
      "'<the public key, without its first and last line>'",
    ]);
    const body = /SECURE FUNCTION SNOWFENCE\.MASKING\.HASH_TEXT[\s\S]*?\$\$([\s\S]*?)\$\$/.exec(setup)?.[1] ?? '';
    expect(body.match(/FROM SNOWFENCE\.MASKING\.HASH_KEY/g)).toHaveLength(2);
    expect(body).not.toContain("'");
  });
});
