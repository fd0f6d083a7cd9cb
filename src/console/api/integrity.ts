/** How the record itself is doing, and what it is delivered to. */
import { z } from 'zod';
import { deadLetters, deliveryStates, verifierKeyOf } from '../../transcript/index.js';
import { ApiProblem, route } from './route.js';
import { date, storedEvent } from './shapes.js';

const WEEKS_MS = 35 * 86_400_000;

/** Where an event names who did it. */
const NAMING = ['auditor', 'placed_by', 'lifted_by', 'opened_by', 'by'] as const;

const namedIn = (body: Readonly<Record<string, unknown>>): string | undefined =>
  NAMING.map((key) => body[key]).find((name): name is string => typeof name === 'string' && name !== '');

export const integrity = route({
  method: 'get',
  path: '/integrity',
  summary: 'Checkpoints, verifications, acts on the record, delivery of webhooks',
  answer: z.object({
    events: z.number(),
    sessions: z.number(),
    /** Sessions with events that no checkpoint covers yet. */
    uncovered: z.number(),
    running: z.number(),
    size: z.number(),
    key: z.string(),
    /** What this gateway found changed in the store; it signs nothing since. */
    problem: z.string().nullable(),
    /** Whether statements are run all the same. */
    goes_on: z.boolean(),
    checkpoints: z.array(z.object({ size: z.number(), note: z.string(), at: date.nullable() })),
    /** `by`: whoever the event names, else whose session it stands in. */
    acts: z.array(storedEvent.extend({ by: z.string() })),
    /** How many more there are: the newest of each kind are among the acts. */
    acts_left_out: z.number(),
    webhooks: z.array(
      z.object({
        name: z.string(),
        url: z.string(),
        delivered_at: date.nullable(),
        failing: z.number(),
        /** What keeps events from it although nothing failed. */
        behind: z.string().nullable(),
        problem: z.string().nullable(),
        dead: z.number(),
      }),
    ),
    dead: z.array(
      z.object({
        webhook: z.string(),
        session_id: z.string(),
        position: z.number(),
        given_up_at: date,
        problem: z.string(),
      }),
    ),
  }),
  handle: async ({ parts: { overview, transcript, webhooks, webhookProblem } }) => {
    const [found, states, dead] = await Promise.all([
      overview.integrity(new Date(Date.now() - WEEKS_MS)),
      deliveryStates(transcript.readPool),
      deadLetters(transcript.readPool, undefined),
    ]);
    return {
      ...found,
      key: verifierKeyOf(transcript.keys),
      problem: transcript.integrityProblem ?? null,
      goes_on: transcript.goesOnInDoubt,
      checkpoints: [...found.checkpoints],
      acts_left_out: found.acts.leftOut,
      acts: found.acts.events.map(({ sequence, position, at, session, statement, kind, body, by }) => ({
        sequence,
        position,
        at,
        session,
        statement,
        kind,
        body: { ...body },
        by: namedIn(body) ?? (by.is === 'gateway' ? 'a gateway itself' : `${by.name}, at the command line`),
      })),
      webhooks: webhooks.map(({ name, url }) => {
        const state = states.find(({ webhook }) => webhook === name);
        return {
          name,
          // Secrets of some receivers stand in the path.
          url: new URL(url).origin,
          delivered_at: state?.delivered_at ?? null,
          failing: state?.failing ?? 0,
          behind: webhookProblem(name) ?? null,
          problem: state?.problem ?? null,
          dead: state?.dead ?? 0,
        };
      }),
      dead: dead.slice(0, 50).map(({ webhook, session_id, position, given_up_at, problem }) => ({
        webhook,
        session_id,
        position,
        given_up_at,
        problem,
      })),
    };
  },
});

export const retry = route({
  method: 'post',
  path: '/webhooks/:name/retry',
  summary: 'Send what a webhook was given up for once more',
  roles: ['administrator'],
  answer: z.object({ sent: z.number(), problem: z.string().nullable() }),
  handle: async ({ params, parts }) => {
    const done = await parts.retryDead(params['name'] ?? '');
    if (!done) throw new ApiProblem(404, 'There is no such webhook.');
    return { sent: done.sent, problem: done.problem ?? null };
  },
});
