/**
 * The second net: patterns of personal data and secrets in every text that leaves. It catches free text that no column rule
 * covers; it is no substitute for one. Patterns have no nested repetition, so that they run in linear time on any text.
 */
export const DETECTOR_KINDS = ['email', 'phone', 'credit_card', 'us_ssn', 'iban', 'ip_address', 'secret'] as const;

export type DetectorKind = (typeof DETECTOR_KINDS)[number];

export interface Finding {
  readonly kind: DetectorKind;
  readonly start: number;
  readonly end: number;
}

/** Luhn's check over 13 to 19 digits (ISO/IEC 7812-1). */
function isCard(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at]);
    const value = at % 2 === 0 ? digit : digit * 2;
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

/** The remainder of 97 that an IBAN must have (ISO 13616). */
function isIban(text: string): boolean {
  const compact = text.replace(/ /g, '').toUpperCase();
  if (compact.length < 15 || compact.length > 34) return false;
  let remainder = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    const value = character >= 'A' ? character.charCodeAt(0) - 55 : Number(character);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

/** Area, group and serial numbers that were never given out (SSA, randomisation rules). */
function isSsn(text: string): boolean {
  const [area = '', group = '', serial = ''] = text.split(/[- ]/);
  return area !== '000' && area !== '666' && !area.startsWith('9') && group !== '00' && serial !== '0000';
}

const isIp = (text: string): boolean => text.split('.').every((part) => Number(part) <= 255);

interface Detector {
  readonly kind: DetectorKind;
  readonly pattern: RegExp;
  readonly accepts: (text: string) => boolean;
  /** A character without which the pattern can't match: most texts are done with after one search. */
  readonly needs: RegExp;
}

const always = (): boolean => true;

const DETECTORS: readonly Detector[] = [
  {
    kind: 'secret',
    pattern:
      /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bxox[abprs]-[A-Za-z0-9-]{10,200}\b|\bsk_live_[A-Za-z0-9]{16,100}\b|\bAIza[A-Za-z0-9_-]{35}\b|\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,2000}|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/g,
    accepts: always,
    needs: /A[KS]IA|gh[pousr]_|xox|sk_live_|AIza|eyJ|-----BEGIN/,
  },
  {
    kind: 'email',
    pattern: /(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/g,
    accepts: always,
    needs: /@/,
  },
  { kind: 'iban', pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,8}\b/g, accepts: isIban, needs: /[A-Z]{2}\d{2}/ },
  { kind: 'credit_card', pattern: /(?<![\d.+])\d(?:[ -]?\d){12,18}(?![\d.])/g, accepts: isCard, needs: /\d/ },
  { kind: 'us_ssn', pattern: /(?<![\d-])\d{3}[- ]\d{2}[- ]\d{4}(?![\d-])/g, accepts: isSsn, needs: /\d/ },
  {
    kind: 'phone',
    pattern:
      /(?<![\w.+-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{2,4}[ .-])\d{3,4}[ .-]\d{3,4}(?![\w])|(?<![\w.])\+\d{8,15}(?!\d)/g,
    accepts: always,
    needs: /\d/,
  },
  {
    kind: 'ip_address',
    pattern: /(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])/g,
    accepts: isIp,
    needs: /\d\./,
  },
];

/** What the kinds asked for find in a text, in order, without overlaps. */
function detect(text: string, kinds: ReadonlySet<DetectorKind>): Finding[] {
  const found: Finding[] = [];
  for (const { kind, pattern, accepts, needs } of DETECTORS) {
    if (!kinds.has(kind) || !needs.test(text)) continue;
    for (const match of text.matchAll(pattern)) {
      const [value] = match;
      const [start, end] = [match.index, match.index + value.length];
      if (!accepts(value) || found.some((other) => start < other.end && other.start < end)) continue;
      found.push({ kind, start, end });
    }
  }
  return found.sort((left, right) => left.start - right.start);
}

export interface Scrubbed {
  readonly text: string;
  readonly kinds: readonly DetectorKind[];
}

/** The text with what was found taken out, each place naming its kind. */
export function scrub(text: string, kinds: ReadonlySet<DetectorKind>): Scrubbed {
  const findings = detect(text, kinds);
  if (findings.length === 0) return { text, kinds: [] };
  let out = '';
  let at = 0;
  for (const { kind, start, end } of findings) {
    out += `${text.slice(at, start)}[${kind}]`;
    at = end;
  }
  return { text: out + text.slice(at), kinds: [...new Set(findings.map((finding) => finding.kind))] };
}

/** The same over a value of any shape: texts in lists and objects, names of fields included. */
export function scrubValue(value: unknown, kinds: ReadonlySet<DetectorKind>, found: Set<DetectorKind>): unknown {
  if (typeof value === 'string') {
    const result = scrub(value, kinds);
    for (const kind of result.kinds) found.add(kind);
    return result.text;
  }
  if (Array.isArray(value)) return value.map((item) => scrubValue(item, kinds, found));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        String(scrubValue(key, kinds, found)),
        scrubValue(item, kinds, found),
      ]),
    );
  return value;
}
