/** The shape of a policy file. The same zod schema loads files and, as JSON Schema, helps editors. */
import { z } from 'zod';
import { DETECTOR_KINDS, type MaskMethod, type TextMask } from '../../masking/index.js';
import { closest } from '../../spelling/index.js';
import { STATEMENT_KINDS, type StatementKind } from '../../sql/index.js';
import { issuerKey } from './issuers.js';

const GROUPS = {
  read: ['select', 'describe', 'show', 'explain'],
  write: ['insert', 'update', 'delete', 'merge', 'copy_into_table', 'truncate'],
  ddl: ['create', 'alter', 'drop'],
  any: STATEMENT_KINDS,
} as const satisfies Record<string, readonly StatementKind[]>;

const kindName = z.enum([...STATEMENT_KINDS, 'read', 'write', 'ddl', 'any']);

/** Kinds with the groups written out. */
const kinds = z
  .array(kindName)
  .min(1)
  .transform((names): readonly StatementKind[] => [
    ...new Set(
      names.flatMap((name) => (name in GROUPS ? GROUPS[name as keyof typeof GROUPS] : [name as StatementKind])),
    ),
  ]);

/** What may stand in one place in several forms, and what is said of anything else: all of them, and what was likely meant. */
function forms(what: string, words: readonly string[], others: string) {
  const list = [...words, others].filter((form) => form !== '').join(', ');
  return {
    error: ({ input }: { readonly input?: unknown }): string => {
      const meant = typeof input === 'string' ? closest(input.toLowerCase(), words, MAX_DISTANCE) : undefined;
      const said = input === undefined ? 'Nothing' : JSON.stringify(input);
      return `${said} is no ${what}. There are: ${list}.${meant === undefined ? '' : ` Did you mean "${meant}"?`}`;
    },
  };
}

/** Letters between what was written and what was likely meant. */
const MAX_DISTANCE = 2;

const duration = z
  .string()
  .regex(/^\d+(?:ms|s|m|h|d)$/, 'a duration such as 30s, 15m or 2h')
  .transform((text) => {
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[/[a-z]+$/.exec(text)?.[0] ?? 's'] ?? 1000;
    return Number.parseInt(text, 10) * unit;
  });

const size = z.union(
  [
    z.number().int().positive(),
    z
      .string()
      .regex(/^\d+(?:\.\d+)?\s*(?:B|KB|MB|GB|TB)$/i, 'a size such as 500KB, 1MB or 2GB')
      .transform((text) => {
        const unit = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }[/[A-Z]+$/.exec(text.toUpperCase())?.[0] ?? 'B'] ?? 1;
        return Math.floor(Number.parseFloat(text) * unit);
      }),
  ],
  forms('size', [], 'a number of bytes, or one with its unit such as 500KB, 1MB or 2GB'),
);

const MASK_WORDS = ['null', 'redact', 'hash', 'email', 'deny'] as const;
const TEXT_MASK_WORDS = ['null', 'redact'] as const;
const DATE_PARTS = ['year', 'quarter', 'month', 'week', 'day'] as const;

const mask = z
  .union(
    [
      z.null(),
      z.enum(MASK_WORDS),
      z.strictObject({ constant: z.union([z.string(), z.number(), z.boolean()]) }),
      z.strictObject({ keep_first: z.number().int().positive().max(64) }),
      z.strictObject({ keep_last: z.number().int().positive().max(64) }),
      z.strictObject({ bucket: z.number().int().positive() }),
      z.strictObject({ truncate_date: z.enum(DATE_PARTS) }),
    ],
    forms(
      'mask',
      MASK_WORDS,
      `{ constant: VALUE }, { keep_first: 1 to 64 }, { keep_last: 1 to 64 }, { bucket: SIZE }, { truncate_date: ${DATE_PARTS.join(' or ')} }`,
    ),
  )
  .transform((value): MaskMethod => {
    // YAML reads a bare null as nothing at all; as a method it means the same.
    if (value === null) return { kind: 'null' };
    if (typeof value === 'string') return { kind: value };
    if ('constant' in value) return { kind: 'constant', value: value.constant };
    if ('keep_first' in value) return { kind: 'keep_first', count: value.keep_first };
    if ('keep_last' in value) return { kind: 'keep_last', count: value.keep_last };
    if ('bucket' in value) return { kind: 'bucket', size: value.bucket };
    return { kind: 'truncate_date', part: value.truncate_date };
  });

/** What may stand in the place of a text that a detector finds: no method that needs a key or the column's type. */
const textMask = z
  .union(
    [
      z.null(),
      z.enum(TEXT_MASK_WORDS),
      z.strictObject({ constant: z.string().max(200) }),
      z.strictObject({ keep_first: z.number().int().positive().max(64) }),
      z.strictObject({ keep_last: z.number().int().positive().max(64) }),
    ],
    forms('mask of a text', TEXT_MASK_WORDS, '{ constant: TEXT }, { keep_first: 1 to 64 }, { keep_last: 1 to 64 }'),
  )
  .transform((value): TextMask => {
    if (value === null) return { kind: 'null' };
    if (typeof value === 'string') return { kind: value };
    if ('constant' in value) return { kind: 'constant', value: value.constant };
    if ('keep_first' in value) return { kind: 'keep_first', count: value.keep_first };
    return { kind: 'keep_last', count: value.keep_last };
  });

