/** Statements that wait for a person, and the word of the one who is signed in. */
import { z } from 'zod';
import {
  APPROVAL_STATES,
  type Approval,
  aboutApproval,
  DecisionRefused,
  decidedWords,
  hasDecided,
  isOutdated,
  isOwn,
  knownOf,
  MAX_STANDING_MS,
  MAX_STANDING_USES,
  mayDecide,
  STANDING_USES,
  shapeText,
} from '../../approval/index.js';
import { saidIn } from '../../visible-text/index.js';
import type { SignedIn } from '../people/people.js';
import { type ApiParts, ApiProblem, idOf, route } from './route.js';
import { date, limitOf, shownStatement } from './shapes.js';
import { differences, highlighted, sqlDifference, sqlPart } from './sql-view.js';

const HISTORY = 20;

const fact = z.object({ name: z.string(), lines: z.array(z.string()) });
/** What is known of it, in the order in which people read it; last what the agent wrote. */
const knownShape = z.object({
  headline: z.string(),
  warnings: z.array(z.string()),
  size: z.string(),
  sizes: z.array(fact),
  uses: z.array(fact),
  asked: z.array(fact),
  after: z.array(fact),
  reported: z.array(fact),
  wrote: fact,
});

/** What is known of it, without personal data and secrets in the words of others where these are masked. */
function knownShown(
  approval: Approval,
  { purpose, reported, decisions }: Pick<Approval, 'purpose' | 'reported' | 'decisions'>,
  inForce: string,
): z.input<typeof knownShape> {
  const known = knownOf({ ...approval, purpose, reported, decisions, policies_in_force: inForce });
  const copy = ({ name, lines }: (typeof known)['wrote']) => ({ name, lines: [...lines] });
  return {
    headline: known.headline,
    warnings: [...known.warnings],
    size: known.size,
    sizes: known.sizes.map(copy),
    uses: known.uses.map(copy),
    asked: known.asked.map(copy),
    after: known.after.map(copy),
    reported: known.reported.map(copy),
    wrote: copy(known.wrote),
  };
}

const listed = z.object({
  id: z.string(),
  statement_id: z.string(),
  session_id: z.string(),
  state: z.string(),
  asked_at: date,
  expires_at: date,
  changed_at: date,
  agent: z.string(),
  issuer: z.string(),
  client_id: z.string(),
  kind: z.string(),
  text: z.string(),
  purpose: z.string().nullable(),
  estimate: z.object({ bytes: z.number().nullable(), rows: z.number().nullable() }),
  requirements: z.array(
    z.object({ issuers: z.array(z.string()), groups: z.array(z.string()), count: z.number(), rule: z.string() }),
  ),
  approvals: z.number(),
  /** It is open, and the policies are others than it was asked under: a warning says what comes of it. */
  is_outdated: z.boolean(),
  known: knownShape,
  /** Why the one who asks may not decide; null where they may. */
  barred: z.string().nullable(),
});

/** Why this person may not decide on it now; null where they may. */
function barredBy(approval: Approval, { person }: SignedIn): string | null {
  if (approval.state !== 'pending') return `It ${decidedWords(approval)}`;
  if (!mayDecide(approval.requirements, person)) {
    const groups = [...new Set(approval.requirements.flatMap(({ groups: asked }) => asked))];
    const issuers = [...new Set(approval.requirements.flatMap(({ issuers: whose }) => whose))];
    const isOfMine = issuers.includes(person.issuer.replace(/\/$/, ''));
    return `Decided by ${groups.join(', ')}${isOfMine ? '' : ` of ${issuers.join(', ')}`}: you are in none of these groups.`;
  }
  if (isOwn(approval.persons, person)) return 'Nobody decides on a statement of their own.';
  if (hasDecided(approval, person)) return 'You have decided. Others have to, too.';
  return null;
}

