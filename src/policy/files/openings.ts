/**
 * What a set of policies would let happen that the set before it did not. Half of a file is often a sound file: its rules are there, its
 * masks not yet. It can't be told from one that somebody means, but it is always one that opens something: what narrows is never half of
 * anything that does harm. So a set that opens anything is waited for longer (`follow.ts`).
 */
import { DEFAULT_LIMITS, type PolicySet } from '../rules/policy.js';
import type { PolicyFile } from '../rules/schema.js';

/** One thing that is gone, or new. */
export interface Part {
  /** Such as "mask". */
  readonly kind: string;
  /** What it is on. */
  readonly on: string;
  readonly file: string;
}

export interface Openings {
  /** Masks, row predicates, denials, and whatever else holds something back, that are gone or no longer what they were. */
  readonly lost: readonly Part[];
  /** What is allowed, and was not. */
  readonly gained: readonly Part[];
}

/** What holds something back; of a mask which, and for whom and what it is, so that another one there can be held against it. */
interface Kept extends Part {
  readonly mask?: { readonly kind: string; readonly where: string };
}

interface Parts {
  readonly gives: Map<string, Part>;
  readonly keeps: Map<string, Kept>;
  readonly limits: Map<string, { readonly value: number; readonly part: Part }>;
}

interface Adder {
  readonly keep: (kind: string, on: string, more: readonly unknown[]) => void;
  /** `about`: what it is for, beside its glob or name. */
  readonly mask: (kind: string, on: string, mask: { readonly kind: string }, about: readonly unknown[]) => void;
  readonly give: (kind: string, on: string, more: readonly unknown[]) => void;
}

/**
 * Of these two on one column the longer glob counts, so that another one may show more. And a virtual column of an external table that has one
 * is no longer hidden with what it is made of.
 */
const SHOWS_A_PART: ReadonlySet<string> = new Set([
  'keep_first',
  'keep_last',
  'bucket',
  'truncate_date',
  'constant',
  'email',
  'hash',
]);

/**
 * Whether a mask surely shows nothing that another one in its place hides: those that show nothing of any value, and in the order in which they
 * count. Of others it is not sure: of four letters `keep_last: 2` shows two and `keep_last: 4` none, a hash shows which values are equal, and where
 * a text was found `redact` says what it was, which a constant does not.
 */
function showsNoMore(mask: string, was: string): boolean {
  switch (mask) {
    case 'deny':
      return true;
    case 'null':
      return was !== 'deny';
    case 'redact':
      return was !== 'deny' && was !== 'null' && was !== 'constant';
    default:
      return false;
  }
}

const isNarrowed = ({ mask }: Kept, now: readonly Kept[]): boolean =>
  mask !== undefined &&
  now.some(({ mask: other }) => other?.where === mask.where && showsNoMore(other.kind, mask.kind));

function addRules(file: PolicyFile, add: Adder): void {
  for (const { allow, deny, approve, on, when, by } of file.rules)
    for (const glob of on) {
      const about = when ?? null;
      for (const kind of deny ?? []) add.keep('denial', glob, [kind, about]);
      for (const kind of allow ?? []) add.give('permission', glob, ['allow', kind, about]);
      // Asking a person opens what was refused, and holds back what was free.
      for (const kind of approve ?? []) {
        add.keep('approval', glob, [kind, about, by ?? null]);
        add.give('permission', glob, ['approve', kind, about, by ?? null]);
      }
    }
}

function addHidden(file: PolicyFile, add: Adder): void {
  for (const { match, mask } of file.columns)
    for (const glob of match) {
      add.mask('mask', glob, mask, []);
      if (SHOWS_A_PART.has(mask.kind)) add.give('mask that shows a part', glob, [mask]);
    }
  for (const { on, where, secure_view: view } of file.rows) {
    add.keep('row predicate', on, [where ?? null, view ?? null]);
    if (view !== undefined) add.give('secure view', on, [view]);
  }
  for (const { find, mask, except } of file.detect)
    for (const what of find)
      add.mask('detector', typeof what === 'string' ? what : what.name, mask, [what, except ?? null]);
}

