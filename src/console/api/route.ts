/** What an address of /api takes and answers. The OpenAPI description is made of the same. */
import { z } from 'zod';
import type { Approvals } from '../../approval/index.js';
import type { Gateway } from '../../gateway/index.js';
import { readValue } from '../../mistakes/index.js';
import type { PolicySet } from '../../policy/index.js';
import type { Overview, TranscriptStore, Webhook } from '../../transcript/index.js';
import type { Role, SignedIn } from '../people/people.js';

export interface ApiParts {
  readonly gateway: Gateway;
  readonly approvals: Approvals;
  readonly transcript: TranscriptStore;
  readonly overview: Overview;
  readonly policies: () => {
    readonly set: PolicySet;
    readonly problem: string | undefined;
    /** Of a set that waits: which, what it opens, until when. In words. */
    readonly held: string | undefined;
  };
  readonly webhooks: readonly Pick<Webhook, 'name' | 'url'>[];
  /** What keeps events from a webhook although nothing failed, in a sentence. */
  readonly webhookProblem: (webhook: string) => string | undefined;
  /** Sends what a webhook was given up for once more; undefined where there is no such webhook. */
  readonly retryDead: (
    webhook: string,
  ) => Promise<{ readonly sent: number; readonly problem: string | undefined } | undefined>;
  /** The same with personal data and secrets masked. */
  readonly masked: <T extends object>(record: T) => T;
  readonly version: string;
}

export interface Call<Query, Body> {
  readonly who: SignedIn;
  /** Parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly parts: ApiParts;
}

export interface Route {
  readonly method: 'get' | 'post' | 'delete';
  /** Such as /approvals/:id, below /api. */
  readonly path: string;
  readonly summary: string;
  /** Who may call it; undefined for everybody who has any role. */
  readonly roles: readonly Role[] | undefined;
  readonly query: z.ZodObject | undefined;
  readonly body: z.ZodObject | undefined;
  readonly answer: z.ZodType;
  readonly handle: (call: Call<unknown, unknown>) => Promise<unknown>;
}

interface Shape<Query extends z.ZodObject, Body extends z.ZodObject, Answer extends z.ZodType> {
  readonly method: Route['method'];
  readonly path: string;
  readonly summary: string;
  readonly roles?: readonly Role[];
  readonly query?: Query;
  readonly body?: Body;
  readonly answer: Answer;
  readonly handle: (call: Call<z.output<Query>, z.output<Body>>) => Promise<z.input<Answer>>;
}

const NOTHING = z.object({});

export function route<
  Answer extends z.ZodType,
  Query extends z.ZodObject = typeof NOTHING,
  Body extends z.ZodObject = typeof NOTHING,
>(shape: Shape<Query, Body, Answer>): Route {
  const { query, body, roles, handle, ...rest } = shape;
  return {
    ...rest,
    roles,
    query,
    body,
    handle: (call) =>
      handle({
        ...call,
        query: asked(query ?? NOTHING, call.query, 'The address') as z.output<Query>,
        body: asked(body ?? NOTHING, call.body, 'The body') as z.output<Body>,
      }),
  };
}

/** What was asked with, by its shape. Throws ApiProblem. */
function asked(shape: z.ZodObject, given: unknown, whole: string): unknown {
  const { data, mistakes } = readValue(shape, given ?? {}, whole);
  if (mistakes) throw new ApiProblem(400, mistakes.map(({ message }) => message).join(' '));
  return data;
}

/** A no that the caller can do something about. */
export class ApiProblem extends Error {
  readonly status: 400 | 403 | 404 | 409;
  readonly hint: string | undefined;

  constructor(status: ApiProblem['status'], message: string, hint?: string) {
    super(message);
    this.name = 'ApiProblem';
    this.status = status;
    this.hint = hint;
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An id out of a path. What has not its form is not there. */
export function idOf(params: Readonly<Record<string, string>>, name = 'id'): string {
  const id = params[name] ?? '';
  if (!UUID.test(id)) throw new ApiProblem(404, 'There is nothing by that id.');
  return id;
}

const problemShape = z.object({ error: z.string(), hint: z.string().optional() });

// --- OpenAPI

const jsonSchema = (schema: z.ZodType, io: 'input' | 'output') =>
  z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    // Times travel as ISO 8601.
    override: ({ zodSchema, jsonSchema: json }) => {
      if (zodSchema._zod.def.type === 'date') Object.assign(json, { type: 'string', format: 'date-time' });
    },
  });

/** OpenAPI 3.1. */
export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, summary, query, body, answer, roles } of routes) {
    const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '');
    const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
      name,
      in: 'query',
      required: !(schema as z.ZodType).safeParse(undefined).success,
      schema: jsonSchema(schema as z.ZodType, 'input'),
    }));
    const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
    const address = `/api${path.replaceAll(/:(\w+)/g, '{$1}')}`;
    paths[address] = {
      ...paths[address],
      [method]: {
        summary: roles ? `${summary} (${roles.join(', ')})` : summary,
        parameters: [...inPath, ...inQuery],
        ...(body
          ? { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(body, 'input') } } } }
          : {}),
        responses: {
          200: { description: 'The answer', content: { 'application/json': { schema: jsonSchema(answer, 'output') } } },
          default: {
            description: 'A problem, in words',
            content: { 'application/json': { schema: jsonSchema(problemShape, 'output') } },
          },
        },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'snowfence',
      version,
      description:
        'What the console shows. Signed in by the session cookie; whatever changes something sends the header x-snowfence-csrf, which /api/me answers.',
    },
    components: {
      securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: 'snowfence' } },
    },
    security: [{ session: [] }],
    paths,
  };
}
