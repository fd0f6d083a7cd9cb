/** What clients say of where statements come from: read from environments, written into headers, read again, and never more than fits. */
import { describe, expect, it } from 'vitest';
import { headersOf, jobIn, placeOf, reportIn, reportOf } from '../../dist/reported/index.js';
import { random } from '../support/random.mjs';

const through = (environment: Record<string, string | undefined>) => {
  const headers = headersOf(reportOf(environment, '/somewhere'));
  return { headers, read: reportIn((name) => headers[name]) };
};

describe('a job', () => {
  it('of GitHub Actions is told by its own variables, its pull request too', () => {
    const { read } = through({
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'acme/warehouse-models',
      GITHUB_SHA: 'ffac537e6cbbf934b08745a378932722df287a53',
      GITHUB_REF: 'refs/pull/17/merge',
      GITHUB_RUN_ID: '1658821493',
      GITHUB_WORKFLOW: 'checks; all=of them',
    });
    expect(read.job).toMatchObject({
      system: 'github-actions',
      repository: 'acme/warehouse-models',
      pull_request: '17',
      run: '1658821493',
      workflow: 'checks; all=of them',
    });
  });

  it('of GitLab likewise; of a branch there is no pull request', () => {
    expect(through({ GITLAB_CI: 'true', CI_PIPELINE_ID: '9', CI_MERGE_REQUEST_IID: '4' }).read.job).toEqual({
      system: 'gitlab-ci',
      run: '9',
      pull_request: '4',
    });
    const github = { GITHUB_ACTIONS: 'true', GITHUB_REF: 'refs/heads/main' };
    expect(through(github).read.job).not.toHaveProperty('pull_request');
  });

  it('may be told by hand, but says nothing else of a known one', () => {
    expect(through({ SNOWFENCE_JOB: 'run=17; commit=0a1b;nonsense; =x; Bad Key=y' }).read.job).toEqual({
      run: '17',
      commit: '0a1b',
    });
    const both = { GITHUB_ACTIONS: 'true', GITHUB_RUN_ID: '5', SNOWFENCE_JOB: 'run=6; ticket=DATA-1' };
    expect(through(both).read.job).toMatchObject({ run: '5', ticket: 'DATA-1' });
  });

  it('leaves out what a client did not fill in, what is no text, and what is too long', () => {
    const job = { run: `\${GITHUB_RUN_ID}`, commit: 'a\u0000b', ref: 'r'.repeat(501), actor: 5, ok: ' yes ' };
    expect(jobIn(job)).toEqual({ ok: 'yes' });
    expect(jobIn('text')).toBeUndefined();
    expect(
      Object.keys(jobIn(Object.fromEntries(Array.from({ length: 99 }, (_, n) => [`k${n}`, 'v']))) ?? {}),
    ).toHaveLength(20);
  });
});

describe('a prompt', () => {
  it('comes through a header as it was typed, whatever stands in it', () => {
    const next = random(1126);
    const signs = ['%', ';', '=', '"', '\n', '\u202e', 'é', '漢', '😀', '\ud800', ' ', 'a', '%41', '${', '}', '\u0000'];
    for (let n = 0; n < 2000; n++) {
      const text = `q${Array.from({ length: 1 + Math.floor(next() * 40) }, () => signs[Math.floor(next() * signs.length)]).join('')}`;
      const { headers, read } = through({ SNOWFENCE_PROMPT: text });
      expect(read.prompt).toBe(text.trim().toWellFormed());
      expect(headers['snowfence-prompt']).toMatch(/^[\x21-\x7e]*$/);
    }
  });

  it('that is longer than a header may be is left out, and none is taken that could be half of one', () => {
    expect(through({ SNOWFENCE_PROMPT: '😀'.repeat(9000) }).headers).not.toHaveProperty('snowfence-prompt');
    expect(reportIn((name) => (name === 'snowfence-prompt' ? 'x'.repeat(13_000) : undefined)).prompt).toBeUndefined();
  });

  it('is decoded as far as it is encoded at all: nothing keeps another spelling', () => {
    const read = (text: string): unknown => reportIn((name) => (name === 'snowfence-prompt' ? text : undefined)).prompt;
    expect(read('give 100% of alice%40example.com %zz %')).toBe('give 100% of alice@example.com %zz %');
    expect(read('%F0%9F%98%80 caf%C3%A9 %ff')).toBe('😀 café \ufffd');
  });

  it('in plain words is read as it stands', () => {
    const plain = reportIn((name) => (name === 'snowfence-prompt' ? '100% of orders?' : undefined));
    expect(plain.prompt).toBe('100% of orders?');
  });
});

describe('a conversation', () => {
  it('is what the client calls it, through an environment and a header; one that is too long is none', () => {
    for (const name of ['c0ffee', 'Frühling; 3 %41', 'x'.repeat(200)])
      expect(through({ SNOWFENCE_CONVERSATION: name }).read.conversation).toBe(name);
    expect(through({ SNOWFENCE_CONVERSATION: 'x'.repeat(201) }).read.conversation).toBeUndefined();
    expect(through({ SNOWFENCE_CONVERSATION: '' }).headers).not.toHaveProperty('snowfence-conversation');
  });
});

describe('a place', () => {
  it('is the same for a hook and what runs beside it, another elsewhere, and no path', () => {
    expect(reportOf({}, '/home/anna/project').place).toBe(placeOf('/home/anna/project'));
    expect(reportOf({ CLAUDE_PROJECT_DIR: '/home/anna/project' }, '/tmp').place).toBe(placeOf('/home/anna/project'));
    expect(placeOf('/home/anna/other')).not.toBe(placeOf('/home/anna/project'));
    expect(placeOf('/home/anna/project')).toMatch(/^[0-9a-f]{32}$/);
    expect(reportIn((name) => (name === 'snowfence-place' ? '../../etc' : undefined)).place).toBeUndefined();
  });
});
