/**
 * How tokens stand beside each other in a text that is sent: those that the agent wrote together stay together, all others have one
 * space between them, whatever stood there. Snowflake names a column without an alias after its text (`COUNT(*)`), and people read
 * what is sent.
 *
 * Two tokens are put together only where no reader could take them for one, or find a comment begin between them: one of them is a bracket,
 * a comma or a dot, or just one of them is an operator, or the right one is the question mark of a quantifier (`b*?`, constructs/match_recognize).
 */
import type { Token } from './lex.js';

/** What stands in the places of some tokens; nothing where they are left out. */
export type Pieces = readonly (string | undefined)[];

const APART = /[(),.[\]{}]/;
/** Behind what was left out. */
const CLOSING = /^[),]/;
const OF_A_WORD = /[A-Za-z0-9_$'"]/;

const mayTouch = (left: string, right: string): boolean => {
  const [end, begin] = [left.at(-1) ?? '', right[0] ?? ''];
  // `a .5` and `1. b`: a dot beside a name would be one of a name.
  if (/^\.\d/.test(right)) return /[(,[]/.test(end);
  if (/\d\.$/.test(left)) return /[),\]]/.test(begin);
  if (APART.test(end) || APART.test(begin)) return true;
  if (right === '?' && /[*+?]/.test(end)) return true;
  return OF_A_WORD.test(end) !== OF_A_WORD.test(begin);
};

const stoodTogether = (left: Token | undefined, right: Token | undefined): boolean =>
  left !== undefined && right !== undefined && left.start + left.text.length === right.start;

/** `pieces`: as many as there are tokens, each in the place of its token. */
export function spaced(tokens: readonly Token[], pieces: Pieces = tokens.map(({ text }) => text)): string {
  const out: string[] = [];
  let before: { readonly text: string; readonly at: number } | undefined;
  for (const [at, text] of pieces.entries()) {
    if (text === undefined || text === '') continue;
    const isTogether =
      before !== undefined &&
      mayTouch(before.text, text) &&
      ((before.at < at - 1 && CLOSING.test(text)) ||
        (stoodTogether(tokens[before.at], tokens[before.at + 1]) && stoodTogether(tokens[at - 1], tokens[at])));
    if (before !== undefined && !isTogether) out.push(' ');
    out.push(text);
    before = { text, at };
  }
  return out.join('');
}
