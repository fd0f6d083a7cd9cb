/** `snowfence approvals`: the reviewer's side without a browser. A reviewer proves who they are with an access token of their own. */
import {
  type Approval,
  type ApprovalState,
  Approvals,
  DecisionRefused,
  MAX_STANDING_MS,
  MAX_STANDING_USES,
  type Reviewer,
  type ShownStanding,
} from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { TokenVerifier } from '../../identity/index.js';
import { previewFor } from '../../server/index.js';
import { printable, table, titled } from '../../terminal/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import { auditorOf } from '../access/auditor.js';

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

/** What two shapes are compared by has the literals in it, and is nobody's to read. */
const jsonOf = (value: unknown): string =>
  JSON.stringify(value, (name, entry: unknown) => (name === 'key' ? undefined : entry), 2);

export interface ApprovalListOptions {
  readonly state: ApprovalState | undefined;
  readonly limit: number;
  /** The last one of the page before. */
  readonly after: string | undefined;
  readonly json: boolean;
}

export async function listApprovals(
  config: Config,
  store: TranscriptStore,
  { state, limit, after, json }: ApprovalListOptions,
): Promise<string> {
  const { approvals: found, next } = await new Approvals(store).list({ state, limit, after });
  const previewed = await previewFor(config);
  const approvals = found.map((approval) => previewed(approval));
  if (json) return jsonOf(approvals);
  if (approvals.length === 0) return state === 'pending' ? 'Nothing waits for a decision.' : 'There are none.';
  const lines = table(
    ['APPROVAL', 'STATE', 'AGENT', 'ASKED', 'STATEMENT'],
    approvals.map((approval) => [
      approval.id,
      approval.state,
      approval.subject,
      approval.asked_at.toISOString().slice(0, 19),
      approval.statement,
    ]),
  );
  return next === undefined ? lines : `${lines}\nOlder ones: --after ${next}`;
}

const SIZES = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

