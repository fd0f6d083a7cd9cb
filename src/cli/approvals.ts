/** `snowfence approvals`: the reviewer's side without a browser. A reviewer proves who they are with an access token of their own. */
import { type Approval, type ApprovalState, Approvals, DecisionRefused } from '../approval/index.js';
import { TokenVerifier } from '../identity/index.js';
import type { TranscriptStore } from '../transcript/index.js';
import { auditorOf } from './auditor.js';
import type { Config } from './config.js';
import { previewed } from './preview.js';
import { SnowfenceError } from './problem.js';
import { printable, table } from './terminal.js';

const REASONS: Readonly<Record<DecisionRefused['problem'], string>> = {
  'not found': 'There is no such approval.',
  'not pending': 'This approval is no longer open.',
  'not a reviewer': 'You are in none of the groups that may decide on this statement.',
  'own statement': 'Nobody decides on a statement of their own.',
  'decided before': 'You have decided on this statement before.',
};

export async function listApprovals(
  store: TranscriptStore,
  state: ApprovalState | undefined,
  json: boolean,
): Promise<string> {
  const approvals = (await new Approvals(store).list(state)).map(previewed);
  if (json) return JSON.stringify(approvals, null, 2);
  if (approvals.length === 0) return state === 'pending' ? 'Nothing waits for a decision.' : 'There are none.';
  return table(
    ['APPROVAL', 'STATE', 'AGENT', 'ASKED', 'STATEMENT'],
    approvals.map((approval) => [
      approval.id,
      approval.state,
      approval.subject,
      approval.asked_at.toISOString().slice(0, 19),
      approval.statement,
    ]),
  );
}

function renderApproval(approval: Approval): string {
  const lines = [
    `Approval   ${approval.id}`,
    `State      ${approval.state}, open until ${approval.expires_at.toISOString()}`,
    `Agent      ${printable(approval.subject)} (client ${printable(approval.client_id)})`,
    `Purpose    ${printable(approval.purpose ?? '(none given)')}`,
    ...approval.requirements.map(({ groups, count, rule }) => `Needs      ${count} of ${groups.join(', ')} (${rule})`),
    `Statement  ${printable(approval.statement)}`,
    `Sent as    ${printable(approval.sent)}`,
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
    const reviewers = approval.requirements.flatMap(({ groups }) => groups);
    const auditor = await auditorOf(config, whole.token, reviewers);
    await auditor.recordLook(store, approval.session_id, id);
  }
  const shown = whole ? approval : previewed(approval);
  if (json) return JSON.stringify(shown, null, 2);
  const isMasked = (['statement', 'sent', 'purpose'] as const).some((part) => shown[part] !== approval[part]);
  const hint = '\nWhat stands in brackets is masked; its reviewers see all with --whole and a token of theirs.';
  return `${renderApproval(shown)}${isMasked ? hint : ''}`;
}

export async function decideApproval(
  config: Config,
  store: TranscriptStore,
  id: string,
  decision: 'approve' | 'deny',
  token: string | undefined,
  reason: string | undefined,
): Promise<string> {
  const verifier = new TokenVerifier(config.issuers);
  const reviewer = await verifier.verify(token).catch((error: unknown) => {
    throw new SnowfenceError(
      'TOKEN_REFUSED',
      `Your access token is not accepted: ${error instanceof Error ? error.message : ''}.`,
      'Put a valid one into SNOWFENCE_TOKEN, or name another variable with --token-env.',
    );
  });
  try {
    const approval = await new Approvals(store).decide(id, reviewer, decision, reason);
    await store.recorder.append({
      kind: 'approval_decided',
      sessionId: approval.session_id,
      statementId: approval.statement_id,
      body: {
        approval: id,
        decision,
        reviewer: reviewer.subject,
        issuer: reviewer.issuer,
        reason: reason ?? null,
        state: approval.state,
      },
    });
    return approval.state === 'pending'
      ? `Noted. Needed are ${approval.requirements.map(({ groups, count }) => `${count} of ${groups.join(' or ')}`).join(' and ')}.`
      : `The statement is ${approval.state}.`;
  } catch (error) {
    if (error instanceof DecisionRefused)
      throw new SnowfenceError('DECISION_REFUSED', REASONS[error.problem], undefined, 1);
    throw error;
  }
}
