/** What reviewers decide: yes or no, for once or for a while, and the end of that. They prove who they are with an access token of their own. */
import {
  Approvals,
  CHANGED_POLICIES,
  DecisionRefused,
  decidedWords,
  isOutdated,
  MAX_STANDING_MS,
  MAX_STANDING_USES,
  neededOf,
  type Reviewer,
} from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { TokenVerifier } from '../../identity/index.js';
import { previewFor } from '../../server/index.js';
import { titled } from '../../terminal/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import { saidIn } from '../../visible-text/index.js';
import { LEAST_TO_DECIDE, wholeId } from '../access/ids.js';
import { policiesInForce } from '../access/in-force.js';

const REASONS: Readonly<Record<DecisionRefused['problem'], string>> = {
  'not found': 'There is no such approval.',
  'not pending': 'This approval is no longer open.',
  'not a reviewer': 'You are in none of the groups that may decide on this statement.',
  'own statement': 'Nobody decides on a statement of their own.',
  'decided before': 'You have decided on this statement before.',
  'no mail address':
    'Your token has no mail address, or one that is not verified: nobody can tell whether you are somebody who has a part in this already. Its issuer has to put the claim "email" into the access token; or decide in the console.',
  'agent without mail address':
    'The agent\'s token is of another issuer and has no mail address: nobody can tell whether the statement is your own. That issuer has to put the claim "email" into it (into "act", where that names the person); of one whose tokens name no people the configuration says "people: false". Saying no is open to you.',
  'not in that form': `Only an approval can hold for longer, and for ${MAX_STANDING_MS / 3_600_000} h at most.`,
};

async function reviewerOf(config: Config, token: string | undefined): Promise<Reviewer> {
  try {
    return await new TokenVerifier(config.issuers).verify(token);
  } catch (error) {
    throw new SnowfenceError(
      'TOKEN_REFUSED',
      `Your access token is not accepted: ${error instanceof Error ? error.message : ''}.`,
      'Put a valid one into SNOWFENCE_TOKEN, or name another variable with --token-env.',
    );
  }
}

const refusedAs = (error: unknown): unknown =>
  error instanceof DecisionRefused
    ? new SnowfenceError(
        'DECISION_REFUSED',
        error.approval ? `This approval ${decidedWords(error.approval)}` : REASONS[error.problem],
        undefined,
        1,
      )
    : error;

/** 30m, 2h: milliseconds. Throws SnowfenceError. */
function standingOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,4})([mh])$/.exec(text) ?? [];
  if (digits === undefined)
    throw new SnowfenceError('OPTION_INVALID', `--standing ${text} is no time.`, 'Such as 30m or 2h.');
  return Number(digits) * (unit === 'h' ? 3_600_000 : 60_000);
}

/** Throws SnowfenceError. */
function usesOf(text: string | undefined, standingMs: number | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (standingMs === undefined || !/^[1-9]\d{0,3}$/.test(text) || Number(text) > MAX_STANDING_USES)
    throw new SnowfenceError(
      'OPTION_INVALID',
      `--uses ${text} does not say how often.`,
      `A number up to ${MAX_STANDING_USES}, together with --standing.`,
    );
  return Number(text);
}

export interface DecisionOptions {
  readonly token: string | undefined;
  readonly reason: string | undefined;
  /** Such as 2h. */
  readonly standing?: string | undefined;
  /** How often, with `standing`. */
  readonly uses?: string | undefined;
}

export async function decideApproval(
  config: Config,
  store: TranscriptStore,
  typed: string,
  decision: 'approve' | 'deny',
  { token, reason, standing, uses }: DecisionOptions,
): Promise<string> {
  const standingMs = standingOf(standing);
  const standingUses = usesOf(uses, standingMs);
  const reviewer = await reviewerOf(config, token);
  const id = await wholeId(store, 'approval', typed, LEAST_TO_DECIDE);
  try {
    const approval = await new Approvals(store).decide(id, reviewer, {
      decision,
      reason: saidIn(reason),
      standingMs,
      standingUses,
      via: 'command line',
    });
    const { statement, sent } = (await previewFor(config))(approval);
    const outcome =
      approval.state === 'pending' ? `Noted. Needed are ${neededOf(approval)}.` : `The statement is ${approval.state}.`;
    // A yes that lets nothing run is told as that.
    const warnings = isOutdated({ ...approval, policies_in_force: await policiesInForce(store) })
      ? [CHANGED_POLICIES]
      : [];
    return [outcome, ...warnings, ...titled('Statement', statement), ...titled('Sent as  ', sent)].join('\n');
  } catch (error) {
    throw refusedAs(error);
  }
}

export async function revokeStanding(
  config: Config,
  store: TranscriptStore,
  typed: string,
  token: string | undefined,
): Promise<string> {
  const reviewer = await reviewerOf(config, token);
  const id = await wholeId(store, 'standing_approval', typed, LEAST_TO_DECIDE);
  try {
    await new Approvals(store).revoke(id, reviewer, 'command line');
    return 'Revoked: the agent has to ask again.';
  } catch (error) {
    throw refusedAs(error);
  }
}
