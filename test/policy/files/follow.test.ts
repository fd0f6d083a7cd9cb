/** Which set is in force while the files change: time is the test's own, the disk fails where it is told to. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Follower, type Held } from '../../../dist/policy/files/follow.js';
import { readFolder } from '../../../dist/policy/files/reading.js';
import { type PolicyProblems, policySums, watchPolicies } from '../../../dist/policy/index.js';

const TIMES = { stillMs: 500, openingMs: 10_000, pollMs: 1000 };
const HEAD = 'policy: p\nprincipals:\n  groups: [g]\nsnowflake: { role: R, warehouse: W }\n';
const RULES = `${HEAD}rules:\n  - allow: [read]\n    on: [DB.S.T]\n`;
const MASKS = 'columns:\n  - match: [DB.S.T.A]\n    mask: redact\n';

let base: string;
let place: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'snowfence-follow-'));
});
afterAll(() => rm(base, { recursive: true }));

let count = 0;
beforeEach(async () => {
  place = join(base, `${count++}`, 'policies');
  await mkdir(place, { recursive: true });
  await write(RULES + MASKS);
});

const write = (text: string, name = 'p.yaml'): Promise<void> => writeFile(join(place, name), text);
const writeSums = async (): Promise<void> => write(await policySums(place), 'policies.sha256');

const failing = (code: string): NodeJS.ErrnoException => Object.assign(new Error(`${code}: no luck`), { code });

/** A follower, what it said, and a hand on its clock and its disk. */
async function follow() {
  let clock = 0;
  let error: Error | undefined;
  const said: string[] = [];
  const follower = await Follower.begin(
    place,
    {
      onReload: (set, opens) => void said.push(`taken ${set.version.slice(0, 4)}${opens === undefined ? '' : ' open'}`),
      onHeld: ({ opens }: Held) => void said.push(`held ${opens}`),
      onProblem: (problem) => void said.push(`problem ${problem}`),
    },
    TIMES,
    {
      now: () => clock,
      sleep: async (ms) => {
        clock += ms;
      },
      read: async (folder) => {
        if (error) throw error;
        return readFolder(folder);
      },
    },
  );
  const pass = async (ms: number): Promise<void> => {
    clock += ms;
    await follower.look();
  };
  const fail = (with_: Error | undefined): void => {
    error = with_;
  };
  const masks = (): number => follower.current.policies.flatMap(({ columns }) => columns).length;
  return { follower, said, pass, fail, masks };
}

