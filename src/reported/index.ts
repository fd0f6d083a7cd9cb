/**
 * What a client says of where its statements come from, beside what the agent writes: what a person typed, which job in CI it is, where it
 * works. Read from an environment, written into headers and read from them; all of it bounded. Nobody checks it: it is told as reported.
 */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { saidIn } from '../visible-text/index.js';

/** What one connection says of all its statements. */
export interface ConnectionReport {
  readonly prompt: string | undefined;
  readonly job: Readonly<Record<string, string>> | undefined;
  readonly place: string | undefined;
  /** What the client calls its conversation, where all statements of the connection belong to one. */
  readonly conversation: string | undefined;
}

const PROMPT_HEADER = 'snowfence-prompt';
const JOB_HEADER = 'snowfence-job';
const PLACE_HEADER = 'snowfence-place';
const CONVERSATION_HEADER = 'snowfence-conversation';
/** The same with a call, in its `_meta`. */
export const META_CONVERSATION = 'snowfence/conversation';

/** Says by whom a hook's prompt comes: by the `connect` of its folder, which signs in for both. */
export const BY_HEADER = 'snowfence-reported-by';
export const BY_CONNECT = 'connect';

/** Node takes 16 KB of headers in all, a token among them. */
const MAX_HEADER = 6000;
const MAX_PARTS = 20;
const MAX_VALUE = 500;
/** Characters of what a client calls a conversation, wherever that is said. */
export const MAX_CONVERSATION = 200;
const KEY = /^[a-z][a-z0-9_]{0,31}$/;
const PLACE = /^[0-9a-f]{8,64}$/;
/** Characters that have no place in a name or a number of a job. */
const CONTROL = /\p{Cc}/u;

export type Environment = Readonly<Record<string, string | undefined>>;

/** What each system calls it; the first that is set. */
interface System {
  readonly name: string;
  readonly isHere: (environment: Environment) => boolean;
  readonly parts: Readonly<Record<string, (environment: Environment) => string | undefined>>;
}

const variable =
  (name: string) =>
  (environment: Environment): string | undefined =>
    environment[name];

/**
 * GitHub Actions: https://docs.github.com/en/actions/reference/workflows-and-actions/variables (of a pull request GITHUB_REF is
 * `refs/pull/NUMBER/merge`). GitLab CI/CD: https://docs.gitlab.com/ci/variables/predefined_variables/.
 */
const SYSTEMS: readonly System[] = [
  {
    name: 'github-actions',
    isHere: ({ GITHUB_ACTIONS }) => GITHUB_ACTIONS === 'true',
    parts: {
      repository: variable('GITHUB_REPOSITORY'),
      commit: variable('GITHUB_SHA'),
      ref: variable('GITHUB_REF'),
      pull_request: ({ GITHUB_REF }) => /^refs\/pull\/(\d+)\/merge$/.exec(GITHUB_REF ?? '')?.[1],
      workflow: variable('GITHUB_WORKFLOW'),
      run: variable('GITHUB_RUN_ID'),
      attempt: variable('GITHUB_RUN_ATTEMPT'),
      job: variable('GITHUB_JOB'),
      actor: variable('GITHUB_ACTOR'),
      event: variable('GITHUB_EVENT_NAME'),
    },
  },
  {
    name: 'gitlab-ci',
    isHere: ({ GITLAB_CI }) => GITLAB_CI === 'true',
    parts: {
      repository: variable('CI_PROJECT_PATH'),
      commit: variable('CI_COMMIT_SHA'),
      ref: variable('CI_COMMIT_REF_NAME'),
      pull_request: variable('CI_MERGE_REQUEST_IID'),
      run: variable('CI_PIPELINE_ID'),
      job: variable('CI_JOB_ID'),
      actor: variable('GITLAB_USER_LOGIN'),
      event: variable('CI_PIPELINE_SOURCE'),
    },
  },
];

/** A job as pairs, of what has a name and a value that fit; undefined where nothing is left. */
function jobOf(pairs: Iterable<readonly [string, string | undefined]>): Readonly<Record<string, string>> | undefined {
  const job = new Map<string, string>();
  for (const [key, given] of pairs) {
    const value = saidIn(given);
    if (value === undefined || !KEY.test(key) || value.length > MAX_VALUE || CONTROL.test(value)) continue;
    if (job.size >= MAX_PARTS) break;
    job.set(key, value);
  }
  return job.size === 0 ? undefined : Object.fromEntries(job);
}

