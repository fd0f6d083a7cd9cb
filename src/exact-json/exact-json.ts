/**
 * JSON as `JSON.parse` reads it, but for numbers that would silently be others (RFC 8259, section 6: "good interoperability can be
 * achieved" within the precision of a double; whole numbers up to 2^53 - 1 are exact).
 */

/** What stands for such a number: its text, under a name that nothing else has. Whoever sends that themselves is told the same. */
const INEXACT = 'number that JSON readers change';

/** More digits than a double is sure to hold, or an exponent. */
const PERHAPS = /\d{16}|\d[.\d]{16}|\d[eE]/;
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** A decimal by its digits, without zeros at either end, and the power of ten that the first of them has. */
function decimalOf(text: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  const digits = `${whole}${fraction}`;
  const first = /[1-9]/.exec(digits)?.index;
  if (first === undefined) return '0';
  return `${digits.slice(first).replace(/0+$/, '')} ${whole.length - first + Number(exponent)}`;
}

/**
 * Whether a number, as JSON writes it, is the one that a double gives back. A whole one beyond 2^53 - 1 is not, whatever its digits: who
 * sends it may have had another.
 */
function isExact(text: string): boolean {
  const value = Number(text);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) return false;
  return decimalOf(text) === decimalOf(String(value));
}

/** A number's text as a number where it is that; what stands for it otherwise. */
export const numberIn = (text: string): unknown => (isExact(text) ? Number(text) : { [INEXACT]: text });

/** Of JSON the same JSON, with what stands for each number that would be another. Of other texts nothing is promised. */
export const marked = (json: string): string =>
  PERHAPS.test(json)
    ? json.replace(STRING_OR_NUMBER, (part) =>
        part.startsWith('"') || isExact(part) ? part : JSON.stringify({ [INEXACT]: part }),
      )
    : json;

/** Throws SyntaxError where it is no JSON. */
export function exactJson(text: string): unknown {
  // Of JSON alone: of other texts the expression could take the square of their length.
  const value: unknown = JSON.parse(text);
  return PERHAPS.test(text) ? JSON.parse(marked(text)) : value;
}

/** Whether a value stands for a number that would be another. */
export const isInexact = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, INEXACT);
