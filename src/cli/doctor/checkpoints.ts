/** Doctor's look at where checkpoints go: that they can be written, that nobody else may write there, and that whoever holds the database does not hold them too. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config/index.js';
import { ensureWritable, SnowfenceError } from '../../config/problem.js';
import { isLoopback } from '../../network/index.js';
import { type Finding, ok, problem, warning } from './finding.js';

const PART = 'checkpoints';
const ELSEWHERE =
  'Send them elsewhere as well: to a webhook with "checkpoints: true", to standard output (transcript.checkpoints.stdout) where a log collector takes it, or to a file on another machine.';

/** Bits of a mode by which a group, or everybody, may write. */
const OTHERS_WRITE = 0o022;

/** Who besides this account may write to a path; undefined where nobody may, but the system's administrator. */
async function strangers(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found || process.getuid === undefined) return undefined;
  if (found.uid !== process.getuid() && found.uid !== 0)
    return `the account ${found.uid}, which owns it, may change it`;
  return (found.mode & OTHERS_WRITE) === 0 ? undefined : 'other accounts of this machine may change it';
}

async function checkFile(file: string): Promise<Finding> {
  try {
    await ensureWritable('transcript.checkpoints.files', file);
  } catch (error) {
    if (!(error instanceof SnowfenceError)) throw error;
    return problem(PART, error.message, error.hint ?? 'Name another file.');
  }
  for (const path of [dirname(file), file]) {
    const who = await strangers(path);
    if (who !== undefined)
      return warning(
        PART,
        `${path}: ${who}, so a checkpoint there proves less`,
        `Let ${path} belong to the account that runs snowfence, and nobody else write to it (chmod go-w).`,
      );
  }
  return ok(PART, `${file} can be written, by this account alone`);
}

/** Whether PostgreSQL is on this machine: then one administrator holds the record and what vouches for it. */
function isHere(url: string): boolean {
  const { hostname, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? hostname;
  return host === '' || host.startsWith('/') || isLoopback(host.replace(/^\[|\]$/g, ''));
}

export async function checkCheckpoints(config: Config): Promise<Finding[]> {
  const { files, stdout } = config.checkpoints;
  const isSent = stdout || config.webhooks.some(({ checkpoints }) => checkpoints);
  if (files.length === 0 && !isSent)
    return [
      warning(
        PART,
        'they go nowhere but into the database: whoever holds that could put an older record in its place, and nothing would show it',
        ELSEWHERE,
      ),
    ];
  const findings = await Promise.all(files.map(checkFile));
  if (!isSent && isHere(config.databaseUrl))
    findings.push(
      warning(
        PART,
        'they are kept on the machine of the database alone: its administrator could change the record and them',
        ELSEWHERE,
      ),
    );
  return findings;
}
