/**
 * Whether a text says anything. Wherever one is asked for (a purpose, what a person typed, a reason), one that shows nothing is none: else a
 * character without width counts as an answer. A client that does not fill in `${NAME}` sends it as it stands; that is none either.
 */
import { BLANK } from './visible-text.js';

/** Of one that a reader sees: a letter, a digit, a sign of its own such as an emoji. Marks and signs of punctuation alone say nothing. */
const TELLING = new RegExp(`(?![\\p{Default_Ignorable_Code_Point}${BLANK}\\ufffc\\ufffd])[\\p{L}\\p{N}\\p{So}]`, 'u');

/** As templates of clients and jobs have them: `${NAME}`, `${{ name }}`, `{{name}}`; as shells do where it is the whole text. */
const PLACEHOLDER = /\$?\{\{[^{}]*\}\}|\$\{[^{}]*\}|^(?:\$[A-Z_][A-Z0-9_]*|%[A-Z_][A-Z0-9_]*%)+$/g;

/** The text without white space around it; undefined where it says nothing. */
export function saidIn(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed && TELLING.test(trimmed.replaceAll(PLACEHOLDER, '')) ? trimmed : undefined;
}
