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

const CLOSES: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
]);

/** The first bracket that is closed by one of another kind, never, or not opened: what stands in which is then read in several ways. */
export function oddBracket(tokens: readonly Token[]): number | undefined {
  const open: number[] = [];
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== 'operator') continue;
    if (CLOSES.has(token.text)) open.push(at);
    else if (/^[)\]}]$/.test(token.text)) {
      const from = open.pop();
      if (from === undefined || CLOSES.get(tokens[from]?.text ?? '') !== token.text) return at;
    }
  }
  return open[0];
}
