/** Edits between two words, and the word that needs the fewest. */

/** Edits that turn one word into the other (Levenshtein); where they are more than `most`, some number above that. */
export function distance(left: string, right: string, most = Number.POSITIVE_INFINITY): number {
  if (Math.abs(left.length - right.length) > most) return most + 1;
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++)
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)),
      );
    row = next;
    if (most !== Number.POSITIVE_INFINITY && Math.min(...row) > most) return most + 1;
  }
  return row.at(-1) ?? 0;
}

/** The one of them that a mistyped word was meant for, the first of several; undefined where none is within `most` edits. */
export function closest(word: string, known: readonly string[], most: number): string | undefined {
  const [best] = known.map((name) => ({ name, edits: distance(word, name) })).sort((a, b) => a.edits - b.edits);
  return best && best.edits <= most ? best.name : undefined;
}
