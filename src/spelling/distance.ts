/** Edits between two words, and the word that needs the fewest. */

/** Edits that turn one word into the other (Levenshtein); where they are more than `most`, some number above that. */
export function distance(left: string, right: string, most = Number.POSITIVE_INFINITY): number {
  if (Math.abs(left.length - right.length) > most) return most + 1;
  const row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    // Further from the diagonal than `most` each place is more than that by itself.
    const first = Math.max(1, i - most);
    const last = Math.min(right.length, i + most);
    const letter = left[i - 1];
    let diagonal = row[first - 1] ?? 0;
    let before = first === 1 ? i : most + 1;
    row[first - 1] = before;
    let best = before;
    for (let j = first; j <= last; j++) {
      const above = j === i + most ? most + 1 : (row[j] ?? 0);
      before = Math.min(above + 1, before + 1, diagonal + (letter === right[j - 1] ? 0 : 1));
      diagonal = row[j] ?? 0;
      row[j] = before;
      if (before < best) best = before;
    }
    if (best > most) return most + 1;
  }
  return row[right.length] ?? 0;
}

/** The one of them that a mistyped word was meant for, the first of several; undefined where none is within `most` edits. */
export function closest(word: string, known: readonly string[], most: number): string | undefined {
  const [best] = known.map((name) => ({ name, edits: distance(word, name) })).sort((a, b) => a.edits - b.edits);
  return best && best.edits <= most ? best.name : undefined;
}
