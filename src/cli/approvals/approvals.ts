/** What waits for a person, or waited, as `snowfence approvals` lists and shows it. */
import {
  type Approval,
  type ApprovalState,
  Approvals,
  knownOf,
  type ShownStanding,
  shapeText,
} from '../../approval/index.js';
import type { Config } from '../../config/index.js';
import { SnowfenceError } from '../../config/problem.js';
import { previewFor } from '../../server/index.js';
import { table } from '../../terminal/index.js';
import { moment } from '../../times/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import { auditorOf } from '../access/auditor.js';
import { wholeId } from '../access/ids.js';
import { policiesInForce } from '../access/in-force.js';
import { renderApproval, renderInList } from './render.js';

/** What two shapes are compared by has the literals in it, and is nobody's to read. */
const jsonOf = (value: unknown): string =>
  JSON.stringify(value, (name, entry: unknown) => (name === 'key' ? undefined : entry), 2);

/** With the version of the policies in force. */
type InList = Approval & { readonly policies_in_force: string | undefined };

/** With what people are shown of it, in its order. */
const withKnown = (approval: InList): object => ({
  ...approval,
  shape: { ...approval.shape, text: shapeText(approval.shape.text) },
  known: knownOf(approval),
});

/** Those that are open come by when they end, the others by when they were asked for. */
const isOver = (state: ApprovalState): boolean => state !== 'pending' && state !== 'approved';

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
  const { approvals: found, next } = await new Approvals(store).list({
    state,
    limit,
    after: after === undefined ? undefined : await wholeId(store, 'approval', after),
  });
  const previewed = await previewFor(config);
  const inForce = await policiesInForce(store);
  const approvals = found.map((approval): InList => ({ ...previewed(approval), policies_in_force: inForce }));
  if (json) return jsonOf(approvals.map(withKnown));
  if (approvals.length === 0) return state === 'pending' ? 'Nothing waits for a decision.' : 'There are none.';
  const lines = approvals.map(renderInList).join('\n\n');
  return next === undefined
    ? lines
    : `${lines}\n\n${state === undefined || isOver(state) ? 'Older ones' : 'Later ones'}: --after ${next}`;
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
  const policies_in_force = await policiesInForce(store);
  const shown: InList = { ...(whole ? approval : (await previewFor(config))(approval)), policies_in_force };
  if (json) return jsonOf(withKnown(shown));
  const isMasked = (['statement', 'sent', 'purpose', 'reported', 'decisions'] as const).some(
    (part) => JSON.stringify(shown[part]) !== JSON.stringify(approval[part]),
  );
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
  const standing = all.map((entry) => {
    const shown = previewed(entry);
    return { ...shown, shape: shapeText(shown.shape) };
  });
  if (json) return JSON.stringify(standing, null, 2);
  if (standing.length === 0) return 'None is in force.';
  return table(
    ['STANDING', 'AGENT', 'USED', 'UNTIL', 'SHAPE'],
    standing.map((entry) => [
      entry.id,
      entry.subject,
      `${entry.uses} of ${entry.max_uses}`,
      moment(entry.expires_at),
      entry.format === undefined ? entry.shape : `as a ${entry.format} file: ${entry.shape}`,
    ]),
  );
}
