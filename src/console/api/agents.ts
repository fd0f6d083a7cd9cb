/** Who the agents are: what each may do, what it did. */
import { z } from 'zod';
import { describeStanding } from '../../policy/index.js';
import { ApiProblem, route } from './route.js';
import { date, shownStatement } from './shapes.js';

const DAY_MS = 86_400_000;
const ACTIVE_MS = 90 * DAY_MS;
const COUNTED_MS = 7 * DAY_MS;

const summary = z.object({
  issuer: z.string(),
  agent: z.string(),
  client_id: z.string(),
  groups: z.array(z.string()),
  last_at: date,
  statements: z.number(),
  refused: z.number(),
});

export const agents = route({
  method: 'get',
  path: '/agents',
  summary: 'Agents of the last 90 days, with their statements of the last seven',
  answer: z.object({ agents: z.array(summary) }),
  handle: async ({ parts }) => {
    const at = Date.now();
    const found = await parts.overview.agents(new Date(at - ACTIVE_MS), new Date(at - COUNTED_MS));
    return { agents: [...found].sort((left, right) => right.last_at.getTime() - left.last_at.getTime()) };
  },
});

export const agent = route({
  method: 'get',
  path: '/agent',
  summary: 'One agent: the policies for it, what it reads, what it was refused, what it did last',
  query: z.object({ name: z.string().min(1).max(500), issuer: z.string().max(500).optional() }),
  answer: z.object({
    agent: summary,
    policies: z.array(z.object({ name: z.string(), words: z.array(z.string()) })),
    tables: z.array(z.object({ name: z.string(), count: z.number() })),
    refused: z.array(z.object({ name: z.string(), count: z.number() })),
    history: z.array(shownStatement),
  }),
  handle: async ({ query: { name, issuer }, parts }) => {
    const at = Date.now();
    const found = await parts.overview.agents(new Date(at - ACTIVE_MS), new Date(at - COUNTED_MS));
    const [known, another] = found.filter(
      (entry) => entry.agent === name && (issuer === undefined || entry.issuer === issuer),
    );
    if (!known) throw new ApiProblem(404, 'There is no such agent.');
    if (another)
      throw new ApiProblem(
        409,
        `There are two agents of that name, of ${known.issuer} and ${another.issuer}.`,
        'Say which: issuer=…',
      );
    const whose = { issuer: known.issuer, subject: known.agent };
    const policies = parts.gateway.policiesFor({
      issuer: known.issuer,
      subject: known.agent,
      clientId: known.client_id,
      groups: known.groups,
      claims: {},
    });
    return {
      agent: known,
      policies: policies.map((policy) => ({ name: policy.name, words: describeStanding([policy], 'They').slice(1) })),
      ...(await parts.overview.habits(whose, new Date(at - COUNTED_MS))),
      history: [...(await parts.overview.history(whose, new Date(at + DAY_MS), 50))],
    };
  },
});
