/** How much memory plain data holds, about as V8 lays it out: an estimate that errs on the high side, for what is bounded by it. */

const OBJECT = 32;
const LIST = 48;
const SLOT = 8;
/** Of a Map or Set, with the table that finds it. */
const ENTRY = 48;
const TEXT = 24;

/**
 * Everything that can be reached is counted once, but for what is `shared`: that is there anyhow, for others. Functions and what they close over
 * can't be seen, so plain data alone is told right.
 */
export function heldBytes(value: unknown, shared: Iterable<unknown> = []): number {
  const seen = new Set<unknown>(shared);
  const open: unknown[] = [value];
  let bytes = 0;
  while (open.length > 0) {
    const item = open.pop();
    if (item === null || item === undefined || typeof item === 'number' || typeof item === 'boolean') continue;
    if (seen.has(item)) continue;
    seen.add(item);
    if (typeof item === 'string') bytes += TEXT + 2 * item.length;
    else if (Array.isArray(item)) {
      bytes += LIST + SLOT * item.length;
      for (const part of item) open.push(part);
    } else if (item instanceof Map) {
      bytes += LIST + ENTRY * item.size;
      for (const [key, part] of item) open.push(key, part);
    } else if (item instanceof Set) {
      bytes += LIST + ENTRY * item.size;
      for (const part of item) open.push(part);
    } else if (typeof item === 'object') {
      const parts: unknown[] = Object.values(item);
      bytes += OBJECT + SLOT * parts.length;
      for (const part of parts) open.push(part);
    } else bytes += OBJECT;
  }
  return bytes;
}
