/** The policies in force, followed in their folder; what becomes of them is logged and recorded. */
import type { Config } from '../../config/index.js';
import { heldWords, type PolicyWatch, watchPolicies } from '../../policy/index.js';
import type { Logger } from '../report/log.js';
import type { Note } from './note.js';

/** Throws PolicyProblems where they are unsound. */
export const followPolicies = (config: Config, log: Logger, note: Note): Promise<PolicyWatch> =>
  watchPolicies(
    config.policies,
    {
      issuers: config.issuers.map(({ issuer }) => issuer),
      onReload: (set, opens) => {
        const body = {
          version: set.version,
          policies: set.policies.map((policy) => policy.name),
          opens: opens ?? null,
        };
        if (opens === undefined) log.info(body, 'policies reloaded');
        else log.warn(body, 'policies reloaded: they open what was not open');
        note('policy_reloaded', body);
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
  );
