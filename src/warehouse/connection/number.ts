/** Numbers of Snowflake's, which have up to 38 digits, as JSON has them. */

/** A number's text as a number, where nothing is lost; the text otherwise. */
export function exactNumber(text: string): number | string {
  const value = Number(text);
  // Fifteen digits fit, whatever they are: most numbers need no further look.
  if (text.length <= 15 && text !== '' && Number.isFinite(value)) return value;
  if (!Number.isFinite(value)) return text;
  // A whole number is exact if the double is that very number; fifteen digits of a fraction always come back as they were.
  if (/^-?\d+$/.test(text)) return BigInt(text) === BigInt(value) ? value : text;
  const digits = text.replace(/\D/g, '').replace(/^0+/, '').replace(/0+$/, '');
  return digits.length <= 15 ? value : text;
}
