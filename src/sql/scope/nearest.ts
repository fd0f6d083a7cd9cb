/** Names that a mistyped one was meant for. */

const MAX_NEAR = 3;
/** Names that a mistyped one is held against. */
const MAX_COMPARED = 1000;

/** Names that differ least from a mistyped one. */
export function nearest(name: string, names: Iterable<string>): string[] {
  const most = Math.max(1, Math.floor(name.length / 3));
  if (name.length > 64) return [];
  return [...new Set(names)]
    .filter((other) => Math.abs(other.length - name.length) <= most)
    .slice(0, MAX_COMPARED)
    .map((other) => ({ other, edits: edits(name, other) }))
    .filter(({ edits: count }) => count <= most)
    .sort((left, right) => left.edits - right.edits || (left.other < right.other ? -1 : 1))
    .slice(0, MAX_NEAR)
    .map(({ other }) => other);
}

/** Levenshtein's distance. */
function edits(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let i = 1; i <= left.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= right.length; j++)
      row.push(
        Math.min(
          (above[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (above[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1),
        ),
      );
  }
  return row[right.length] ?? 0;
}
