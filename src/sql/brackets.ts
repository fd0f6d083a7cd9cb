/** Which brackets of a text belong together. */
import { isOperator, type Token } from './lex.js';

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

/** For each token the round bracket that it stands in; -1 outside of all. */
export function bracketsAround(tokens: readonly Token[]): readonly number[] {
  const open: number[] = [];
  return tokens.map((token, at) => {
    if (isOperator(token, ')')) open.pop();
    const around = open.at(-1) ?? -1;
    if (isOperator(token, '(')) open.push(at);
    return around;
  });
}
