/** A statement's own text. */
import { tokens } from './parse.js';

const bareTexts = new Map<string, string>();
const MAX_BARE_TEXTS = 500;

/** The text without comments, trailing semicolon and white space around. */
export function bare(sql: string): string {
  const known = bareTexts.get(sql);
  if (known !== undefined) return known;
  const text = bareAnew(sql);
  if (bareTexts.size >= MAX_BARE_TEXTS) bareTexts.clear();
  bareTexts.set(sql, text);
  return text;
}

function bareAnew(sql: string): string {
  let out = '';
  let last = 0;
  for (const token of tokens(sql)) {
    if (token.type === 'SEMICOLON') continue;
    out += (token.start > last && out !== '' ? ' ' : '') + sql.slice(token.start, token.end);
    last = token.end;
  }
  return out.trim();
}
