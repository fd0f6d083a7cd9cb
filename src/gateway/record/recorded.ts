/** What is masked in agents' own words: whatever the detectors know, and the patterns of the policies in force. */
import { DETECTOR_KINDS, type DetectRule, hiddenInSql, Scrubber } from '../../masking/index.js';
import type { PolicySet } from '../../policy/index.js';

const BUILT_IN: readonly DetectRule[] = DETECTOR_KINDS.map((name) => ({
  name,
  pattern: undefined,
  mask: { kind: 'redact' },
}));

/** One for each text, since it remembers what it found. */
export interface RecordMask {
  /** Words and values: whatever is found is masked. */
  value(value: unknown): unknown;
  /** SQL: what is found within its literals and comments is masked, and nothing of the SQL. */
  statement(text: string): string;
  readonly found: ReadonlySet<string>;
}

export function recordMask(policies?: () => PolicySet | undefined): () => RecordMask {
  return () => {
    const own = (policies?.()?.policies ?? [])
      .flatMap(({ detect }) => detect)
      .flatMap(({ rules }) => rules)
      .flatMap((rule) => (rule.pattern ? [{ ...rule, mask: { kind: 'redact' } as const }] : []));
    const scrubber = new Scrubber([...BUILT_IN, ...own]);
    return {
      // Numbers of an event are the gateway's own, but for those that `looked-through.ts` gives as texts.
      value: (value) => scrubber.texts(value),
      statement: (text) => hiddenInSql(text, scrubber),
      found: scrubber.found,
    };
  };
}

/** Where agents' own words stand in an approval or an event. */
const WORDS: ReadonlySet<string> = new Set(['purpose', 'binds', 'reported']);
const STATEMENTS: ReadonlySet<string> = new Set(['statement', 'sent']);

/** What a standing approval lets pass is SQL as well, and so is what stands in its holes. */
function shownShape(value: unknown, mask: () => RecordMask): unknown {
  if (typeof value === 'string') return mask().statement(value);
  if (Array.isArray(value)) return value.map((item) => shownShape(item, mask));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shownShape(item, mask)]));
}

/** What a reviewer wrote is a text of somebody's as well. */
const withoutReason = (decision: unknown, mask: () => RecordMask): unknown =>
  typeof decision === 'object' && decision !== null && 'reason' in decision
    ? { ...decision, reason: mask().value(decision.reason) }
    : decision;

/** The same record as lists, pages and chats show it. Whoever has to see the whole text, such as a reviewer, asks for the one entry. */
export const previewOf =
  (mask: () => RecordMask) =>
  <T extends object>(record: T): T =>
    Object.fromEntries(
      Object.entries(record).map(([key, value]: [string, unknown]) => {
        if (STATEMENTS.has(key) && typeof value === 'string') return [key, mask().statement(value)];
        if (key === 'decisions' && Array.isArray(value)) return [key, value.map((one) => withoutReason(one, mask))];
        if (key === 'shape') return [key, shownShape(value, mask)];
        return [key, WORDS.has(key) || STATEMENTS.has(key) ? mask().value(value) : value];
      }),
    ) as T;