function sizeOf(bytes: number): string {
  const step = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${SIZES[step]}`;
}

function aboutLines({ about }: Approval): string[] {
  if (!about) return [];
  const { kind, objects, columns, masks, row_predicates: predicates, reasons, estimate } = about;
  const lines = (title: string, items: readonly string[]): string[] =>
    items.map((item, index) => `${(index === 0 ? title : '').padEnd(10)} ${printable(item)}`);
  const sizes = [
    ...(estimate.rows === null ? [] : [`${estimate.rows} rows${kind === 'merge' ? ' at most' : ''}`]),
    ...(estimate.bytes === null ? [] : [`scans up to ${sizeOf(estimate.bytes)}`]),
  ];
  return [
    ...lines('Kind', [kind]),
    ...lines('Touches', sizes.length > 0 ? [sizes.join(', ')] : []),
    ...lines('Why', reasons),
    ...lines(
      'Objects',
      objects.map(
        ({ object, access, via }) => `${object} (${access}${via.length > 0 ? `, through ${via.join(', ')}` : ''})`,
      ),
    ),
    ...lines('Columns', columns.length > 0 ? [columns.join(', ')] : []),
    ...lines(
      'Masked',
      masks.map(({ column, method, rule }) => `${column}: ${method} (${rule})`),
    ),
    ...lines(
      'Rows',
      predicates.map(({ object, where, rule }) => `${object} where ${where} (${rule})`),
    ),
  ];
}

/** What `--standing` would let pass besides: the statement with its holes, and what stands in them now. */
function shapeLines({ state, shape }: Approval): string[] {
  if (state !== 'pending') return [];
  if (shape.holes.length === 0) return ['Standing   would let the very same statement pass again'];
  return [
    ...titled('Standing ', shape.text),
    ...shape.holes.map(
      ({ where, kind, example }) => `           ${printable(where)} any ${kind}, such as ${printable(example)}`,
    ),
  ];
}

/** For people: one line for each field, and a statement's own lines behind a bar. */
export function renderApproval(approval: Approval): string {
  const lines = [
    `Approval   ${approval.id}`,
    `State      ${approval.state}, open until ${approval.expires_at.toISOString()}`,
    `Agent      ${printable(approval.subject)} of ${printable(approval.issuer)} (client ${printable(approval.client_id)})`,
    `Purpose    ${printable(approval.purpose ?? '(none given)')}`,
    ...approval.requirements.map(
      ({ issuers, groups, count, rule }) =>
        `Needs      ${count} of ${printable(groups.join(', '))}${issuers.includes(approval.issuer.replace(/\/$/, '')) ? '' : ` at ${printable(issuers.join(', '))}`} (${printable(rule)})`,
    ),
    ...aboutLines(approval),
    ...titled('Statement', approval.statement),
    ...titled('Sent as  ', approval.sent),
    ...shapeLines(approval),
    ...(approval.binds.length > 0 ? [`Binds      ${printable(JSON.stringify(approval.binds))}`] : []),
    ...approval.decisions.map(
      (entry) =>
        `${entry.decision === 'approve' ? 'Approved' : 'Denied'} by ${printable(entry.reviewer)}${entry.reason ? `: ${printable(entry.reason)}` : ''}`,
    ),
  ];
  return lines.join('\n');
}

/** `token`: of a reviewer or an auditor who wants to see it whole; their look is recorded. */
export async function showApproval(
  config: Config,
  store: TranscriptStore,
  id: string,
  json: boolean,
  whole: { readonly token: string | undefined } | undefined,
): Promise<string> {
  const approval = await new Approvals(store).get(id);
  if (!approval)
    throw new SnowfenceError(
      'UNKNOWN_APPROVAL',
      `There is no approval ${id}.`,
      'snowfence approvals list shows them.',
      1,
    );
  if (whole) {
    const auditor = await auditorOf(config, whole.token, approval.requirements);
    await auditor.recordLook(store, approval.session_id, id);
  }
  const shown = whole ? approval : (await previewFor(config))(approval);
  if (json) return jsonOf(shown);
  const isMasked = (['statement', 'sent', 'purpose'] as const).some((part) => shown[part] !== approval[part]);
  const hint = '\nWhat stands in brackets is masked; its reviewers see all with --whole and a token of theirs.';
  return `${renderApproval(shown)}${isMasked ? hint : ''}`;
}

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
    ? new SnowfenceError('DECISION_REFUSED', REASONS[error.problem], undefined, 1)
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
  id: string,
  decision: 'approve' | 'deny',
  { token, reason, standing, uses }: DecisionOptions,
): Promise<string> {
  const standingMs = standingOf(standing);
  const standingUses = usesOf(uses, standingMs);
  const reviewer = await reviewerOf(config, token);
  try {
    const approval = await new Approvals(store).decide(id, reviewer, {
      decision,
      reason,
      standingMs,
      standingUses,
      via: 'command line',
    });
    const { statement, sent } = (await previewFor(config))(approval);
    const outcome =
      approval.state === 'pending'
        ? `Noted. Needed are ${approval.requirements.map(({ groups, count }) => `${count} of ${groups.join(' or ')}`).join(' and ')}.`
        : `The statement is ${approval.state}.`;
    return [outcome, ...titled('Statement', statement), ...titled('Sent as  ', sent)].join('\n');
  } catch (error) {
    throw refusedAs(error);
  }
}

export async function listStandingApprovals(config: Config, store: TranscriptStore, json: boolean): Promise<string> {
  const previewed = await previewFor(config);
  const approvals = new Approvals(store);
  const all: ShownStanding[] = [];
  let next: string | undefined;
  do {
    const page = await approvals.listStanding(next);
    all.push(...page.standing);
    next = page.next;
  } while (next !== undefined);
  const standing = all.map((entry) => previewed(entry));
  if (json) return JSON.stringify(standing, null, 2);
  if (standing.length === 0) return 'None is in force.';
  return table(
    ['STANDING', 'AGENT', 'USED', 'UNTIL', 'SHAPE'],
    standing.map((entry) => [
      entry.id,
      entry.subject,
      `${entry.uses} of ${entry.max_uses}`,
      entry.expires_at.toISOString().slice(0, 19),
      entry.shape,
    ]),
  );
}

export async function revokeStanding(
  config: Config,
  store: TranscriptStore,
  id: string,
  token: string | undefined,
): Promise<string> {
  const reviewer = await reviewerOf(config, token);
  try {
    await new Approvals(store).revoke(id, reviewer, 'command line');
    return 'Revoked: the agent has to ask again.';
  } catch (error) {
    throw refusedAs(error);
  }
}
