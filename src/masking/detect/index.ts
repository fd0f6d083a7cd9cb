/**
 * The second net: personal data and secrets in every text that leaves. It catches free text that no column rule covers; it is no
 * substitute for one. Linear in the text's length, whatever the text.
 */
import { findHealth } from './health.js';
import { scanNumbers } from './numbers.js';
import { patternFinder } from './pattern.js';
import { findEmails, findIbans, findIpv6, findSecrets } from './words.js';

export const DETECTOR_KINDS = [
  'email',
  'phone',
  'credit_card',
  'us_ssn',
  'iban',
  'ip_address',
  'secret',
  'medical_record',
  'npi',
  'health_insurance',
  'date_of_birth',
] as const;

export type DetectorKind = (typeof DETECTOR_KINDS)[number];

/** What is put in the place of what was found. */
export type TextMask =
  /** The name of what was found, in brackets. */
  | { readonly kind: 'redact' }
  /** Nothing at all: the whole value goes. */
  | { readonly kind: 'null' }
  | { readonly kind: 'constant'; readonly value: string }
  | { readonly kind: 'keep_first'; readonly count: number }
  | { readonly kind: 'keep_last'; readonly count: number };

/** One thing to look for. */
export interface DetectRule {
  /** A kind, or the name of a policy's own pattern. */
  readonly name: string;
  /** undefined for a kind that is known here. */
  readonly pattern: ((text: string, report: (start: number, end: number) => void) => void) | undefined;
  readonly mask: TextMask;
}

interface Finding {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

// --- what a text could hold at all

const AT = 1;
const MANY_DIGITS = 2;
const LETTERS_AND_DIGITS = 4;
const COLONS = 8;
const LONG_RUN = 16;

/** One look at each character tells which detectors have anything to do: most values are names, numbers, dates. */
function profile(text: string): number {
  let flags = 0;
  let digits = 0;
  let colons = 0;
  let dots = 0;
  let run = 0;
  let letters = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 48 && code <= 57) {
      digits++;
      run++;
    } else if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95) {
      run++;
      letters++;
    } else if (code === 64) {
      flags |= AT;
      run = 0;
    } else if (code === 58) {
      colons++;
      run = 0;
    } else if (code === 46) {
      dots++;
      run++;
    } else if (code === 45 || code === 43 || code === 47) run++;
    else run = 0;
    if (run >= 18) flags |= LONG_RUN;
  }
  // Seven make the shortest telephone number, four an address.
  if (digits >= 7 || (digits >= 4 && dots >= 3)) flags |= MANY_DIGITS;
  if (digits >= 2 && letters >= 2 && text.length >= 15) flags |= LETTERS_AND_DIGITS;
  if (colons >= 2) flags |= COLONS;
  return flags;
}

function find(text: string, wanted: ReadonlySet<string>, patterns: readonly DetectRule[]): Finding[] {
  const found: Finding[] = [];
  const as = (name: string) => (start: number, end: number) => {
    found.push({ name, start, end });
  };
  const flags = profile(text);
  if (wanted.has('secret') && text.length >= 12) findSecrets(text, (flags & LONG_RUN) !== 0, as('secret'));
  if (wanted.has('email') && (flags & AT) !== 0) findEmails(text, as('email'));
  if (wanted.has('iban') && (flags & LETTERS_AND_DIGITS) !== 0) findIbans(text, as('iban'));
  if ((flags & MANY_DIGITS) !== 0 && text.length >= 7)
    scanNumbers(text, (kind, start, end) => {
      if (wanted.has(kind)) found.push({ name: kind, start, end });
    });
  if (wanted.has('ip_address') && (flags & COLONS) !== 0) findIpv6(text, as('ip_address'));
  findHealth(text, wanted, (kind, start, end) => {
    found.push({ name: kind, start, end });
  });
  for (const { name, pattern } of patterns) pattern?.(text, as(name));
  return found;
}

const REDACT: TextMask = { kind: 'redact' };

const STRICTNESS = ['null', 'redact', 'constant', 'keep_first', 'keep_last'] as const;

/** Whether the first mask shows less: by its kind, of one kind by how much it keeps. */
const isStricter = (one: TextMask, other: TextMask): boolean => {
  if (one.kind !== other.kind) return STRICTNESS.indexOf(one.kind) < STRICTNESS.indexOf(other.kind);
  return (one.kind === 'keep_first' || one.kind === 'keep_last') && 'count' in other && one.count < other.count;
};

/** What two policies both let show: of a text's beginning and its end neither. */
function narrower(one: TextMask, other: TextMask): TextMask {
  const kinds = new Set([one.kind, other.kind]);
  if (kinds.has('keep_first') && kinds.has('keep_last')) return REDACT;
  return isStricter(other, one) ? other : one;
}

interface Masked extends Finding {
  readonly mask: TextMask;
}

/** A text no longer than what is kept is hidden whole. */
const inForce = (mask: TextMask, { start, end }: Finding): TextMask =>
  'count' in mask && end - start <= mask.count ? REDACT : mask;

/**
 * Findings that overlap become one, from the first's beginning to the last's end, which shows nothing that any of them hides: no part
 * of one may show because another begins before it, or keeps the other end.
 */
