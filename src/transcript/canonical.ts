/**
 * JSON in one form only (RFC 8785): keys sorted by their UTF-16 code units, no white space, numbers and strings as JavaScript
 * writes them. What PostgreSQL can't keep, NUL and halves of surrogate pairs, becomes U+FFFD: an odd character must not keep an
 * attempt out of the record.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(storable(value));
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item)).join(',')}]`;
  if (value instanceof Date) return canonical(value.toISOString());
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, item]) => `${canonical(key)}:${canonical(item)}`);
    return `{${pairs.join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

export const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd');
