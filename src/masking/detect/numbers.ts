/**
 * What is made of digits: payment cards, US social security numbers, telephone numbers, IPv4 addresses. One pass over the text finds
 * groups of digits; every rule looks at a bounded number of neighbouring groups, so the time is linear in the text.
 */
import { isCallingNumber } from './phone.js';

export type Report = (kind: 'credit_card' | 'us_ssn' | 'phone' | 'ip_address', start: number, end: number) => void;

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isWordCode = (code: number): boolean =>
  isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95 || code > 127;

// What stands between two groups of one number; 0 where they do not belong together.
const SPACE = 1;
const DOT = 2;
const DASH = 3;
const SLASH = 4;
/** Brackets with or without a space, a dot with one, a dash between two. */
const OPENING = 5;
const OTHER = 6;

function gapOf(text: string, from: number, to: number): number {
  const [first, second] = [text.charCodeAt(from), text.charCodeAt(from + 1)];
  if (to - from === 1)
    switch (first) {
      case 32:
      case 0xa0:
      case 0x2009:
        return SPACE;
      case 46:
        return DOT;
      case 45:
      case 0x2011:
        return DASH;
      case 47:
        return SLASH;
      case 40:
        return OPENING;
      case 41:
        return OTHER;
      default:
        return 0;
    }
  if (to - from === 2) {
    if ((first === 32 || first === 45) && second === 40) return OPENING;
    return (first === 41 && (second === 32 || second === 45)) || (first === 46 && second === 32) ? OTHER : 0;
  }
  const isSpaced = first === 32 && text.charCodeAt(from + 2) === 32;
  return to - from === 3 && isSpaced && (second === 45 || second === 47) ? OTHER : 0;
}

/** Groups of digits: where each begins and ends, and what is between it and the one before. */
interface Groups {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly gaps: readonly number[];
}

function groupsOf(text: string): Groups {
  const [starts, ends, gaps]: [number[], number[], number[]] = [[], [], []];
  let before = -4;
  for (let at = 0; at < text.length; at++) {
    if (!isDigit(text.charCodeAt(at))) continue;
    const start = at;
    while (at < text.length && isDigit(text.charCodeAt(at))) at++;
    starts.push(start);
    ends.push(at);
    gaps.push(start - before <= 3 ? gapOf(text, before, start) : 0);
    before = at;
  }
  return { starts, ends, gaps };
}

/** Luhn's check (ISO/IEC 7812-1). */
export function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = digits.charCodeAt(digits.length - 1 - at) - 48;
    const value = at % 2 === 0 ? digit : digit * 2;
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

/**
 * Numbers that the networks give out, with their lengths (Visa, Mastercard, American Express, Diners Club, Discover, JCB, UnionPay,
 * Maestro): without them one number in ten of the right length would pass Luhn's check.
 */
function isIssued(digits: string): boolean {
  const four = Number(digits.slice(0, 4));
  const two = Math.floor(four / 100);
  switch (digits.length) {
    case 13:
      return digits[0] === '4';
    case 14:
      return two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059);
    case 15:
      return two === 34 || two === 37;
    case 16:
      return (
        digits[0] === '4' ||
        (two >= 51 && two <= 55) ||
        (four >= 2221 && four <= 2720) ||
        four === 6011 ||
        two === 65 ||
        (four >= 6440 && four <= 6499) ||
        (four >= 3528 && four <= 3589) ||
        two === 62 ||
        two === 67 ||
        two === 50
      );
    case 17:
    case 18:
    case 19:
      return digits[0] === '4' || two === 62 || two === 67 || two === 50;
    default:
      return false;
  }
}

/** Area, group and serial numbers that are never given out (US Social Security Administration). */
const isSsn = (area: string, group: string, serial: string): boolean =>
  area !== '000' && area !== '666' && !area.startsWith('9') && group !== '00' && serial !== '0000';

/** Area and exchange codes of the North American plan: neither begins with 0 or 1, neither ends with 11. */
const isPlanCode = (code: string): boolean => /^[2-9]\d\d$/.test(code) && !code.endsWith('11');

const NAMES_PHONE = /(?:\b(?:tel|telephone|phone|mobile|cell|fax|call|whatsapp|sms|mob)\b|☎|📞)[^\d]{0,12}$/i;
const NAMES_SSN = /\b(?:ssn|social security(?: number| no\.?)?)\b[^\d]{0,12}$/i;
const NAMES_VERSION = /(?:\bv|version|release|build|ver\.?)\s?$/i;
const CONTEXT = 32;

const MAX_GROUPS = 8;

class Numbers {
  readonly #text: string;
  readonly #groups: Groups;
  readonly #report: Report;

