/**
 * The tools, as data: name, words, input, output, and what each calls in the gateway. Descriptions are for the model that reads
 * them.
 */
import { z } from 'zod';
import { type Answer, type Caller, type Gateway, type QueryRequest, showRows } from '../gateway/index.js';
import { methodName } from '../masking/index.js';
import { shownUses, showObject, withoutViews } from '../sql/index.js';
import { answerText, fenced } from './text.js';

export interface CallContext {
  readonly gateway: Gateway;
  readonly caller: Caller;
  /** Where people look at approvals. */
  readonly consoleUrl: string;
  readonly signal: AbortSignal;
  readonly onProgress: (message: string) => void;
  /** What is left is to wait, for the warehouse or for a person. */
  readonly onWaiting: () => void;
}

export interface ToolResult {
  readonly text: string;
  readonly structured: Record<string, unknown>;
  readonly isError: boolean;
}

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject | undefined;
  readonly isReadOnly: boolean;
  readonly call: (input: unknown, context: CallContext) => Promise<ToolResult>;
}

const bind = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const sql = z
  .string()
  .max(1_048_576)
  .describe('One Snowflake SQL statement. Write names in full: DATABASE.SCHEMA.TABLE.');
const purpose = z
  .string()
  .max(4000)
  .describe('In one sentence: what the user asked for. It is recorded and shown to reviewers.');
const session = z.string().max(64).describe('The session of an earlier answer, to keep one transcript.');
const binds = z.array(bind).max(1000).describe('Values for ? or :1, :2 in the statement.');

const queryInput = z.object({
  sql,
  purpose: purpose.optional(),
  max_rows: z
    .number()
    .int()
    .positive()
    .max(1_000_000)
    .optional()
    .describe('At most this many rows; your policy may allow fewer.'),
  binds: binds.optional(),
  session: session.optional(),
});

const position = z.object({ line: z.number(), column: z.number() });

const denialShape = z.object({
  code: z.string(),
  message: z.string(),
  policy: z.string().optional(),
  rule: z.string().optional(),
  position: position.optional(),
  hint: z.string().optional(),
});

const queryOutput = z.object({
  status: z.enum(['ok', 'denied', 'approval_required', 'error']),
  statement_id: z.string(),
  session: z.string().nullable(),
  columns: z.array(z.object({ name: z.string(), type: z.string(), mask: z.string().nullable() })),
  rows: z.array(z.array(z.unknown())),
  row_count: z.number(),
  truncated: z.boolean(),
  cursor: z.string().nullable(),
  notices: z.array(z.string()),
  query_id: z.string().nullable(),
  duration_ms: z.number(),
  denial: denialShape.optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  approval: z.object({ id: z.string(), url: z.string(), expires_at: z.string() }).optional(),
});

/** The answer with the names of the outside. */
function structured(answer: Answer, consoleUrl: string): Record<string, unknown> {
  return {
    status: answer.status,
    statement_id: answer.statementId,
    session: answer.session,
    columns: answer.columns.map(({ name, type, mask }) => ({ name, type, mask })),
    rows: answer.rows,
    row_count: answer.rows.length,
    truncated: answer.isTruncated,
    cursor: answer.cursor,
    notices: answer.notices,
    query_id: answer.queryId,
    duration_ms: answer.durationMs,
    ...(answer.denial ? { denial: withoutGaps(answer.denial) } : {}),
    ...(answer.error ? { error: answer.error } : {}),
    ...(answer.approval
      ? {
          approval: {
            id: answer.approval.id,
            url: `${consoleUrl}/approvals/${answer.approval.id}`,
            expires_at: answer.approval.expiresAt,
          },
        }
      : {}),
  };
}

const withoutGaps = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));

const resultOf = (answer: Answer, { consoleUrl }: CallContext): ToolResult => ({
  text: answerText(answer, consoleUrl),
  structured: structured(answer, consoleUrl),
  isError: answer.status === 'error',
});

