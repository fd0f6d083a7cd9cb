/** What waits for a person, or waited, as `snowfence approvals` lists and shows it. */
import { type ApprovalState, Approvals, type ShownStanding } from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { previewFor } from '../../server/index.js';
import { table } from '../../terminal/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import { auditorOf } from '../access/auditor.js';
import { wholeId } from '../access/ids.js';
import { renderApproval } from './render.js';

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

/** `token`: of a reviewer or an auditor who wants to see it whole; their look is recorded. */
export async function showApproval(
  config: Config,
  store: TranscriptStore,
  typed: string,
  json: boolean,
  whole: { readonly token: string | undefined } | undefined,
): Promise<string> {
  const id = await wholeId(store, 'approval', typed);
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