/** A kind that is known, or a pattern of the policy's own in RE2's syntax, and what to call what it finds. */
const detector = z.union(
  [
    z.enum(DETECTOR_KINDS),
    z.strictObject({
      name: z
        .string()
        .regex(/^[a-z][a-z0-9_]{0,39}$/, 'a name in lower case, digits and underscores')
        .refine((name) => !(DETECTOR_KINDS as readonly string[]).includes(name), 'a name that no detector has already'),
      pattern: z.string().min(1).max(1000),
    }),
  ],
  forms(
    'detector',
    DETECTOR_KINDS,
    '{ name: NAME, pattern: PATTERN } with a name in lower case that no detector has already',
  ),
);

/** One issuer or several, as they are compared: without the slash at the end. */
const issuer = z
  .union(
    [z.url({ protocol: /^https?$/ }), z.array(z.url({ protocol: /^https?$/ })).min(1)],
    forms('issuer', [], 'an address such as https://login.example.com, or a list of them'),
  )
  .transform((value) => (Array.isArray(value) ? value : [value]).map(issuerKey));

/** An empty list looks as if it held for everybody, and holds for nobody. */
const names = z.array(z.string().min(1)).min(1, 'An empty list is nobody: name one at least, or leave it out.');

const who = {
  issuer: issuer.optional(),
  groups: names.optional(),
  subjects: names.optional(),
  claims: z
    .record(
      z.string(),
      z.union(
        [z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))],
        forms('value of a claim', [], 'a text, a number, true or false, a list of texts or numbers'),
      ),
    )
    .optional(),
};

const timeOfDay = z.string().regex(/^\d{2}:\d{2}$/, 'a time of a day, such as "08:00"');

const hours = z.strictObject({
  days: z
    .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
    .min(1)
    .optional(),
  between: z.tuple([timeOfDay, timeOfDay], 'two times of a day, such as ["08:00", "18:00"]').optional(),
  timezone: z.string().default('UTC'),
});

/** By how much a change may pass what its reviewers were told: rows, or a part of the rows that they were told of. */
const tolerance = z
  .union(
    [
      z.number().int().min(0),
      z.string().regex(/^(?:\d{1,2}(?:\.\d+)?|100)\s*%$/, 'a number of rows, or a part of them such as 10%'),
    ],
    forms('tolerance', [], 'a number of rows, or a part of them such as 10%'),
  )
  .transform((value) =>
    typeof value === 'number' ? { rows: value, share: 0 } : { rows: 0, share: Number.parseFloat(value) / 100 },
  );

const approvers = z.strictObject({
  issuer: issuer.optional(),
  groups: z.array(z.string().min(1)).min(1),
  count: z.number().int().positive().max(20).default(1),
  within: duration.default(900_000),
  tolerance: tolerance.default({ rows: 0, share: 0 }),
});

const globs = z.array(z.string().min(1)).min(1);

const rule = z.strictObject({
  allow: kinds.optional(),
  deny: kinds.optional(),
  approve: kinds.optional(),
  on: globs,
  reason: z.string().optional(),
  by: approvers.optional(),
  when: z
    .strictObject({
      no_where: z.boolean().optional(),
      purpose_missing: z.boolean().optional(),
      function: z.array(z.string().min(1)).min(1).optional(),
      bytes_scanned_over: size.optional(),
      rows_affected_over: z.number().int().min(0).optional(),
    })
    .optional(),
});

export const policyFile = z.strictObject({
  policy: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'a name of letters, digits, dots, dashes and underscores'),
  description: z.string().optional(),
  principals: z.strictObject({ ...who, except: z.strictObject(who).optional(), hours: hours.optional() }),
  snowflake: z.strictObject({ role: z.string().min(1), warehouse: z.string().min(1) }),
  rules: z.array(rule).default([]),
  columns: z.array(z.strictObject({ match: globs, mask, reason: z.string().optional() })).default([]),
  rows: z
    .array(z.strictObject({ on: z.string(), where: z.string().optional(), secure_view: z.string().optional() }))
    .default([]),
  write_masked: z.enum(['deny', 'allow']).default('deny'),
  functions: z.strictObject({ allow: globs }).optional(),
  views: z.strictObject({ trusted: globs }).optional(),
  virtual_columns: z.strictObject({ trusted: globs }).optional(),
  detect: z
    .array(
      z.strictObject({
        find: z.array(detector).min(1).max(50),
        mask: textMask.default({ kind: 'redact' }),
        except: globs.optional(),
      }),
    )
    .default([]),
  limits: z
    .strictObject({
      rows: z.number().int().positive().optional(),
      result_bytes: size.optional(),
      timeout: duration.optional(),
      statements_per_hour: z.number().int().positive().optional(),
      concurrent: z.number().int().positive().optional(),
      bytes_scanned_per_statement: size.optional(),
      bytes_scanned_per_day: size.optional(),
    })
    .default({}),
  record: z
    .strictObject({
      purpose: z.enum(['reported', 'required', 'optional']).default('optional'),
      results: z.enum(['masked', 'digest', 'none']).default('digest'),
    })
    .default({ purpose: 'optional', results: 'digest' }),
});

export type PolicyFile = z.infer<typeof policyFile>;

/** For editors: completion and checks while a policy is written. */
export const policyJsonSchema = (): object => ({
  ...z.toJSONSchema(policyFile, { io: 'input', target: 'draft-07' }),
  title: 'snowfence policy',
});
