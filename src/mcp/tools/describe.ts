/** The tool that lists what somebody may see. */
import { z } from 'zod';
import { showRows } from '../../gateway/index.js';
import { methodName } from '../../masking/index.js';
import { showObject } from '../../sql/index.js';
import { naming } from '../naming.js';
import { fenced, untrusted } from '../text.js';
import { untrustedShape, withoutGaps } from './answered.js';
import type { Tool, ToolResult } from './tool.js';

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

export const describe: Tool = {
  name: 'describe',
  title: 'Describe tables',
  description:
    'Lists the databases, schemas, tables and views that you may see, or one table with its columns, their types and comments, and how each is masked for you. Start here before writing SQL.',
  input: describeInput,
  output: z.object({
    truncated: z.boolean(),
    notices: z.array(z.string()),
    ...untrustedShape({
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
    }),
  }),
  isReadOnly: true,
  call: async (input, { gateway, caller, toolPrefix }) => {
    const { object } = describeInput.parse(input);
    const [database, schema, name] = nameParts(object ?? '');
    const nothing = gateway.visible.nothing(caller.principal);
    if (nothing) return notAllowed([nothing.message, nothing.hint].filter(Boolean).join(' '));
    if (database !== undefined && schema !== undefined && name !== undefined) {
      const relation = await gateway.visible.relation(caller.principal, database, schema, name);
      if (!relation) return notVisible(object ?? '', toolPrefix);
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
        text: [...notices, fenced([`${entry.object} (${entry.kind})`, ...lines].join('\n'))].join('\n'),
        structured: { truncated: false, notices, ...untrusted('names and comments', { objects: [entry], columns }) },
        isError: false,
      };
    }
    const { objects, isTruncated } = await gateway.visible.objects(caller.principal, database, schema, DESCRIBE_LIMIT);
    if (objects.length === 0 && object !== undefined) return notVisible(object, toolPrefix);
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
      structured: {
        truncated: isTruncated,
        notices,
        ...untrusted('names and comments', { objects: entries, columns: [] }),
      },
      isError: false,
    };
  },
};

const notAllowed = (why: string): ToolResult => ({
  text: why,
  structured: { truncated: false, notices: [why], ...untrusted('names and comments', { objects: [], columns: [] }) },
  isError: false,
});

const notVisible = (object: string, toolPrefix: string): ToolResult => ({
  text: `There is no ${object} that you may see. ${naming(toolPrefix)('Call the describe tool without an object to list what there is.')}`,
  structured: {
    truncated: false,
    notices: [`There is no ${object} that you may see.`],
    ...untrusted('names and comments', { objects: [], columns: [] }),
  },
  isError: false,
});