const requestOf = (input: z.infer<typeof queryInput>, context: CallContext): QueryRequest => ({
  sql: input.sql,
  purpose: input.purpose,
  maxRows: input.max_rows,
  binds: input.binds,
  session: input.session,
  signal: context.signal,
  onProgress: context.onProgress,
  onWaiting: context.onWaiting,
});

const query: Tool = {
  name: 'query',
  title: 'Run SQL on Snowflake',
  description:
    'Runs one SQL statement on Snowflake under the policies that apply to you, and answers its rows. Some columns may be masked and some rows hidden; the answer says which. A denied statement has not run: the denial says why and what would work. Everything is recorded.',
  input: queryInput,
  output: queryOutput,
  isReadOnly: false,
  call: async (input, context) =>
    resultOf(await context.gateway.query(context.caller, requestOf(queryInput.parse(input), context)), context),
};

const fetchInput = z.object({
  cursor: z.string().max(100).describe('From an answer to query or fetch.'),
  max_rows: queryInput.shape.max_rows,
});

const fetchRows: Tool = {
  name: 'fetch',
  title: 'Fetch more rows',
  description:
    'The next rows of a result that did not fit into one answer. Takes the cursor of the answer before; the answer carries the next one, or null at the end.',
  input: fetchInput,
  output: queryOutput,
  isReadOnly: true,
  call: async (input, context) => {
    const { cursor, max_rows: maxRows } = fetchInput.parse(input);
    return resultOf(await context.gateway.fetch(context.caller, cursor, { maxRows, signal: context.signal }), context);
  },
};

const explainInput = queryInput.omit({ max_rows: true });

const explain: Tool = {
  name: 'explain',
  title: 'Explain a verdict',
  description:
    'Says what would happen to a statement without running it: whether it would be allowed, denied or need approval, by which rules, which objects and columns it touches, what would be masked, and how much it would scan at most.',
  input: explainInput,
  output: z.object({
    verdict: z.enum(['allow', 'deny', 'approve', 'error']),
    statement_id: z.string(),
    session: z.string().nullable(),
    kind: z.string().nullable(),
    objects: z.array(z.object({ object: z.string(), access: z.string(), via: z.array(z.string()) })),
    columns: z.array(z.string()),
    rules: z.array(
      z.object({ effect: z.string(), kind: z.string(), object: z.string(), policy: z.string(), rule: z.string() }),
    ),
    masks: z.array(z.object({ column: z.string(), mask: z.string(), rule: z.string(), reason: z.string().optional() })),
    row_predicates: z.array(z.object({ object: z.string(), where: z.string(), rule: z.string() })),
    approval_groups: z.array(z.string()),
    estimated_bytes: z.number().nullable(),
    denial: denialShape.optional(),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
  }),
  isReadOnly: true,
  call: async (input, context) => {
    const parsed = explainInput.parse(input);
    const { judged, bytes, answer } = await context.gateway.explain(context.caller, requestOf(parsed, context));
    const { analysis, verdict } = judged;
    const denial = answer.denial;
    const decision = answer.status === 'error' ? 'error' : denial ? 'deny' : (verdict?.decision ?? 'deny');
    // Of a statement that is refused nothing is told that only a view's text names.
    const isRefused = decision === 'deny' || decision === 'error';
    const shown = isRefused && analysis ? withoutViews(analysis) : analysis;
    const beyond = new Set(
      isRefused ? analysis?.objects.flatMap(({ object, via }) => (via.length > 0 ? showObject(object) : [])) : [],
    );
    const isShown = (object: string): boolean => !beyond.has(object);
    const masks = verdict?.masks.filter(({ object }) => isShown(showObject(object))) ?? [];
    const rows = verdict?.rows.filter(({ object }) => isShown(showObject(object))) ?? [];
    const out = {
      verdict: decision,
      statement_id: answer.statementId,
      session: answer.session,
      kind: judged.statement?.kind ?? null,
      ...shownUses(shown),
      rules: verdict?.rules.filter(({ object }) => isShown(object)) ?? [],
      masks: masks.map((mask) =>
        withoutGaps({
          column: `${showObject(mask.object)}.${mask.column}`,
          mask: methodName(mask.method),
          rule: mask.rule,
          reason: mask.reason,
        }),
      ),
      row_predicates: rows.map((entry) => ({
        object: showObject(entry.object),
        where: showRows(entry),
        rule: entry.rule,
      })),
      approval_groups: [...new Set(verdict?.approval?.requirements.flatMap(({ groups }) => groups) ?? [])],
      estimated_bytes: bytes ?? null,
      ...(denial ? { denial: withoutGaps(denial) } : {}),
      ...(answer.error ? { error: answer.error } : {}),
    };
    const lines = [
      denial || answer.status === 'error' ? answerText(answer, context.consoleUrl) : `Verdict: ${decision}.`,
      ...out.rules.map((rule) => `${rule.effect} ${rule.kind} on ${rule.object}: ${rule.policy}, ${rule.rule}`),
      ...out.masks.map((mask) => `masked ${String(mask['column'])}: ${String(mask['mask'])}, ${String(mask['rule'])}`),
      ...out.row_predicates.map((rows) => `rows of ${rows.object} where ${rows.where}, ${rows.rule}`),
      ...(bytes === undefined ? [] : [`At most ${bytes} bytes would be scanned.`]),
    ];
    return { text: lines.join('\n'), structured: out, isError: answer.status === 'error' };
  },
};

