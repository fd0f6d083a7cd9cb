/** Which brackets of a text belong together. */
import type { Token } from './lex.js';

/** For each opening bracket of any kind its closing one, and the other way round. */
export function bracketPairs(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const open: number[] = [];
  tokens.forEach((token, index) => {
    if (token.kind !== 'operator') return;
    if (/^[([{]$/.test(token.text)) open.push(index);
    if (!/^[)\]}]$/.test(token.text)) return;
    const from = open.pop();
    if (from === undefined) return;
    found.set(from, index);
    found.set(index, from);
  });
  return found;
}