const SHOWN_TEXT = 300;
const beginning = (text: string): string => (text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)} …` : text);

function listedOf(
  approval: Approval,
  who: SignedIn,
  { masked, policies }: Pick<ApiParts, 'masked' | 'policies'>,
): z.input<typeof listed> {
  const { id, statement_id, session_id, state, asked_at, expires_at, changed_at, client_id, requirements } = approval;
  const { statement, purpose, reported, decisions } = approval;
  const shown = masked({ statement, purpose, reported, decisions });
  const inForce = policies().set.version;
  return {
    id,
    statement_id,
    session_id,
    state,
    asked_at,
    expires_at,
    changed_at,
    agent: approval.subject,
    issuer: approval.issuer,
    client_id,
    kind: approval.about?.kind ?? '',
    text: beginning(shown.statement),
    purpose: shown.purpose,
    estimate: approval.about?.estimate ?? { bytes: null, rows: null },
    requirements: [...requirements],
    approvals: approval.decisions.filter(({ decision }) => decision === 'approve').length,
    is_outdated: isOutdated({ ...approval, policies_in_force: inForce }),
    known: knownShown(approval, shown, inForce),
    barred: barredBy(approval, who),
  };
}

export const approvals = route({
  method: 'get',
  path: '/approvals',
  summary:
    'What waits for a person, the soonest end first, or what waited, the last to end first; or those behind one of them',
  query: z.object({
    state: z.enum([...APPROVAL_STATES, 'all']).default('pending'),
    after: z.uuid().optional(),
    limit: limitOf(100, 200),
  }),
  answer: z.object({
    approvals: z.array(listed),
    next: z.string().nullable(),
    /** So many, or more where `is_more` says so. */
    total: z.number(),
    is_more: z.boolean(),
  }),
  handle: async ({ query: { state, after, limit }, who, parts }) => {
    const only = state === 'all' ? undefined : state;
    const { approvals: found, next } = await parts.approvals.list({ state: only, limit, after });
    const { count, isMore } = await parts.approvals.count(only);
    return {
      approvals: found.map((approval) => listedOf(approval, who, parts)),
      next: next ?? null,
      total: Math.max(count, found.length),
      is_more: isMore,
    };
  },
});

const detail = listed.extend({
  statement: z.array(sqlPart),
  differences: z.array(sqlDifference),
  sent: z.array(sqlPart),
  binds: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])),
  about: aboutApproval.nullable(),
  /** Where its result is wanted as a file: of which format. */
  format: z.string().nullable(),
  policy_version: z.string(),
  /** The policies have changed since: the agent has to ask anew. */
  decisions: z.array(
    z.object({
      reviewer: z.string(),
      decision: z.string(),
      reason: z.string().nullable(),
      standing_ms: z.number().nullable(),
      standing_uses: z.number().nullable(),
      decided_at: date,
    }),
  ),
  history: z.array(shownStatement),
  is_masked: z.boolean(),
  max_standing_minutes: z.number(),
  /** How wide a standing approval would be: the statement with its holes, and what stands in them now. */
  shape: z.object({
    text: z.array(sqlPart),
    holes: z.array(z.object({ where: z.string(), kind: z.string(), example: z.string() })),
  }),
});

async function detailOf(
  approval: Approval,
  who: SignedIn,
  parts: ApiParts,
  isWhole: boolean,
): Promise<z.input<typeof detail>> {
  const { statement, sent, binds, purpose, reported, decisions } = approval;
  const whole = {
    statement,
    sent,
    binds,
    purpose,
    reported,
    decisions,
    shape: { text: approval.shape.text, holes: approval.shape.holes },
  };
  const shown = isWhole ? whole : parts.masked(whole);
  return {
    ...listedOf(approval, who, parts),
    purpose: shown.purpose,
    known: knownShown(approval, shown, parts.policies().set.version),
    statement: highlighted(shown.statement),
    sent: highlighted(shown.sent),
    differences: differences(shown.statement, shown.sent),
    binds: [...shown.binds],
    about: approval.about,
    format: approval.format ?? null,
    policy_version: approval.policy_version,
    decisions: shown.decisions.map(({ approval_id: _id, persons: _names, ...decision }) => decision),
    history: [...(await parts.overview.history(approval, approval.statement_id, HISTORY))],
    is_masked: JSON.stringify(shown) !== JSON.stringify(whole),
    max_standing_minutes: MAX_STANDING_MS / 60_000,
    shape: {
      // Read with its holes as literals, shown with each as what it takes.
      text: highlighted(shown.shape.text).map((part) => {
        const text = shapeText(part.text);
        return text === part.text ? part : { kind: 'number' as const, text };
      }),
      holes: [...shown.shape.holes],
    },
  };
}

async function approvalOf(parts: ApiParts, id: string): Promise<Approval> {
  const approval = await parts.approvals.get(id);
  if (!approval) throw new ApiProblem(404, 'There is no such approval.');
  return approval;
}

export const approval = route({
  method: 'get',
  path: '/approvals/:id',
  summary: 'One of them, with what it would touch and what the agent did before',
  answer: detail,
  handle: async ({ params, who, parts }) => detailOf(await approvalOf(parts, idOf(params)), who, parts, false),
});

export const wholeApproval = route({
  method: 'post',
  path: '/approvals/:id/whole',
  summary:
    'The same with personal data and secrets in it, for its reviewers and for auditors; the look is recorded first',
  answer: detail,
  handle: async ({ params, who, parts }) => {
    const found = await approvalOf(parts, idOf(params));
    if (!mayDecide(found.requirements, who.person) && !who.roles.includes('auditor'))
      throw new ApiProblem(403, 'Only its reviewers and auditors may see it whole.');
    await parts.transcript.recorder.append({
      kind: 'record_viewed',
      sessionId: undefined,
      statementId: undefined,
      body: {
        auditor: who.person.subject,
        issuer: who.person.issuer,
        session: found.session_id,
        approval: found.id,
        via: 'console',
      },
    });
    return detailOf(found, who, parts, true);
  },
});

const MISSING = {
  'no mail address': [
    403,
    'Your sign-in brought no mail address, or one that is not verified: nobody can tell whether you are somebody who has a part in this already. The identity provider has to give the claim "email" (scope email). Saying no is open to you.',
  ],
  'agent without mail address': [
    403,
    'The agent\'s token is of another issuer and has no mail address: nobody can tell whether the statement is your own. That issuer has to put the claim "email" into it. Saying no is open to you.',
  ],
} as const;

const REFUSED: Readonly<Record<DecisionRefused['problem'], readonly [ApiProblem['status'], string]>> = {
  'not found': [404, 'There is no such approval.'],
  'not pending': [409, 'It is no longer open.'],
  'not a reviewer': [403, 'You are in none of the groups that may decide on this statement.'],
  'own statement': [403, 'Nobody decides on a statement of their own.'],
  'decided before': [409, 'You have decided on this statement before.'],
  ...MISSING,
  'not in that form': [400, 'Only an approval can hold for longer, and for a day at most.'],
};

async function deciding<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DecisionRefused) {
      const [status, message] = REFUSED[error.problem];
      throw new ApiProblem(status, error.approval ? `It ${decidedWords(error.approval)}` : message);
    }
    throw error;
  }
}

export const decide = route({
  method: 'post',
  path: '/approvals/:id/decision',
  summary: 'Approve or deny',
  body: z.object({
    decision: z.enum(['approve', 'deny']),
    reason: z.string().trim().max(1000).optional(),
    standing_minutes: z
      .number()
      .int()
      .min(1)
      .max(MAX_STANDING_MS / 60_000)
      .optional(),
    /** How often, with `standing_minutes`. */
    standing_uses: z.number().int().min(1).max(MAX_STANDING_USES).default(STANDING_USES),
  }),
  answer: detail,
  handle: async ({ params, body, who, parts }) => {
    const { decision, reason, standing_minutes: minutes, standing_uses: standingUses } = body;
    const after = await deciding(() =>
      parts.approvals.decide(idOf(params), who.person, {
        decision,
        reason: saidIn(reason),
        standingMs: minutes === undefined ? undefined : minutes * 60_000,
        standingUses,
        via: 'console',
      }),
    );
    return detailOf(after, who, parts, false);
  },
});

export const standing = route({
  method: 'get',
  path: '/standing',
  summary: 'Approvals that hold for a while; or those behind one of them',
  query: z.object({ after: z.uuid().optional() }),
  answer: z.object({
    next: z.string().nullable(),
    standing: z.array(
      z.object({
        id: z.string(),
        approval_id: z.string(),
        shape: z.string(),
        format: z.string().nullable(),
        uses: z.number(),
        max_uses: z.number(),
        agent: z.string(),
        issuer: z.string(),
        granted_at: date,
        expires_at: date,
        may_revoke: z.boolean(),
      }),
    ),
  }),
  handle: async ({ query: { after }, who, parts }) => {
    const page = await parts.approvals.listStanding(after);
    return {
      next: page.next ?? null,
      standing: page.standing.map((entry) => ({
        id: entry.id,
        approval_id: entry.approval_id,
        shape: shapeText(parts.masked({ shape: entry.shape }).shape),
        format: entry.format ?? null,
        uses: entry.uses,
        max_uses: entry.max_uses,
        agent: entry.subject,
        issuer: entry.issuer,
        granted_at: entry.granted_at,
        expires_at: entry.expires_at,
        may_revoke: mayDecide(entry.requirements, who.person),
      })),
    };
  },
});

export const revoke = route({
  method: 'delete',
  path: '/standing/:id',
  summary: 'End one that holds for a while',
  answer: z.object({ revoked: z.boolean() }),
  handle: async ({ params, who, parts }) => {
    await deciding(() => parts.approvals.revoke(idOf(params), who.person, 'console'));
    return { revoked: true };
  },
});