const DESCRIBE_LIMIT = 500;

const describeInput = z.object({
  object: z
    .string()
    .max(1000)
    .optional()
    .describe('Nothing for all that you may see; or DATABASE, DATABASE.SCHEMA, or DATABASE.SCHEMA.TABLE.'),
});

/** Dotted parts, folded where unquoted. */
function nameParts(text: string): string[] {
  return [...text.matchAll(/"((?:[^"]|"")+)"|([^".\s]+)/g)].map(
    (match) => match[1]?.replaceAll('""', '"') ?? (match[2] ?? '').toUpperCase(),
  );
}

const describe: Tool = {
  name: 'describe',
  title: 'Describe tables',
  description:
    'Lists the databases, schemas, tables and views that you may see, or one table with its columns, their types and comments, and how each is masked for you. Start here before writing SQL.',
  input: describeInput,
  output: z.object({
    objects: z.array(
      z.object({ object: z.string(), kind: z.string(), comment: z.string(), rows: z.number().nullable() }),
    ),
    columns: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        comment: z.string(),
        mask: z.string().nullable(),
        reason: z.string().optional(),
      }),
    ),
    truncated: z.boolean(),
    notices: z.array(z.string()),
  }),
  isReadOnly: true,
  call: async (input, { gateway, caller }) => {
    const { object } = describeInput.parse(input);
    const [database, schema, name] = nameParts(object ?? '');
    if (database !== undefined && schema !== undefined && name !== undefined) {
      const relation = await gateway.visible.relation(caller.principal, database, schema, name);
      if (!relation) return notVisible(object ?? '');
      const columns = relation.columns.map((column) =>
        withoutGaps({
          name: column.name,
          type: column.type,
          comment: column.comment,
          mask: column.mask ? methodName(column.mask.method) : null,
          reason: column.mask?.reason,
        }),
      );
      const notices = relation.rowRules.map((rows) => `You see only rows where ${showRows(rows)}.`);
      const lines = columns.map(
        (column) =>
          `${String(column['name'])}\t${String(column['type'])}\t${column['mask'] === null ? '' : `masked: ${String(column['mask'])}`}\t${String(column['comment'])}`,
      );
      const entry = {
        object: showObject(relation),
        kind: relation.kind,
        comment: relation.comment,
        rows: relation.rows ?? null,
      };
      return {
        text: [`${entry.object} (${entry.kind})`, ...notices, fenced(lines.join('\n'))].join('\n'),
        structured: { objects: [entry], columns, truncated: false, notices },
        isError: false,
      };
    }
    const { objects, isTruncated } = await gateway.visible.objects(caller.principal, database, schema, DESCRIBE_LIMIT);
    if (objects.length === 0 && object !== undefined) return notVisible(object);
    const entries = objects.map((entry) => ({
      object: showObject(entry),
      kind: entry.kind,
      comment: entry.comment,
      rows: entry.rows ?? null,
    }));
    const notices = isTruncated ? [`Only the first ${DESCRIBE_LIMIT} are listed; name a schema to see fewer.`] : [];
    const lines = entries.map((entry) => `${entry.object}\t${entry.kind}\t${entry.rows ?? ''}\t${entry.comment}`);
    return {
      text: [`${entries.length} tables and views that you may see.`, ...notices, fenced(lines.join('\n'))].join('\n'),
      structured: { objects: entries, columns: [], truncated: isTruncated, notices },
      isError: false,
    };
  },
};

