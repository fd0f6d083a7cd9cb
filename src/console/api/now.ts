/** What is going on. */
import { z } from 'zod';
import { route } from './route.js';
import { date, shownStatement } from './shapes.js';

const LIVE_MS = 30 * 60_000;
const HOUR_MS = 3_600_000;

export const me = route({
  method: 'get',
  path: '/me',
  summary: 'Who is signed in, and what goes along with requests that change something',
  answer: z.object({
    name: z.string(),
    subject: z.string(),
    issuer: z.string(),
    groups: z.array(z.string()),
    roles: z.array(z.string()),
    expires_at: date,
    version: z.string(),
  }),
  handle: async ({ who: { person, roles, expiresAt }, parts }) => ({
    name: person.name,
    subject: person.subject,
    issuer: person.issuer,
    groups: [...person.groups],
    roles: [...roles],
    expires_at: expiresAt,
    version: parts.version,
  }),
});

export const now = route({
  method: 'get',
  path: '/now',
  summary: 'Live sessions, the newest statements, verdicts of the last hour, who read most today',
  answer: z.object({
    sessions: z.array(
      z.object({
        id: z.string(),
        issuer: z.string(),
        agent: z.string(),
        groups: z.array(z.string()),
        transport: z.string(),
        client: z.object({ name: z.string().nullable(), version: z.string().nullable() }),
        opened_at: date,
        last_at: date,
        statements: z.number(),
        refused: z.number(),
        text: z.string().nullable(),
        purpose: z.string().nullable(),
        verdict: z.string().nullable(),
      }),
    ),
    statements: z.array(shownStatement),
    verdicts: z.array(z.object({ at: date, verdict: z.string(), statements: z.number() })),
    bytes: z.array(
      z.object({ issuer: z.string(), agent: z.string(), bytes: z.number(), rows: z.number(), statements: z.number() }),
    ),
    pending: z.number(),
    /** More than these may be pending. */
    is_more_pending: z.boolean(),
    policies: z.object({ version: z.string(), problem: z.string().nullable() }),
  }),
  handle: async ({ parts: { overview, approvals, policies } }) => {
    const at = Date.now();
    const { set, problem } = policies();
    const [sessions, statements, verdicts, bytes, pending] = await Promise.all([
      overview.live(new Date(at - LIVE_MS)),
      overview.newest(new Date(at - HOUR_MS), 60),
      overview.verdicts(new Date(at - HOUR_MS), 60),
      overview.bytesByAgent(new Date(at - 24 * HOUR_MS)),
      approvals.count('pending'),
    ]);
    return {
      sessions: [...sessions],
      statements: [...statements],
      verdicts: [...verdicts],
      bytes: [...bytes],
      pending: pending.count,
      is_more_pending: pending.isMore,
      policies: { version: set.version, problem: problem ?? null },
    };
  },
});
