/** The tool that lists what somebody may see. */
import { z } from 'zod';
import { type Caller, type Gateway, showRows, type VisiblePlace } from '../../gateway/index.js';
import { methodName } from '../../masking/index.js';
import { showObject } from '../../sql/index.js';
import { toldLine, toldName } from '../../visible-text/index.js';
import { naming } from '../naming.js';
import { fenced, untrusted } from '../text.js';
import { untrustedShape, withoutGaps } from './answered.js';
import type { Tool, ToolResult } from './tool.js';

const DESCRIBE_LIMIT = 500;
/** Of three names of 255 characters, as bytes in JSON that may stand for two characters each. */
const MAX_CURSOR = 8000;

const describeInput = z.object({
  object: z
    .string()
    .max(1000)
    .optional()
    .describe('Nothing for all that you may see; or DATABASE, DATABASE.SCHEMA, or DATABASE.SCHEMA.TABLE.'),
  cursor: z
    .string()
    .max(MAX_CURSOR)
    .optional()
    .describe('From an answer of this tool for the same object: its cursor, for those that come after.'),
});

/** Throws where this caller was given no such cursor. */
function placeOf(gateway: Gateway, caller: Caller, cursor: string): VisiblePlace {
  const place = gateway.placeOf(caller, cursor);
  if (!place) throw new Error('This cursor is from no answer of the describe tool. Call it without one to begin anew.');
  return place;
}

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
    cursor: z
      .string()
      .nullable()
      .describe('For this tool, with the same object: where those after these are. null where there are none.'),
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
    const { object, cursor } = describeInput.parse(input);
    const [database, schema, name] = nameParts(object ?? '');
    const nothing = gateway.visible.nothing(caller.principal);
    if (nothing) return notAllowed(toldLine([nothing.message, nothing.hint].filter(Boolean).join(' ')));
    if (database !== undefined && schema !== undefined && name !== undefined) {
      const relation = await gateway.relation(caller, database, schema, name);
      if (!relation) return notVisible(object ?? '', toolPrefix);
      const columns = relation.columns.map((column) =>
        withoutGaps({
          name: column.name,
          type: column.type,
          comment: column.comment,
          mask: column.mask ? methodName(column.mask.method) : (relation.below?.masks.get(column.name) ?? null),
          reason: column.mask?.reason,
        }),
      );
      const notices = [
        ...relation.rowRules.map((rows) => toldLine(`You see only rows where ${showRows(rows)}.`)),
        ...(relation.below?.notices ?? []),
      ];
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
        structured: {
          truncated: false,
          cursor: null,
          notices,
          ...untrusted('names and comments', { objects: [entry], columns }),
        },
        isError: false,
      };
    }
    const { objects, next } = await gateway.visible.objects(caller.principal, database, schema, {
      limit: DESCRIBE_LIMIT,
      after: cursor === undefined ? undefined : placeOf(gateway, caller, cursor),
    });
    if (objects.length === 0 && !next && object !== undefined && cursor === undefined)
      return notVisible(object, toolPrefix);
    const entries = objects.map((entry) => ({
      object: showObject(entry),
      kind: entry.kind,
      comment: entry.comment,
      rows: entry.rows ?? null,
    }));
    const goesOn = next && gateway.cursorOf(caller, next);
    const notices = next ? ['There may be more, behind the cursor; naming a schema shows fewer.'] : [];
    const more =
      goesOn === undefined
        ? []
        : [
            naming(toolPrefix)(
              `There may be more: call the describe tool for the same with cursor ${goesOn}, or name a schema to see fewer.`,
            ),
          ];
    const lines = entries.map((entry) => `${entry.object}\t${entry.kind}\t${entry.rows ?? ''}\t${entry.comment}`);
    return {
      text: [`${entries.length} tables and views that you may see.`, ...more, fenced(lines.join('\n'))].join('\n'),
      structured: {
        truncated: next !== undefined,
        cursor: goesOn ?? null,
        notices,
        ...untrusted('names and comments', { objects: entries, columns: [] }),
      },
      isError: false,
    };
  },
};

const notAllowed = (why: string): ToolResult => ({
  text: why,
  structured: {
    truncated: false,
    cursor: null,
    notices: [why],
    ...untrusted('names and comments', { objects: [], columns: [] }),
  },
  isError: false,
});

const notVisible = (object: string, toolPrefix: string): ToolResult => {
  const none = `There is no ${toldName(object)} that you may see.`;
  return {
    text: `${none} ${naming(toolPrefix)('Call the describe tool without an object to list what there is.')}`,
    structured: {
      truncated: false,
      cursor: null,
      notices: [none],
      ...untrusted('names and comments', { objects: [], columns: [] }),
    },
    isError: false,
  };
};
