/** What is made of letters and signs: e-mail addresses, IBANs, IPv6 addresses, secrets. Each reads a bounded stretch around an anchor. */
import { isIPv6 } from 'node:net';

type Report = (start: number, end: number) => void;

/**
 * Every match in turn. `matchAll` would copy the expression for each text, which takes longer than most texts do. What answers an end goes
 * on from there: no part of a text is gone through twice.
 */
function each(pattern: RegExp, text: string, use: (start: number, value: string) => number | undefined): void {
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const end = use(match.index, match[0]);
    if (end !== undefined) pattern.lastIndex = end;
  }
}

/** Where a run of characters ends that goes through `from`; `some`: a sticky expression for the next few thousand of them. */
function runEnd(some: RegExp, text: string, from: number): number {
  let at = from;
  for (;;) {
    some.lastIndex = at;
    if (!some.test(text)) return at;
    at = some.lastIndex;
  }
}

const isLetterOrDigit = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);

/** Letters, digits and what else an unquoted local part may hold (RFC 5321, 4.1.2; RFC 6531 for letters beyond ASCII). */
const LOCAL_SIGNS = new Set([..."!#$%&'*+-/=?^_`{|}~."].map((sign) => sign.charCodeAt(0)));
const isLocal = (code: number): boolean => isLetterOrDigit(code) || code > 127 || LOCAL_SIGNS.has(code);
const isAsciiLocal = (code: number): boolean => code < 128 && isLocal(code);
const isDomain = (code: number): boolean => isLetterOrDigit(code) || code > 127 || code === 45 || code === 46;

const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;

/** From each @ to both sides. */
export function findEmails(text: string, report: Report): void {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > 0 && at - start < MAX_LOCAL && isLocal(text.charCodeAt(start - 1))) start--;
    // Longer than any address may be, and one word all the same: no part of it stays.
    if (at - start === MAX_LOCAL) while (start > 0 && isAsciiLocal(text.charCodeAt(start - 1))) start--;
    // Signs that open or lead, and dots, belong to the sentence.
    while (start < at && !(isLetterOrDigit(text.charCodeAt(start)) || text.charCodeAt(start) > 127)) start++;
    let end = at + 1;
    while (end < text.length && end - at <= MAX_DOMAIN && isDomain(text.charCodeAt(end))) end++;
    while (end > at + 1 && /[.-]/.test(text[end - 1] ?? '')) end--;
    const labels = text.slice(at + 1, end).split('.');
    const top = labels.at(-1) ?? '';
    const isName = labels.length >= 2 && labels.every((label) => label.length > 0 && label.length <= 63);
    // The password of an address with one ends in @ too; that is a secret's matter.
    if (text[start - 1] === ':' && /:\/\/[^\s/@]*:$/.test(text.slice(Math.max(0, start - MAX_LOCAL), start))) continue;
    if (start < at && isName && /^(?:\p{L}{2,63}|xn--[a-z0-9-]{2,59})$/iu.test(top)) report(start, end);
  }
}

/** Lengths of the countries' numbers (SWIFT, IBAN Registry). */
const IBAN_LENGTHS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 ' +
    'FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 ' +
    'LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 ' +
    'SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** The remainder of 97 that an IBAN has (ISO 13616). */
function isIban(compact: string): boolean {
  let remainder = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    const value = character >= 'A' ? character.charCodeAt(0) - 55 : Number(character);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

const IBAN_START = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}/g;

/** From each `XX00` that a country begins its numbers with, as many letters and digits as that country has. */
export function findIbans(text: string, report: Report): void {
  each(IBAN_START, text, (start, value) => {
    const length = IBAN_LENGTHS[value.slice(0, 2).toUpperCase()];
    if (length === undefined) return undefined;
    let compact = '';
    let at = start;
    for (; at < text.length && compact.length < length; at++) {
      const code = text.charCodeAt(at);
      if (isLetterOrDigit(code)) compact += text[at];
      else if (!((code === 32 || code === 45) && isLetterOrDigit(text.charCodeAt(at + 1)))) break;
    }
    if (compact.length === length && !isLetterOrDigit(text.charCodeAt(at)) && isIban(compact.toUpperCase()))
      report(start, at);
    return undefined;
  });
}