/** All of a set as single things. Whom they are for is part of each: another group is another thing. */
function partsOf(set: PolicySet): Parts {
  const parts: Parts = { gives: new Map(), keeps: new Map(), limits: new Map() };
  for (const { written, file: name } of set.policies) {
    const who = JSON.stringify(written.principals);
    const under = written.snowflake;
    const add: Adder = {
      keep: (kind, on, more) => void parts.keeps.set(JSON.stringify([who, kind, on, more]), { kind, on, file: name }),
      mask: (kind, on, mask, about) =>
        void parts.keeps.set(JSON.stringify([who, kind, on, mask, about]), {
          kind,
          on,
          file: name,
          mask: { kind: mask.kind, where: JSON.stringify([who, kind, on, about]) },
        }),
      give: (kind, on, more) =>
        void parts.gives.set(JSON.stringify([who, under, kind, on, more]), { kind, on, file: name }),
    };
    // Without it others may be in force alone, whose roles did not go together with its own.
    add.keep('policy', written.policy, [under]);
    addRules(written, add);
    addHidden(written, add);
    for (const glob of written.functions?.allow ?? []) add.give('function', glob, []);
    for (const glob of written.views?.trusted ?? []) add.give('trusted view', glob, []);
    for (const glob of written.virtual_columns?.trusted ?? []) add.give('trusted virtual column', glob, []);
    if (written.write_masked === 'allow') add.give('write_masked', written.policy, []);
    else add.keep('refusal to write masked values', written.policy, []);
    const { purpose, results } = written.record;
    if (purpose !== 'optional') add.keep('purpose', written.policy, []);
    if (purpose === 'reported') add.keep('reported prompt', written.policy, []);
    if (results !== 'none') add.keep('record of results', written.policy, []);
    if (results === 'masked') add.keep('record of rows', written.policy, []);
    for (const [limit, value] of Object.entries(written.limits)) {
      if (value === undefined) continue;
      const key = JSON.stringify([who, limit]);
      const known = parts.limits.get(key);
      if (known && known.value <= value) continue;
      parts.limits.set(key, { value, part: { kind: `limit on ${limit}`, on: written.policy, file: name } });
    }
  }
  return parts;
}

/** A limit that is larger than what holds where none is named is an opening. */
function defaultOf(key: string): number {
  const found = Object.entries(DEFAULT_LIMITS).find(([limit]) => key.endsWith(`,${JSON.stringify(limit)}]`));
  return found?.[1] ?? Number.POSITIVE_INFINITY;
}

/** What `next` opens against `before`. A set that allows nothing opens nothing. */
export function openingsOf(before: PolicySet, next: PolicySet): Openings {
  const [old, now] = [partsOf(before), partsOf(next)];
  if (now.gives.size === 0) return { lost: [], gained: [] };
  const kept = [...now.keeps.values()];
  const lost: Part[] = [...old.keeps].flatMap(([key, part]) =>
    now.keeps.has(key) || isNarrowed(part, kept) ? [] : [part],
  );
  for (const key of new Set([...old.limits.keys(), ...now.limits.keys()])) {
    const [was, is] = [old.limits.get(key), now.limits.get(key)];
    const part = was?.part ?? is?.part;
    if (part && (is?.value ?? defaultOf(key)) > (was?.value ?? defaultOf(key))) lost.push(part);
  }
  const gained = [...now.gives].flatMap(([key, part]) => (old.gives.has(key) ? [] : [part]));
  return { lost, gained };
}

const NAMED = 3;

function counted(parts: readonly Part[]): string {
  const kinds = new Map<string, Part[]>();
  for (const part of parts) kinds.set(part.kind, [...(kinds.get(part.kind) ?? []), part]);
  return [...kinds]
    .map(([kind, list]) => {
      const files = [...new Set(list.map(({ file }) => file))];
      const on = [...new Set(list.map((part) => part.on))];
      const more = on.length > NAMED ? ', …' : '';
      return `${kind} (${on.slice(0, NAMED).join(', ')}${more}; ${files.slice(0, NAMED).join(', ')})`;
    })
    .join(', ');
}

/** In words, for whoever keeps the policies: names and globs, no predicates and no values. */
export function openingWords({ lost, gained }: Openings): string {
  const sentences = [
    lost.length > 0 ? `gone or changed: ${counted(lost)}` : [],
    gained.length > 0 ? `new: ${counted(gained)}` : [],
  ].flat();
  return sentences.join('; ');
}
