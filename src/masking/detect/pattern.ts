/** A policy's own patterns, run by RE2's automaton (RE2JS): in linear time, whatever the pattern and the text. */
import { RE2JS } from 're2js';

type Report = (start: number, end: number) => void;

const MAX_PATTERN = 1000;

/** Finds a pattern in texts. Throws with what is wrong with it, for whoever writes the policy. */
export function patternFinder(pattern: string): (text: string, report: Report) => void {
  if (pattern.length > MAX_PATTERN) throw new Error(`The pattern is longer than ${MAX_PATTERN} characters.`);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    throw new Error(`The pattern can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (compiled.matcher('').matches())
    throw new Error('The pattern matches an empty text, so it would match everywhere.');
  return (text, report) => {
    const matcher = compiled.matcher(text);
    while (matcher.find()) if (matcher.end() > matcher.start()) report(matcher.start(), matcher.end());
  };
}