function merged(found: Finding[], masks: ReadonlyMap<string, TextMask>): Masked[] {
  found.sort((left, right) => left.start - right.start || right.end - left.end);
  const out: Masked[] = [];
  for (const finding of found) {
    const own = inForce(masks.get(finding.name) ?? REDACT, finding);
    const last = out.at(-1);
    if (last && finding.start < last.end) {
      const { name } = isStricter(own, last.mask) ? finding : last;
      const end = Math.max(last.end, finding.end);
      out[out.length - 1] = { name, start: last.start, end, mask: narrower(last.mask, own) };
    } else out.push({ ...finding, mask: own });
  }
  return out;
}

function replacement(mask: TextMask, name: string, value: string): string {
  switch (mask.kind) {
    case 'constant':
      return mask.value;
    case 'keep_first':
      return value.length > mask.count ? `${value.slice(0, mask.count)}***` : `[${name}]`;
    case 'keep_last':
      return value.length > mask.count ? `***${value.slice(-mask.count)}` : `[${name}]`;
    default:
      return `[${name}]`;
  }
}

/** The least whole number that is told by its name, or by a pattern of a policy's own, and the least that is told by its digits alone. */
const LEAST_NAMED = 10_000;
const LEAST_CARD = 1e12;
/** No card has twenty digits. */
const MORE_THAN_ANY = 1e19;

/** Thirteen digits with the check digit of a bar code (GS1 General Specifications, 7.9). */
function isBarCode(digits: string): boolean {
  if (digits.length !== 13) return false;
  let sum = 0;
  for (let at = 0; at < digits.length; at++) sum += (digits.charCodeAt(at) - 48) * (at % 2 === 0 ? 1 : 3);
  return sum % 10 === 0;
}

export interface Scrubbed {
  readonly text: string;
  /** Something was found that takes the whole value away. */
  readonly isGone: boolean;
}

/** Takes out of texts what some rules look for. */
export class Scrubber {
  readonly #masks = new Map<string, TextMask>();
  readonly #wanted: ReadonlySet<string>;
  readonly #patterns: readonly DetectRule[];
  /** Names of what was found so far. */
  readonly found = new Set<string>();

  constructor(rules: readonly DetectRule[]) {
    for (const { name, mask } of rules) {
      const known = this.#masks.get(name);
      this.#masks.set(name, known ? narrower(known, mask) : mask);
    }
    this.#wanted = new Set(rules.filter(({ pattern }) => !pattern).map(({ name }) => name));
    this.#patterns = rules.filter(({ pattern }) => pattern);
  }

  get isIdle(): boolean {
    return this.#masks.size === 0;
  }

  /**
   * A text that is not a value of its own, such as an error or a comment: nothing takes it away whole. `name` is what the text is the
   * value of, for what is told by that alone (`ssn = 219099999`); the name itself stays out of what comes back.
   */
  text(text: string, name = ''): string {
    return this.#scrub(text, name).text;
  }

  #find(text: string, name: string): Finding[] {
    const findings = text.length < 4 ? [] : find(text, this.#wanted, this.#patterns);
    if (name === '') return findings;
    const before = `${name}=`;
    for (const { name: kind, start, end } of find(before + text, this.#wanted, this.#patterns))
      if (end > before.length)
        findings.push({ name: kind, start: Math.max(0, start - before.length), end: end - before.length });
    return findings;
  }

  #scrub(text: string, name = ''): Scrubbed {
    const findings = this.#find(text, name);
    if (findings.length === 0) return { text, isGone: false };
    let out = '';
    let at = 0;
    let isGone = false;
    for (const { name, start, end, mask } of merged(findings, this.#masks)) {
      this.found.add(name);
      isGone ||= mask.kind === 'null';
      out += `${text.slice(at, start)}${replacement(mask, name, text.slice(start, end))}`;
      at = end;
    }
    return { text: out + text.slice(at), isGone };
  }

  /** A whole number is the text of its digits: a card is one in a NUMBER as well. */
  #number(value: number, name: string): unknown {
    const isTold = name !== '' || this.#patterns.length > 0;
    if (!Number.isInteger(value) || value < (isTold ? LEAST_NAMED : LEAST_CARD) || value >= MORE_THAN_ANY) return value;
    const digits = BigInt(value).toString();
    // In a column of bar codes one in ten would pass for a card of thirteen digits, of which hardly any are left.
    if (!isTold && isBarCode(digits)) return value;
    const { text, isGone } = this.#scrub(digits, name);
    if (isGone) return null;
    return text === digits ? value : text;
  }

  /**
   * A value of any shape: texts in lists and objects, names of fields included. A field's name stands before its text, as `password=` does in
   * a line. What holds nothing comes back as it is.
   */
  value(value: unknown, name = ''): unknown {
    return this.#within(value, name, true);
  }

  /** The same, numbers left alone. */
  texts(value: unknown): unknown {
    return this.#within(value, '', false);
  }

  #within(value: unknown, name: string, withNumbers: boolean): unknown {
    if (typeof value === 'number') return withNumbers ? this.#number(value, name) : value;
    if (typeof value === 'string') {
      const { text, isGone } = this.#scrub(value, name);
      return isGone ? null : text;
    }
    if (Array.isArray(value)) return value.map((item) => this.#within(item, name, withNumbers));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [this.text(key), this.#within(item, key, withNumbers)]),
      );
    return value;
  }
}

export { patternFinder };
