/**
 * Folders that are written anew in every way, slowly, while verdicts are made all the time. Law: no answer is less masked, filtered or
 * refused than both the set before and the set after would make it. Time is the test's own, the disk is real.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { strictness } from '../../../dist/masking/index.js';
import { Follower, type Times } from '../../../dist/policy/files/follow.js';
import { readFolder } from '../../../dist/policy/files/reading.js';
import { decide, decideKind, inForce, loadPolicies, type PolicySet, type Verdict } from '../../../dist/policy/index.js';
import { analyse, type CatalogReader, type FullAnalysis, readStatement } from '../../../dist/sql/index.js';
import { unconstrained } from '../../support/catalog.js';
import { random } from '../../support/random.mjs';
import { type Files, fullDisks, LINKED_WAYS, pick, type Random, randomFiles, sumsOf, WAYS } from './rewrites.js';

/** The gate tries 200 (`rewriting.mjs`). */
const ROUNDS = Number(process.env['ROUNDS'] ?? 60);
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const TIMES: Times = { stillMs: 500, openingMs: 10_000, pollMs: 1000 };

const reader: CatalogReader = {
  constraints: unconstrained,
  async relation(name) {
    const columns = ['ID', 'NAME', 'MAIL'].map((column) => ({ name: column, type: 'VARCHAR', comment: '' }));
    return { ...name, kind: 'table', columns, viewText: undefined, comment: '', rows: 1 };
  },
};
const SUBJECTS = [['g'], ['h'], ['g', 'h']].map((groups) => ({
  issuer: 'https://issuer.example',
  subject: 'bot',
  clientId: 'bot',
  groups,
  claims: {},
}));
const STATEMENTS = [
  'SELECT ID, NAME, MAIL FROM DB.S.A',
  'SELECT ID, MAIL FROM DB.S.B',
  'SELECT UPPER(A.NAME), B.MAIL FROM DB.S.A JOIN DB.S.B ON A.ID = B.ID',
];

let base: string;
let isMounted = false;
let analyses: FullAnalysis[];
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'snowfence-rewrites-'));
  // A small disk that can be filled, for whoever may mount one.
  mkdirSync(join(base, 'small'));
  const options = ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', join(base, 'small')];
  isMounted = process.platform === 'linux' && spawnSync('mount', options).status === 0;
  analyses = await Promise.all(
    STATEMENTS.map((sql) => analyse(readStatement(sql), reader, { database: undefined, schema: undefined })),
  );
});
afterAll(() => {
  if (isMounted) spawnSync('umount', ['-l', join(base, 'small')]);
  rmSync(base, { recursive: true, force: true });
});

/** What one set says to one statement; undefined: refused. */
type Says = Verdict | undefined;

const known = new WeakMap<PolicySet, readonly Says[]>();

/** What a set says to every statement of everybody, with and without a purpose. */
function saysOf(set: PolicySet): readonly Says[] {
  const found = known.get(set);
  if (found) return found;
  const all = SUBJECTS.flatMap((subject) => {
    const rules = inForce(set, subject, new Date());
    return analyses.flatMap((analysis) =>
      [
        [false, false],
        [true, false],
        [true, true],
      ].map(([hasPurpose = false, isReported = false]): Says => {
        if (decideKind(rules, analysis.kind)) return undefined;
        const circumstances = {
          hasPurpose,
          isReported,
          hasWhere: analysis.hasWhere,
          functions: analysis.called,
          estimate: undefined,
        };
        const verdict = decide({ ...rules, subject, analysis, circumstances });
        return verdict.denial ? undefined : verdict;
      }),
    );
  });
  known.set(set, all);
  return all;
}

const OPEN = Number.POSITIVE_INFINITY;

/** How much of a column is shown: the more, the higher; nothing of a refused statement. */
function shown(says: Says, object: string, column: string): number {
  if (!says) return -1;
  const mask = says.masks.find((entry) => entry.object.name === object && entry.column === column);
  if (!mask) return OPEN;
  const { method } = mask;
  return strictness(method) * 1000 + (method.kind === 'keep_last' ? method.count : 0);
}

const predicates = (says: Verdict): Set<string> =>
  new Set(says.rows.map(({ object, where }) => `${object.name} ${where}`));

/** What an answer shows that neither set would show; nothing where the law holds. */
function breaches(is: Says, one: Says, other: Says): string[] {
  if (!is) return [];
  if (!one && !other) return ['answered, and both refuse it'];
  const found: string[] = [];
  for (const object of ['A', 'B'])
    for (const column of ['ID', 'NAME', 'MAIL'])
      if (shown(is, object, column) > Math.max(shown(one, object, column), shown(other, object, column)))
        found.push(`${object}.${column}`);
  const wanted = [one, other].flatMap((says) => (says ? [predicates(says)] : []));
  const own = predicates(is);
  for (const predicate of wanted[0] ?? [])
    if (wanted.every((set) => set.has(predicate)) && !own.has(predicate)) found.push(`rows ${predicate}`);
  if (is.limits.rows > Math.max(one?.limits.rows ?? 0, other?.limits.rows ?? 0)) found.push('limit');
  return found;
}

interface World {
  readonly follower: Follower;
  readonly place: string;
  readonly pass: (ms: number) => Promise<void>;
  readonly reloads: () => number;
}