describe('a change', () => {
  const NARROWER = `${RULES}${MASKS}  - match: [DB.S.T.B]\n    mask: "null"\n`;

  it('is taken when it was still, and not before', async () => {
    const { said, pass, masks } = await follow();
    await write(NARROWER);
    await pass(0);
    await pass(499);
    expect([said, masks()]).toEqual([[], 1]);
    await pass(1);
    expect(said).toEqual([expect.stringMatching(/^taken [0-9a-f]{4}$/)]);
    expect(masks()).toBe(2);
  });

  it('begins to be still with its last byte, and with each change of a file that stays the same', async () => {
    const { said, pass } = await follow();
    await write(`${RULES}${MASKS}limits: { rows: 5 }\n`);
    await pass(0);
    await pass(400);
    await write(NARROWER);
    await pass(400);
    await pass(400);
    // The same bytes once more: the file is another all the same.
    await rm(join(place, 'p.yaml'));
    await write(NARROWER);
    await pass(100);
    await pass(499);
    expect(said).toEqual([]);
    await pass(1);
    expect(said).toHaveLength(1);
  });

  it('that opens something is held back, and says so; then it is taken', async () => {
    const { follower, said, pass, masks } = await follow();
    await write(RULES);
    await pass(0);
    await pass(500);
    expect(said).toEqual(['held gone or changed: mask (DB.S.T.A; policies/p.yaml)']);
    expect(follower.held).toMatchObject({ opens: said[0]?.slice(5) });
    expect(follower.problem).toBeUndefined();
    await pass(9499);
    expect(masks()).toBe(1);
    expect(follower.held?.until.getTime()).toBeGreaterThan(Date.now());
    await pass(1);
    expect(masks()).toBe(0);
    expect(said[1]).toMatch(/^taken .* open$/);
    expect(follower.held).toBeUndefined();
  });

  it('that was half of a file is forgotten when the rest comes', async () => {
    const { follower, said, pass } = await follow();
    await write(RULES);
    await pass(0);
    await pass(9000);
    await write(NARROWER);
    await pass(900);
    expect(follower.held).toBeUndefined();
    await pass(500);
    expect(said).toEqual([expect.stringMatching(/^held/), expect.stringMatching(/^taken [0-9a-f]{4}$/)]);
  });

  it('that does not check leaves the set before it in force, and is told of once', async () => {
    const { follower, said, pass, masks } = await follow();
    await write('policy: [');
    await pass(0);
    expect(said).toEqual([]);
    for (const ms of [500, 1000, 1000]) await pass(ms);
    expect(said).toEqual([expect.stringMatching(/^problem policies\/p\.yaml:1/)]);
    expect(follower.problem).toBeDefined();
    expect(masks()).toBe(1);
    await write(RULES + MASKS);
    await pass(0);
    await pass(500);
    expect(follower.problem).toBeUndefined();
  });

  it.each(['EACCES', 'EIO', 'ENOENT', 'ESTALE', 'EMFILE'])(
    'is none where the folder can not be read: %s',
    async (code) => {
      const { follower, said, pass, fail, masks } = await follow();
      fail(failing(code));
      await pass(0);
      // A folder that is being replaced is not there for a moment: no news.
      await pass(400);
      expect(said).toEqual([]);
      await pass(100);
      expect(said).toEqual([`problem ${code}: no luck`]);
      expect(masks()).toBe(1);
      fail(undefined);
      await write(NARROWER);
      await pass(0);
      await pass(500);
      expect(follower.problem).toBeUndefined();
      expect(masks()).toBe(2);
    },
  );

  it('that does not end is told of', async () => {
    const { said, pass } = await follow();
    for (let at = 0; at < 250; at++) {
      await write(`${NARROWER}# ${at}\n`);
      await pass(400);
    }
    expect(said).toEqual(['problem The folder of policies is not still long enough to be read as a whole.']);
  });

  it('of a letter that was cut in two is none', async () => {
    const { said, pass, masks } = await follow();
    await writeFile(
      join(place, 'p.yaml'),
      Buffer.concat([Buffer.from(`${RULES}${MASKS}# `), Buffer.from([0xe2, 0x82])]),
    );
    await pass(0);
    await pass(500);
    expect(said).toEqual(['problem policies/p.yaml:1:1 This is not UTF-8.']);
    expect(masks()).toBe(1);
  });

  it('to nothing at all is taken: it opens nothing', async () => {
    const { follower, pass } = await follow();
    await rm(join(place, 'p.yaml'));
    await pass(0);
    await pass(500);
    expect(follower.current.policies).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('into a pipe keeps nobody waiting', async () => {
    const { said, pass } = await follow();
    expect(spawnSync('mkfifo', [join(place, 'q.yaml')]).status).toBe(0);
    await pass(0);
    await pass(500);
    expect(said).toEqual(['problem policies/q.yaml:1:1 This is no file.']);
  });
});

describe('policies.sha256', () => {
  const WIDER = `${RULES}  - allow: [insert]\n    on: [DB.S.T]\n${MASKS}`;

  it('has to match, however long it does not', async () => {
    await writeSums();
    const { follower, said, pass } = await follow();
    await write(WIDER);
    await pass(0);
    for (let at = 0; at < 100; at++) await pass(60_000);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /^problem policies\/policies\.sha256:2:1 p\.yaml is another file than the one listed\. .*policy sums/,
    );
    const { version } = follower.current;
    await writeSums();
    await pass(0);
    await pass(500);
    // What it proves to be whole need not be waited for.
    expect(said[1]).toMatch(/^taken .* open$/);
    expect(follower.current.version).not.toBe(version);
  });

  it('is no reason to lose a mask quickly', async () => {
    await writeSums();
    const { said, pass } = await follow();
    await write(RULES);
    await writeSums();
    await pass(0);
    await pass(500);
    expect(said).toEqual([expect.stringMatching(/^held/)]);
  });

  it('as sha256sum writes it is waited for, since half of it may match half of the files', async () => {
    const sum = (text: string): string => createHash('sha256').update(text).digest('hex');
    await write(`${sum(RULES + MASKS)} *./p.yaml\r\n\r\n${sum('x')}  p.test.yaml\n`, 'policies.sha256');
    const { said, pass } = await follow();
    await write(WIDER);
    await write(`# by hand\n${sum(WIDER)}  p.yaml\n`, 'policies.sha256');
    await pass(0);
    await pass(500);
    expect(said).toEqual([expect.stringMatching(/^held new: permission/)]);
  });

  it('can not be taken away by a change', async () => {
    await writeSums();
    const { said, pass, follower } = await follow();
    await rm(join(place, 'policies.sha256'));
    await write(WIDER);
    await pass(0);
    await pass(60_000);
    expect(said).toEqual([expect.stringMatching(/^problem policies\.sha256 is gone/)]);
    expect(await follower.reload()).toMatchObject({ isTaken: true, isNew: true });
  });

  it('can be given up by a reload', async () => {
    await writeSums();
    const { said, pass, follower } = await follow();
    await rm(join(place, 'policies.sha256'));
    expect(await follower.reload()).toMatchObject({ isTaken: true, isNew: false });
    await write(`${RULES}${MASKS}limits: { rows: 5 }\n`);
    await pass(0);
    await pass(500);
    expect(said).toEqual([expect.stringMatching(/^taken [0-9a-f]{4}$/)]);
  });

  it.each([
    ['', /p\.yaml is not listed/],
    ['# files: 2\n', /should be 2 files, and 0 are listed/],
    ['nonsense\n', /sha256:1:1 This line is none/],
    [`${'0'.repeat(64)}  p.yaml\n`, /another file/],
    [`${'0'.repeat(64)}  p.yaml\n${'0'.repeat(64)}  p.yaml\n`, /listed twice/],
    [`${'0'.repeat(64)}  q.yaml\n`, /q\.yaml is listed, and not there/],
    [`${'0'.repeat(63)}  p.yaml\n`, /none that sha256sum/],
  ])('stops a start: %j', async (text, message) => {
    await write(text, 'policies.sha256');
    await expect(follow()).rejects.toThrow(message);
    await expect(follow()).rejects.toMatchObject({ name: 'PolicyProblems' } satisfies Partial<PolicyProblems>);
  });
});

describe('a reload that somebody asks for', () => {
  it('takes at once what would be held back, and says what it opens', async () => {
    const { follower, said, masks } = await follow();
    await write(RULES);
    const done = await follower.reload();
    expect(done).toMatchObject({ isTaken: true, isNew: true, opens: expect.stringContaining('mask (DB.S.T.A') });
    expect(masks()).toBe(0);
    expect(said).toEqual([expect.stringMatching(/^taken .* open$/)]);
    expect(await follower.reload()).toMatchObject({ isTaken: true, isNew: false });
  });

  it.each([
    ['unsound', 'policy: [', 'p.yaml', /policies\/p\.yaml:1/],
    ['another than listed', '', 'policies.sha256', /is not listed/],
  ])('is refused where the folder is %s', async (_what, text, name, problem) => {
    const { follower, masks } = await follow();
    await write(text, name);
    expect(await follower.reload()).toMatchObject({ isTaken: false, problem: expect.stringMatching(problem) });
    expect(follower.problem).toMatch(problem);
    expect(masks()).toBe(1);
  });

  it('is refused where the folder can not be read', async () => {
    const { follower, fail } = await follow();
    fail(failing('EACCES'));
    expect(await follower.reload()).toMatchObject({ isTaken: false, problem: 'EACCES: no luck' });
  });
});

describe('a start', () => {
  it('waits for a folder that is being written', async () => {
    const texts = [RULES, `${RULES}columns:\n`, RULES + MASKS];
    let clock = 0;
    const follower = await Follower.begin(
      place,
      { onReload: () => undefined, onHeld: () => undefined, onProblem: () => undefined },
      TIMES,
      {
        now: () => clock,
        sleep: async (ms) => {
          clock += ms;
          const text = texts.shift();
          if (text !== undefined) await write(text);
        },
        read: readFolder,
      },
    );
    expect(follower.current.policies[0]?.columns).toHaveLength(1);
    expect(clock).toBe(4 * TIMES.stillMs);
  });

  it('is none where there is no folder', async () => {
    await rm(place, { recursive: true });
    await expect(follow()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('on a real disk and clock', () => {
  /** A write in place is two steps, and what lies between them is no file that anybody wrote: it passes more quickly than this. */
  const QUICK = { stillMs: 400, openingMs: 1600, pollMs: 100 };
  let dispose: (() => PromiseLike<void>) | undefined;
  afterEach(async () => dispose?.());

  async function watched() {
    const said: string[] = [];
    const watch = await watchPolicies(
      place,
      {
        onReload: (set) => void said.push(set.policies.map(({ description }) => description).join(' ')),
        onHeld: () => void said.push('held'),
        onProblem: (problem) => void said.push(problem),
      },
      QUICK,
    );
    dispose = () => watch[Symbol.asyncDispose]();
    return { watch, said };
  }
  const described = (text: string): string => `description: ${text}\n${RULES}${MASKS}`;

  it('follows files in place and by rename', async () => {
    const { said } = await watched();
    await write(described('one'));
    await expect.poll(() => said).toEqual(['one']);
    await write(described('two'), '.p.part');
    await rename(join(place, '.p.part'), join(place, 'p.yaml'));
    await expect.poll(() => said).toEqual(['one', 'two']);
  });

  it('follows the link that a ConfigMap swaps', async () => {
    await rm(join(place, 'p.yaml'));
    for (const name of ['..1', '..2', '..3']) {
      await mkdir(join(place, name));
      await writeFile(join(place, name, 'p.yaml'), described(`v${name.slice(2)}`));
    }
    await symlink('..1', join(place, '..data'));
    await symlink('..data/p.yaml', join(place, 'p.yaml'));
    const { watch, said } = await watched();
    expect(watch.current().policies[0]?.description).toBe('v1');
    for (const name of ['..2', '..3']) {
      await symlink(name, join(place, '..tmp'));
      await rename(join(place, '..tmp'), join(place, '..data'));
      await expect.poll(() => said.at(-1)).toBe(`v${name.slice(2)}`);
    }
  });

  it('follows a folder that is replaced, and files that are written in the new one', async () => {
    const { said } = await watched();
    await rename(place, `${place}.old`);
    await mkdir(place);
    await write(described('one'));
    await expect.poll(() => said.at(-1)).toBe('one');
    await write(described('two'));
    await expect.poll(() => said.at(-1)).toBe('two');
  });

  it('follows a folder that is a link', async () => {
    const link = join(place, '..', 'current');
    await symlink('policies', link);
    const first = place;
    place = link;
    const { said } = await watched();
    await mkdir(`${first}2`);
    await writeFile(join(`${first}2`, 'p.yaml'), described('one'));
    await symlink('policies2', `${link}.tmp`);
    await rename(`${link}.tmp`, link);
    await expect.poll(() => said).toEqual(['one']);
  });

  it('reads files of one moment or none', async () => {
    await rm(join(place, 'p.yaml'));
    const sides = ['0', '1'];
    for (const side of sides) {
      await mkdir(join(place, `..${side}`));
      for (const name of ['a', 'b', 'c']) await writeFile(join(place, `..${side}`, `${name}.yaml`), side);
    }
    await symlink('..0', join(place, '..data'));
    for (const name of ['a', 'b', 'c']) await symlink(`..data/${name}.yaml`, join(place, `${name}.yaml`));
    let isOver = false;
    const swaps = (async () => {
      for (let at = 1; !isOver; at++) {
        await symlink(`..${at % 2}`, join(place, '..tmp'));
        await rename(join(place, '..tmp'), join(place, '..data'));
      }
      return true;
    })();
    const seen = { whole: 0, moving: 0 };
    for (let at = 0; at < 300; at++) {
      try {
        const { files } = await readFolder(place);
        expect(new Set(files.map(({ bytes }) => bytes.toString())).size).toBe(1);
        seen.whole++;
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'FolderMoves') throw error;
        seen.moving++;
      }
    }
    isOver = true;
    await swaps;
    expect(seen.moving).toBeGreaterThan(0);
    expect(await readFile(join(place, 'a.yaml'), 'utf8')).toMatch(/[01]/);
  });
});
