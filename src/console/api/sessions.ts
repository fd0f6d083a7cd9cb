/** Sessions, statements, search. */
import { z } from 'zod';
import { standingFacts } from '../../approval/index.js';
import {
  type Extract,
  foundStatement,
  SearchProblem,
  type StoredEvent,
  search as searchStatements,
  sessionSummary,
  sums,
} from '../../transcript/index.js';
import { type ApiParts, ApiProblem, idOf, route } from './route.js';
import { limitOf, shownEnd, shownStatement, statementEvent } from './shapes.js';
import { differences, highlighted, sqlDifference, sqlPart } from './sql-view.js';

export const sessions = route({
  method: 'get',
  path: '/sessions',
  summary: 'The newest sessions, or those before one of them',
  query: z.object({ agent: z.string().max(500).optional(), after: z.uuid().optional(), limit: limitOf(50, 200) }),
  answer: z.object({ sessions: z.array(sessionSummary), next: z.string().nullable() }),
  handle: async ({ query: { agent, after, limit }, parts }) => {
    const { sessions, next } = await parts.transcript.reader.sessions(agent, limit, { after });
    return { sessions: [...sessions], next: next ?? null };
  },
});

export const session = route({
  method: 'get',
  path: '/sessions/:id',
  summary: 'One session',
  answer: sessionSummary.extend({ sums }),
  handle: async ({ params, parts }) => {
    const { reader } = parts.transcript;
    const found = await reader.session(idOf(params));
    if (!found) throw new ApiProblem(404, 'There is no such session.');
    return { ...found, sums: await reader.sums(found.id) };
  },
});

export const sessionStatements = route({
  method: 'get',
  path: '/sessions/:id/statements',
  summary: 'What was asked in a session, in order, from after a statement on',
  query: z.object({ after: z.uuid().optional(), limit: limitOf(500, 1000) }),
  answer: z.object({ statements: z.array(shownStatement), more: z.boolean() }),
  handle: async ({ params, query: { after, limit }, parts }) => {
    const found = await parts.overview.statements(idOf(params), after, limit + 1);
    return { statements: found.slice(0, limit), more: found.length > limit };
  },
});

/** As the console shows it: without what checks the chain. */
const shown = (event: StoredEvent) => ({
  sequence: event.sequence,
  position: event.position,
  at: event.at,
  session: event.session,
  statement: event.statement,
  kind: event.kind,
  body: Object.fromEntries(Object.entries(event.body).filter(([name]) => name !== 'sealed')),
  end: shownEnd(event),
});

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const statementAnswer = z.object({
  events: z.array(statementEvent),
  /** How many more its session has: the first and the last of each kind are among the events. */
  left_out: z.number(),
  statement: z.array(sqlPart),
  differences: z.array(sqlDifference),
  /** Whether something stands masked in it that auditors may see. */
  is_masked: z.boolean(),
  /** The standing approval that it ran under: its id, and what is known of it; null where it ran under none. */
  standing: z
    .object({ approval: z.string(), facts: z.array(z.object({ name: z.string(), lines: z.array(z.string()) })) })
    .nullable(),
});

/** Of what its events name; nothing of an approval that is not there any more. */
async function standingIn(
  { approvals, masked }: ApiParts,
  { events }: Extract,
): Promise<z.input<typeof statementAnswer>['standing']> {
  const used = events.find(({ kind, body }) => kind === 'approval_used' && typeof body['standing'] === 'string');
  const approval = used && (await approvals.get(textOf(used.body['approval']) ?? ''));
  if (!approval) return null;
  const { shape, decisions, held, id, is_erased } = approval;
  const shown = masked({ shape: { text: shape.text, holes: shape.holes } }).shape;
  const facts = standingFacts({ decisions, held, is_erased, shape: { ...shape, text: shown.text } });
  return { approval: id, facts: facts.map(({ name, lines }) => ({ name, lines: [...lines] })) };
}

const statementView = (
  { events, leftOut }: Extract,
  standing: z.input<typeof statementAnswer>['standing'],
): z.input<typeof statementAnswer> => {
  const opening = events.find(({ kind }) => kind === 'statement_submitted' || kind === 'statement_refused');
  const statement = textOf(opening?.body['statement']) ?? '';
  const sent = textOf(opening?.body['sent']);
  return {
    events: events.map(shown),
    left_out: leftOut,
    statement: highlighted(statement),
    differences: sent === undefined ? [] : differences(statement, sent),
    is_masked: events.some(({ body }) => body['sealed'] !== undefined),
    standing,
  };
};

export const statement = route({
  method: 'get',
  path: '/statements/:id',
  summary: 'What happened to one statement; of what came again and again the first and the last',
  answer: statementAnswer,
  handle: async ({ params, parts }) => {
    const found = await parts.overview.eventsOf(idOf(params));
    if (found.events.length === 0) throw new ApiProblem(404, 'There is no such statement.');
    return statementView(found, await standingIn(parts, found));
  },
});

export const wholeStatement = route({
  method: 'post',
  path: '/statements/:id/whole',
  summary: 'The same with personal data and secrets in it; the look is recorded first',
  roles: ['auditor'],
  answer: statementAnswer,
  handle: async ({ params, who, parts }) => {
    const id = idOf(params);
    const { recorder, sessions: keys, vault } = parts.transcript;
    const found = await parts.overview.eventsOf(id);
    const { events, leftOut } = found;
    const [first] = events;
    if (!first) throw new ApiProblem(404, 'There is no such statement.');
    await recorder.append({
      kind: 'record_viewed',
      sessionId: undefined,
      statementId: undefined,
      body: {
        auditor: who.person.subject,
        issuer: who.person.issuer,
        session: first.session,
        statement: id,
        via: 'console',
      },
    });
    await keys.learnKey(first.session);
    const opened = events.map((event) => {
      const { body, closed } = vault.open(event.session, event.statement, event.body);
      return { ...event, body: closed.length > 0 ? { ...body, erased: closed } : body };
    });
    return statementView({ events: opened, leftOut }, await standingIn(parts, found));
  },
});

export const search = route({
  method: 'get',
  path: '/search',
  summary: 'Statements by the search syntax, newest first, in pages',
  query: z.object({ q: z.string().max(2000).default(''), cursor: z.uuid().optional(), limit: limitOf(50, 200) }),
  answer: z.object({
    statements: z.array(foundStatement),
    cursor: z.string().nullable(),
    sums,
    notes: z.array(z.string()),
  }),
  handle: async ({ query: { q, cursor, limit }, parts }) => {
    try {
      const result = await searchStatements(parts.transcript.readPool, q, { limit, cursor, now: new Date() });
      return {
        statements: [...result.statements],
        cursor: result.cursor ?? null,
        sums: result.sums,
        notes: [...result.notes],
      };
    } catch (error) {
      if (error instanceof SearchProblem)
        throw new ApiProblem(400, `Column ${error.column}: ${error.message}`, error.hint);
      throw error;
    }
  },
});