/** Time passes by being waited for; looks are where something could be taken, and at the end. */
async function world(place: string, times: Times, onLook: (set: PolicySet) => void): Promise<World> {
  let [clock, reloads] = [0, 0];
  const events = { onReload: () => void reloads++, onHeld: () => undefined, onProblem: () => undefined };
  const sleep = async (ms: number): Promise<void> => {
    clock += ms;
  };
  const follower = await Follower.begin(place, events, times, { read: readFolder, now: () => clock, sleep });
  const pass = async (ms: number): Promise<void> => {
    const until = clock + ms;
    for (;;) {
      await follower.look();
      onLook(follower.current);
      const step = Math.min(follower.dueMs ?? Number.POSITIVE_INFINITY, until - clock);
      if (step <= 0) return;
      clock += step;
    }
  };
  return { follower, place, pass, reloads: () => reloads };
}

type Way = (place: string, files: Files, next: Random, pause: () => Promise<void>, isReal: boolean) => Promise<void>;

/** Rewrites a folder `rounds` times, and says where the law was broken. */
async function rewrite(
  name: string,
  rounds: number,
  how: {
    readonly ways: Readonly<Record<string, Way>>;
    readonly times: Times;
    /** Beside the policies; `counted` as `policy sums` writes them. */
    readonly sums: 'none' | 'plain' | 'counted';
    readonly seed?: number;
  },
): Promise<{ breached: string[]; reloads: number; looks: number }> {
  const seed = how.seed ?? SEED;
  const next = random(seed);
  const isReal = isMounted && name.startsWith('small');
  const place = join(base, name, 'policies');
  const withSums = (files: Files): Files =>
    how.sums === 'none' ? files : new Map([...files, ['policies.sha256', sumsOf(files, how.sums === 'counted')]]);
  let files = withSums(randomFiles(next, isReal));
  mkdirSync(join(base, name), { recursive: true });
  const home = 'relinked' in how.ways ? join(base, name, 'release') : place;
  mkdirSync(home);
  if (home !== place) symlinkSync('release', place);
  for (const [file, text] of files) writeFileSync(join(home, file), text);
  const breached = new Set<string>();
  let [before, after] = [await loadPolicies(place), await loadPolicies(place)];
  let [looks, at] = [0, ''];
  const { follower, pass, reloads } = await world(place, how.times, (set) => {
    looks++;
    const [is, one, other] = [set, before, after].map(saysOf);
    is?.forEach((says, index) => {
      const found = breaches(says, one?.[index], other?.[index]);
      if (found.length > 0) breached.add(`${at}: ${found.join(', ')}`);
    });
  });
  for (let round = 0; round < rounds; round++) {
    files = withSums(randomFiles(next, isReal));
    const aside = join(base, name, 'aside');
    mkdirSync(aside);
    for (const [file, text] of files) writeFileSync(join(aside, file), text);
    after = await loadPolicies(aside);
    rmSync(aside, { recursive: true });
    const drawn = pick(next, Object.keys(how.ways));
    // Where there is a disk that can be full, it is once at least, whatever is drawn.
    const way = isReal && round === 0 ? 'onFullDisk' : drawn;
    at = `seed ${seed}, round ${round}, ${way}`;
    // With counted sums a writer may sleep for as long as it likes; without it has to be quicker than half a file is waited for.
    const longest = how.sums === 'counted' ? 60_000 : 9000;
    const pause = (): Promise<void> => pass(next() < 0.65 ? next() * 400 : next() * longest);
    await how.ways[way]?.(place, files, next, pause, isReal);
    await pass(how.times.openingMs + 3 * how.times.pollMs);
    if (follower.current.version !== after.version) breached.add(`${at}: not taken, ${follower.problem}`);
    before = after;
  }
  return { breached: [...breached], reloads: reloads(), looks };
}

describe('a folder that is written anew', () => {
  const part = Math.ceil(ROUNDS / 5);

  it.each<[string, Parameters<typeof rewrite>[2]]>([
    ['plain', { ways: WAYS, times: TIMES, sums: 'none' }],
    ['small', { ways: WAYS, times: TIMES, sums: 'none' }],
    ['linked', { ways: LINKED_WAYS, times: TIMES, sums: 'none' }],
    ['sums', { ways: WAYS, times: TIMES, sums: 'plain' }],
    ['counted', { ways: WAYS, times: TIMES, sums: 'counted' }],
  ])('answers never more than before and after: %s', async (name, how) => {
    const { breached, reloads, looks } = await rewrite(name, part, how);
    expect(breached).toEqual([]);
    // Most of the sets differ from those before, and all of these have been in force.
    expect(reloads).toBeGreaterThan(part / 2);
    expect(looks).toBeGreaterThan(part * 5);
  });

  it('would answer more if half a file were not waited for', async () => {
    const times = { ...TIMES, openingMs: TIMES.stillMs };
    const { breached } = await rewrite('hasty', 25, { ways: WAYS, times, sums: 'none', seed: 1 });
    expect(breached.length).toBeGreaterThan(0);
  });

  it('met a full disk, where one can be had', () => {
    if (isMounted && ROUNDS >= 200) expect(fullDisks).toBeGreaterThan(0);
  });
});
