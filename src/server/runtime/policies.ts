/** The policies in force, followed in their folder; what becomes of them is logged and recorded. */
import type { Config } from '../../config/index.js';
import { systemWords, unusable } from '../../config/problem.js';
import { heldWords, type PolicySet, type PolicyWatch, watchPolicies } from '../../policy/index.js';
import { contentDigest } from '../../transcript/index.js';
import type { Logger } from '../report/log.js';
import type { Note } from './note.js';

const reloadedBody = (set: PolicySet): { readonly version: string; readonly policies: readonly string[] } => ({
  version: set.version,
  policies: set.policies.map(({ name }) => name),
});

/** Names, and hashes by which the contents were kept: what the set's version stands for. */
const filesOf = ({ files }: PolicySet): readonly { readonly name: string; readonly digest: string }[] =>
  files.map(({ name, text }) => ({ name, digest: contentDigest(text) }));

/** Which set is in force from the start on. */
export const startedWith = (set: PolicySet): Readonly<Record<string, unknown>> => ({
  ...reloadedBody(set),
  files: filesOf(set),
});

/** Throws PolicyProblems where they are unsound, SnowfenceError where the folder can't be read. */
export async function followPolicies(
  config: Config,
  log: Logger,
  note: Note,
  taken: (set: PolicySet, tell: () => void) => void,
): Promise<PolicyWatch> {
  const tellEmpty = ({ policies }: PolicySet): void => {
    if (policies.length > 0) return;
    const hint = 'Put at least one .yaml file there.';
    log.warn({ folder: config.policies, hint }, 'the folder of policies holds no policy: everything is denied');
  };
  const watch = await watchPolicies(
    config.policies,
    {
      issuers: config.issuers.map(({ issuer }) => issuer),
      onReload: (set, opens) => {
        const body = { ...reloadedBody(set), opens: opens ?? null };
        if (opens === undefined) log.info(body, 'policies reloaded');
        else log.warn(body, 'policies reloaded: they open what was not open');
        tellEmpty(set);
        taken(set, () => note('policy_reloaded', { ...body, files: filesOf(set) }));
      },
      onHeld: ({ version, opens, until }) => {
        log.warn({ version, opens, until }, 'changed policies are held back, since they open what is not open now');
        note('policy_problem', { problem: heldWords({ version, opens, until }) });
      },
      onProblem: (problem) => {
        log.error({ problem }, 'the policies no longer check: the last good set stays in force');
        note('policy_problem', { problem });
      },
    },
    config.policyTimes,
  ).catch((error: unknown) => {
    if (systemWords(error) === undefined) throw error;
    const hint = `Name the folder of your policies under "policies" in ${config.file}.`;
    throw unusable('policies', config.policies, 'read', error, hint);
  });
  tellEmpty(watch.current());
  return watch;
}