/** What a client calls its conversation; undefined where that is no such name. */
export const conversationIn = (given: unknown): string | undefined =>
  typeof given === 'string' && given.length > 0 && given.length <= MAX_CONVERSATION ? given : undefined;

/**
 * `SNOWFENCE_PROMPT`: what a person asked; `SNOWFENCE_JOB`: pairs such as `run=17; commit=0a1b`; `SNOWFENCE_CONVERSATION`: what the client
 * calls its conversation, as its hook says it. Where the environment is that of a job of
 * a known system, what that says of the job comes first.
 */
export function reportOf(environment: Environment, folder: string): ConnectionReport {
  const system = SYSTEMS.find(({ isHere }) => isHere(environment));
  const known: readonly (readonly [string, string | undefined])[] = system
    ? [['system', system.name], ...Object.entries(system.parts).map(([key, read]) => [key, read(environment)] as const)]
    : [];
  const own = pairsIn(environment['SNOWFENCE_JOB'] ?? '');
  const named = new Set(known.flatMap(([key, value]) => (value ? [key] : [])));
  return {
    prompt: saidIn(environment['SNOWFENCE_PROMPT']),
    job: jobOf([...known, ...own.filter(([key]) => !named.has(key))]),
    place: placeOf(environment['CLAUDE_PROJECT_DIR'] || folder),
    conversation: conversationIn(environment['SNOWFENCE_CONVERSATION']),
  };
}

/** Of a folder on this machine: the same for a client's hook and for what it starts there, and tells nobody where that is. */
export const placeOf = (folder: string): string =>
  createHash('sha256')
    .update(JSON.stringify([hostname(), folder]))
    .digest('hex')
    .slice(0, 32);

/** Percent-encoding as far as it is any: what else has a percent sign stays as it is, and nothing stays encoded beside it. */
function decoded(text: string): string {
  if (!text.includes('%')) return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; ) {
    const hex = /^%([0-9a-f]{2})/i.exec(text.slice(at, at + 3))?.[1];
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else bytes.push(...Buffer.from(String.fromCodePoint(text.codePointAt(at) ?? 0)));
    at += hex === undefined ? ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) : 3;
  }
  return Buffer.from(bytes).toString('utf8');
}

const pairsIn = (text: string): readonly (readonly [string, string])[] =>
  text
    .slice(0, MAX_HEADER)
    .split(';', MAX_PARTS)
    .map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at < 0 ? undefined : at).trim(), at < 0 ? '' : decoded(pair.slice(at + 1).trim())];
    });

/** As headers of each request. A prompt that does not fit (6,000 bytes in percent-encoding) is left out: half a text may hide what it is. */
export function headersOf({ prompt, job, place, conversation }: ConnectionReport): Readonly<Record<string, string>> {
  const pairs = Object.entries(job ?? {}).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  while (pairs.join('; ').length > MAX_HEADER) pairs.pop();
  const text = prompt === undefined ? undefined : encodeURIComponent(prompt.toWellFormed());
  return {
    ...(text === undefined || text.length > MAX_HEADER ? {} : { [PROMPT_HEADER]: text }),
    ...(pairs.length === 0 ? {} : { [JOB_HEADER]: pairs.join('; ') }),
    ...(place === undefined ? {} : { [PLACE_HEADER]: place }),
    ...(conversation === undefined ? {} : { [CONVERSATION_HEADER]: encodeURIComponent(conversation.toWellFormed()) }),
  };
}

/** What headers say; `read` answers null for one that is not there. Whoever writes them by hand need not encode plain words. */
export function reportIn(read: (name: string) => string | null | undefined): ConnectionReport {
  const [prompt, job, place, conversation] = [PROMPT_HEADER, JOB_HEADER, PLACE_HEADER, CONVERSATION_HEADER].map(
    (name) => read(name) ?? undefined,
  );
  return {
    prompt: prompt === undefined || prompt.length > MAX_HEADER * 2 ? undefined : saidIn(decoded(prompt)),
    job: job === undefined ? undefined : jobOf(pairsIn(job)),
    place: place !== undefined && PLACE.test(place) ? place : undefined,
    conversation:
      conversation === undefined || conversation.length > MAX_HEADER
        ? undefined
        : conversationIn(decoded(conversation)),
  };
}

/** The same from the fields that a call may have beside its arguments. */
export const jobIn = (given: unknown): Readonly<Record<string, string>> | undefined =>
  typeof given === 'object' && given !== null
    ? jobOf(Object.entries(given).map(([key, value]) => [key, typeof value === 'string' ? value : undefined]))
    : undefined;