const IPV6 = /(?<![\w:.])[0-9A-Fa-f:]{3,39}(?:(?:\.\d{1,3}){3})?(?![\w:])/g;

/** Runs of hexadecimal digits and colons that Node takes for an address. `a::b` in a program is one too, so it takes three groups. */
export function findIpv6(text: string, report: Report): void {
  each(IPV6, text, (start, value) => {
    const groups = value.split(':').filter((group) => group !== '');
    const isLocal = value === '::1' || /^(?:fe80|f[cd][0-9a-f]{2}):/i.test(value);
    if (isIPv6(value) && (isLocal || (groups.length >= 3 && /\d/.test(value)))) report(start, start + value.length);
    return undefined;
  });
}

/** A kind of secret that can be told in a text. */
interface Issued {
  /** Every repetition is bounded or can't be entered again within one run of characters. */
  readonly pattern: RegExp;
  /** What it goes on with where it is longer than the pattern looks at: no end of it stays. Sticky, a few thousand characters. */
  readonly more?: RegExp;
}

const WORDS = /[A-Za-z0-9_]{1,4096}/y;
const URL_SAFE = /[A-Za-z0-9_-]{1,4096}/y;
const TOKEN = /[A-Za-z0-9._~+/=-]{1,4096}/y;
const UP_TO_QUOTE = /[^\s"',;]{1,4096}/y;

/** Beginnings that issuers have given their keys (their documentation pages on tokens), so that they can be told in a text. */
const ISSUED: readonly Issued[] = [
  // Amazon: access key ids
  { pattern: /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b/ },
  { pattern: /\bgh[pousr]_[A-Za-z0-9]{36,255}/, more: WORDS },
  { pattern: /\bgithub_pat_[A-Za-z0-9_]{22,255}/, more: WORDS },
  { pattern: /\bgl(?:pat|dt|rt|cbt|ptt|soat|ft)-[A-Za-z0-9_-]{20,255}/, more: URL_SAFE },
  { pattern: /\bxox[abeoprs]-[A-Za-z0-9-]{10,255}/, more: URL_SAFE },
  {
    pattern: /\bhooks\.slack\.com\/services\/[A-Z0-9]{6,20}\/[A-Z0-9]{6,20}\/[A-Za-z0-9]{16,40}/,
    more: URL_SAFE,
  },
  { pattern: /\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,255}/, more: WORDS },
  // Google: API keys, client secrets
  { pattern: /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/ },
  { pattern: /\bGOCSPX-[A-Za-z0-9_-]{20,64}/, more: URL_SAFE },
  { pattern: /\bnpm_[A-Za-z0-9]{36}\b/ },
  // PyPI: macaroons
  { pattern: /\bpypi-AgE[A-Za-z0-9_-]{40,1000}/, more: URL_SAFE },
  // OpenAI, Anthropic and others after them
  { pattern: /(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,255}/, more: URL_SAFE },
  { pattern: /\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}/, more: URL_SAFE },
  // Twilio: API keys
  { pattern: /\bSK[0-9a-f]{32}\b/ },
  { pattern: /\bdop_v1_[a-f0-9]{64}\b/ },
  { pattern: /\bhf_[A-Za-z0-9]{30,40}/, more: WORDS },
  { pattern: /\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b/ },
  { pattern: /\bAccountKey=[A-Za-z0-9+/]{64,100}={0,2}/, more: TOKEN },
  { pattern: /\bbearer [A-Za-z0-9._~+/-]{20,2000}={0,2}/i, more: TOKEN },
  // Named as such
  {
    pattern:
      /(?<![A-Za-z])(?:password|passwd|pwd|passphrase|secret|api[_ -]?key|access[_ -]?token|auth[_ -]?token|client[_ -]?secret|secret[_ -]?access[_ -]?key)(?![A-Za-z])["']?\s{0,3}(?:[:=]|=>|is)\s{0,3}["']?(?!\*)[^\s"',;]{8,255}/i,
    more: UP_TO_QUOTE,
  },
];