const notVisible = (object: string): ToolResult => ({
  text: `There is no ${object} that you may see. Call describe without an object to list what there is.`,
  structured: { objects: [], columns: [], truncated: false, notices: [`There is no ${object} that you may see.`] },
  isError: false,
});

const whoami: Tool = {
  name: 'whoami',
  title: 'Who am I',
  description: 'Says who you are to snowfence, which policies apply to you in words, and your limits.',
  input: z.object({}),
  output: z.object({
    subject: z.string(),
    client_id: z.string(),
    issuer: z.string(),
    groups: z.array(z.string()),
    policies: z.array(z.string()),
    in_words: z.array(z.string()),
    policy_version: z.string(),
    limits: z.object({
      rows: z.number(),
      result_bytes: z.number(),
      timeout_ms: z.number(),
      statements_per_hour: z.number().nullable(),
      concurrent: z.number().nullable(),
    }),
  }),
  isReadOnly: true,
  call: async (_input, { gateway, caller }) => {
    const { principal } = caller;
    const { policies, words, version, limits } = gateway.visible.whoami(principal);
    const out = {
      subject: principal.subject,
      client_id: principal.clientId,
      issuer: principal.issuer,
      groups: principal.groups,
      policies,
      in_words: words,
      policy_version: version,
      limits: {
        rows: limits.rows,
        result_bytes: limits.resultBytes,
        timeout_ms: limits.timeoutMs,
        statements_per_hour: limits.statementsPerHour ?? null,
        concurrent: limits.concurrent ?? null,
      },
    };
    const name = `You are ${principal.subject}, in ${principal.groups.length > 0 ? principal.groups.join(', ') : 'no group'}.`;
    const standing = policies.length > 0 ? words : ['No policy names you: nothing is allowed.'];
    return { text: [name, ...standing].join('\n'), structured: out, isError: false };
  },
};

const MAX_WAIT_SECONDS = 50;

const approvalInput = z.object({
  id: z.string().max(64),
  wait_seconds: z
    .number()
    .min(0)
    .max(MAX_WAIT_SECONDS)
    .optional()
    .describe('How long to wait for the reviewer. Ask again when the answer is approval_required.'),
  withdraw: z.boolean().optional().describe('true: the statement is no longer wanted. Nothing runs.'),
  reason: z.string().max(1000).optional().describe('With withdraw: why.'),
});

/** What has become of an approval, after so many milliseconds at most. */
export const resumed = async (id: string, waitMs: number, context: CallContext): Promise<ToolResult> => {
  const { gateway, caller, signal, onProgress, onWaiting } = context;
  return resultOf(await gateway.resume(caller, id, { waitMs, signal, onProgress, onWaiting }), context);
};

const approval: Tool = {
  name: 'approval',
  title: 'Wait for an approval',
  description:
    'The state of a statement that waits for a reviewer. Once it is approved, this runs it, exactly once, and answers as query does. You can not approve anything yourself; you can withdraw what you asked for.',
  input: approvalInput,
  output: queryOutput,
  isReadOnly: false,
  call: async (input, context) => {
    const { id, wait_seconds: wait = 0, withdraw, reason } = approvalInput.parse(input);
    if (!withdraw) return resumed(id, wait * 1000, context);
    return resultOf(await context.gateway.withdraw(context.caller, id, reason), context);
  },
};

export const TOOLS: readonly Tool[] = [query, fetchRows, describe, explain, approval, whoami];
