/**
 * JSON in one form only (RFC 8785): keys sorted by their UTF-16 code units, no white space, numbers and strings as JavaScript
 * writes them. What PostgreSQL can't keep, NUL and halves of surrogate pairs, becomes U+FFFD: an odd character must not keep an
 * attempt out of the record.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(storable(value));
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value instanceof Date) return canonical(value.toISOString());
  const entries = value as Readonly<Record<string, unknown>>;
  let pairs = '';
  // Sorted without a function, as sort() does by itself: by UTF-16 code units.
  for (const key of Object.keys(entries).sort()) {
    const item = entries[key];
    if (item !== undefined) pairs += `${pairs === '' ? '' : ','}${canonical(key)}:${canonical(item)}`;
  }
  return `{${pairs}}`;
}

export const storable = (text: string): string =>
  text.isWellFormed() && !text.includes('\0') ? text : text.toWellFormed().replaceAll('\0', '\ufffd');