const union = (ignoresCase: boolean): RegExp =>
  new RegExp(
    ISSUED.filter(({ pattern }) => pattern.flags.includes('i') === ignoresCase)
      .map(({ pattern }) => `(?:${pattern.source})`)
      .join('|'),
    ignoresCase ? 'gi' : 'g',
  );

const SPELLED = union(false);
const NAMED = union(true);

/** Those that may go on, each to be tried at one place. */
const LONG = ISSUED.flatMap(({ pattern, more }) =>
  more ? [{ at: new RegExp(pattern.source, `${pattern.flags}y`), more }] : [],
);

/** The end of the token that was found, which may be longer than what was looked at. */
function tokenEnd(text: string, start: number, value: string): number {
  const end = start + value.length;
  UP_TO_QUOTE.lastIndex = end;
  if (!UP_TO_QUOTE.test(text)) return end;
  const one = LONG.find(({ at }) => {
    at.lastIndex = start;
    return at.exec(text)?.[0].length === value.length;
  });
  return one ? runEnd(one.more, text, end) : end;
}

/** From these on a part of a JSON Web Token has enough in it to be one. */
const LEAST_PART = 8;
const OPENS_JWT = 'eyJ';

/**
 * JSON Web Tokens (RFC 7519), whole, however long their parts are. One that the text's end cuts off behind its header is one as well: what is
 * shown of a long text is looked through with its end missing.
 */
function findJwts(text: string, report: Report): void {
  for (let start = text.indexOf(OPENS_JWT); start >= 0; ) {
    let next = runEnd(URL_SAFE, text, start);
    const partEnd = (from: number, opens: string): number => {
      if (text[from - 1] !== '.' || !text.startsWith(opens, from)) return 0;
      const end = runEnd(URL_SAFE, text, from);
      return end - from - opens.length >= LEAST_PART || end === text.length ? end : 0;
    };
    const isHeader = start === 0 || !/[A-Za-z0-9_-]/.test(text.charAt(start - 1));
    if (isHeader && next - start - OPENS_JWT.length >= LEAST_PART) {
      const payload = partEnd(next + 1, OPENS_JWT);
      const signature = payload === text.length ? payload : payload > 0 ? partEnd(payload + 1, '') : 0;
      if (signature > 0) {
        report(start, signature);
        next = signature;
      }
    }
    start = text.indexOf(OPENS_JWT, next);
  }
}

const PEM_OPENS = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/g;
const PEM_BODY = /[A-Za-z0-9+/=\s\\n:,.-]{1,4096}/y;
const PEM_CLOSES = /-----END [A-Z ]{0,30}PRIVATE KEY-----/;

/** Keys in PEM (RFC 7468): up to their end, or as far as they go. */
function findPems(text: string, report: Report): void {
  each(PEM_OPENS, text, (start, value) => {
    const from = start + value.length;
    const end = runEnd(PEM_BODY, text, from);
    const closing = PEM_CLOSES.exec(text.slice(from, end));
    const to = closing ? from + closing.index + closing[0].length : end;
    report(start, to);
    return to;
  });
}

const ADDRESS_WITH_USER = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{1,255}:/gi;
const PASSWORD = /[^\s@/]{1,4096}/y;

/** A password in an address (RFC 3986, 3.2.1). */
function findAddressPasswords(text: string, report: Report): void {
  each(ADDRESS_WITH_USER, text, (start, value) => {
    const from = start + value.length;
    const end = runEnd(PASSWORD, text, from);
    if (end > from && text[end] === '@') report(start, end + 1);
    return end > from ? end : undefined;
  });
}

/** What stands in every secret that is named as such, in capitals or not: most texts are done with after one look. */
const NAMES = /pass|pwd|secret|key|token|bearer/i;

/** `hasLongRun`: letters, digits and `_-+/.` stand together for as long as a key is. */
export function findSecrets(text: string, hasLongRun: boolean, report: Report): void {
  const found = (start: number, value: string): number => {
    const end = tokenEnd(text, start, value);
    report(start, end);
    return end;
  };
  if (hasLongRun) {
    each(SPELLED, text, found);
    findJwts(text, report);
  }
  if (text.includes('-----BEGIN')) findPems(text, report);
  if (text.includes('://')) findAddressPasswords(text, report);
  if (NAMES.test(text)) each(NAMED, text, found);
}