  constructor(text: string, report: Report) {
    this.#text = text;
    this.#groups = groupsOf(text);
    this.#report = report;
  }

  #start(at: number): number {
    return this.#groups.starts[at] ?? -1;
  }

  #end(at: number): number {
    return this.#groups.ends[at] ?? -1;
  }

  #length(at: number): number {
    return this.#end(at) - this.#start(at);
  }

  #digits(at: number): string {
    return this.#text.slice(this.#start(at), this.#end(at));
  }

  /** What is between this group and the one before; 0 for nothing that could be part of a number. */
  #gap(at: number): number {
    return this.#groups.gaps[at] ?? 0;
  }

  /** No letter, digit or part of a longer number right before. */
  #opens(start: number): boolean {
    if (start <= 0) return true;
    const before = this.#text.charCodeAt(start - 1);
    if (isWordCode(before)) return false;
    // 1.4111… is a fraction, a4-4111… goes on from something else.
    return !(
      (before === 46 || before === 45 || before === 44) &&
      start > 1 &&
      isWordCode(this.#text.charCodeAt(start - 2))
    );
  }

  #closes(end: number): boolean {
    if (end >= this.#text.length) return true;
    const code = this.#text.charCodeAt(end);
    if (isWordCode(code)) return false;
    return !((code === 46 || code === 44) && end + 1 < this.#text.length && isDigit(this.#text.charCodeAt(end + 1)));
  }

  #before(start: number): string {
    return this.#text.slice(Math.max(0, start - CONTEXT), start);
  }

  scan(): void {
    const { length } = this.#groups.starts;
    for (let at = 0; at < length; ) {
      // What hangs together from here, as far as any rule looks.
      let digits = this.#length(at);
      let to = at + 1;
      for (; to < at + MAX_GROUPS && digits <= 20 && this.#gap(to) !== 0; to++) digits += this.#length(to);
      let taken = 0;
      if (digits >= 13) taken = this.#card(at);
      if (taken === 0 && this.#gap(at + 1) === DOT) taken = this.#address(at);
      if (taken === 0 && digits >= 7) taken = this.#international(at) || this.#ssn(at) || this.#national(at);
      // Digits of one run are looked at once: a bounded number of steps for each group.
      at += taken || 1;
    }
  }

  // Each rule answers how many groups it took; 0 for none.

  /** 13 to 19 digits in at most five groups with one sort of gap. */
  #card(at: number): number {
    const isDialled = this.#text[this.#start(at) - 1] === '+';
    if (this.#length(at) > 19 || isDialled || !this.#opens(this.#start(at))) return 0;
    const gap = this.#gap(at + 1);
    let digits = this.#digits(at);
    for (let to = at + 1; digits.length <= 19; to++) {
      if (digits.length >= 13 && isIssued(digits) && this.#closes(this.#end(to - 1)) && isLuhn(digits)) {
        this.#report('credit_card', this.#start(at), this.#end(to - 1));
        return to - at;
      }
      if (to - at >= 5 || (gap !== SPACE && gap !== DASH) || this.#gap(to) !== gap || this.#length(to) > 12) return 0;
      digits += this.#digits(to);
    }
    return 0;
  }

  #address(at: number): number {
    for (let next = at + 1; next <= at + 3; next++) if (this.#gap(next) !== DOT) return 0;
    for (let next = at; next <= at + 3; next++) {
      if (this.#length(next) > 3) return 0;
      const part = this.#digits(next);
      if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return 0;
    }
    const [start, end] = [this.#start(at), this.#end(at + 3)];
    if (!this.#opens(start) || !this.#closes(end) || NAMES_VERSION.test(this.#before(start))) return 0;
    this.#report('ip_address', start, end);
    return 4;
  }

  /** A plus or 00, a country's code, and as many digits as its numbers have. */
  #international(at: number): number {
    const first = this.#start(at);
    const before = this.#text[first - 1];
    const sign = before === '+' ? 1 : before === '(' && this.#text[first - 2] === '+' ? 2 : 0;
    const isZero = sign === 0 && this.#length(at) <= 7 && this.#text.startsWith('00', first);
    if (sign === 0 && !isZero) return 0;
    const start = first - sign;
    if (start > 0 && isWordCode(this.#text.charCodeAt(start - 1))) return 0;
    let [digits, best] = ['', 0];
    for (let to = at + 1; to <= at + MAX_GROUPS; to++) {
      if (this.#start(to - 1) < 0 || this.#length(to - 1) > 15 || (to > at + 1 && this.#gap(to - 1) === 0)) break;
      const group = this.#digits(to - 1);
      // (0) is dialled inside of the country only.
      if (!(group === '0' && this.#gap(to - 1) === OPENING)) digits += group;
      const number = isZero ? digits.slice(2) : digits;
      if (number.length > 15) break;
      if (this.#closes(this.#end(to - 1)) && isCallingNumber(number)) best = to;
    }
    // Without a plus, one long group of digits is some other number.
    if (best === 0 || (isZero && best === at + 1)) return 0;
    this.#report('phone', start, this.#end(best - 1));
    return best - at;
  }

  #ssn(at: number): number {
    const start = this.#start(at);
    const length = this.#length(at);
    if ((length !== 3 && length !== 9) || !this.#opens(start)) return 0;
    const gap = this.#gap(at + 1);
    if (length === 3) {
      const isShaped = this.#length(at + 1) === 2 && this.#length(at + 2) === 4;
      if (!isShaped || (gap !== DASH && gap !== SPACE) || this.#gap(at + 2) !== gap) return 0;
      const end = this.#end(at + 2);
      if (!this.#closes(end) || this.#text[end] === '-') return 0;
      if (!isSsn(this.#digits(at), this.#digits(at + 1), this.#digits(at + 2))) return 0;
      this.#report('us_ssn', start, end);
      return 3;
    }
    const value = this.#digits(at);
    if (!this.#closes(this.#end(at)) || !NAMES_SSN.test(this.#before(start))) return 0;
    if (!isSsn(value.slice(0, 3), value.slice(3, 5), value.slice(5))) return 0;
    this.#report('us_ssn', start, this.#end(at));
    return 1;
  }

  /** Groups before it, up to one that goes on from a letter: DE89 3704 0044 … is no telephone number from some place on. */
  #continues(at: number): boolean {
    let first = at;
    while (first > at - MAX_GROUPS && this.#gap(first) !== 0) first--;
    const start = this.#start(first);
    return first < at && start > 0 && isWordCode(this.#text.charCodeAt(start - 1));
  }

  #national(at: number): number {
    const first = this.#start(at);
    if (!this.#opens(first) || this.#continues(at)) return 0;
    const start = this.#text[first - 1] === '(' ? first - 1 : first;
    return this.#american(at, start) || this.#trunk(at, start) || this.#named(at, start);
  }

  /** [1-]415-555-0132, (415) 555-0132 */
  #american(at: number, start: number): number {
    const from = this.#length(at) === 1 && this.#text[this.#start(at)] === '1' && this.#gap(at + 1) !== 0 ? at + 1 : at;
    if (this.#length(from) !== 3 || this.#length(from + 1) !== 3 || this.#length(from + 2) !== 4) return 0;
    const [one, two] = [this.#gap(from + 1), this.#gap(from + 2)];
    if (one === 0 || one === SLASH || two === 0 || two === OPENING) return 0;
    const end = this.#end(from + 2);
    if (!isPlanCode(this.#digits(from)) || !isPlanCode(this.#digits(from + 1)) || !this.#closes(end)) return 0;
    // Another group right behind makes it some other number.
    const next = this.#gap(from + 3);
    if (next === DASH || next === DOT || next === SLASH) return 0;
    this.#report('phone', start, end);
    return from + 3 - at;
  }

  /** The groups from here that make up a number of at most so many digits. */
  #chain(at: number, most: number): { to: number; digits: number } {
    let digits = this.#length(at);
    let to = at + 1;
    for (; to < at + 6 && this.#gap(to) !== 0 && digits + this.#length(to) <= most; to++) digits += this.#length(to);
    return { to, digits };
  }

  /** A zero for the trunk, an area, and 9 to 12 digits in all: 030 1234567, 06 12 34 56 78. */
  #trunk(at: number, start: number): number {
    const first = this.#start(at);
    if (this.#text[first] !== '0' || this.#text[first + 1] === '0' || this.#length(at) > 6 || this.#gap(at + 1) === 0)
      return 0;
    const { to, digits } = this.#chain(at, 12);
    // 01.02.2026 is a date; so are most numbers that begin with two digits.
    const isPairs = to - at === 5 && digits === 10 && this.#length(at) === 2;
    if (digits < 9 || !this.#closes(this.#end(to - 1)) || !(isPairs || this.#length(at) >= 3)) return 0;
    this.#report('phone', start, this.#end(to - 1));
    return to - at;
  }

  /** Seven digits or more behind a word for telephone. */
  #named(at: number, start: number): number {
    if (this.#length(at) < 2 || !NAMES_PHONE.test(this.#before(start))) return 0;
    const { to, digits } = this.#chain(at, 15);
    if (digits < 7 || digits > 15 || !this.#closes(this.#end(to - 1))) return 0;
    this.#report('phone', start, this.#end(to - 1));
    return to - at;
  }
}

export function scanNumbers(text: string, report: Report): void {
  new Numbers(text, report).scan();
}
