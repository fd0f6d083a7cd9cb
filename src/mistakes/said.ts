/** The words for each way in which a value can miss its shape: an ending for "it has to be", or a sentence that ends in a full stop or a question. */
import type { z } from 'zod';
import { closest } from '../spelling/index.js';
import { expected, KINDS } from './expected.js';

/** Letters between what was written and what was likely meant. */
const MAX_EDITS = 3;
/** A short word has many that are near. */
const edits = (word: string): number => Math.min(MAX_EDITS, Math.max(1, Math.floor(word.length / 2)));

const meant = (word: string, known: readonly string[]): string => {
  const best = closest(word.toLowerCase(), known, edits(word));
  return best === undefined ? '' : ` Did you mean "${best}"?`;
};

/** Keys that a map takes, for those that it does not: the library tells the latter alone. Kept by the list of keys that an issue has. */
const known = new WeakMap<readonly string[], readonly string[]>();

/** What there is in the place of a key that is unknown there. */
export function aboutKey(key: string, keys: readonly string[]): string {
  const there = known.get(keys) ?? [];
  const likely = meant(key, there);
  return `"${key}" is unknown here.${likely === '' && there.length > 0 ? ` There are: ${there.join(', ')}.` : likely}`;
}

const amount = (count: number | bigint, of: string): string => `${count} ${of}${Number(count) === 1 ? '' : 's'}`;

function bound(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig>): string {
  const isLeast = issue.code === 'too_small';
  const limit = isLeast ? issue.minimum : issue.maximum;
  const side = issue.exact ? 'exactly ' : isLeast ? 'at least ' : 'at most ';
  if (issue.origin === 'string')
    return limit === 1 && isLeast ? 'a text that says something' : `a text of ${side}${amount(limit, 'character')}`;
  if (issue.origin === 'array')
    return limit === 1 && isLeast
      ? 'a list that names one at least'
      : `a list of ${side}${amount(limit, 'entry').replace('entrys', 'entries')}`;
  if (issue.inclusive === false) return `${isLeast ? 'more' : 'less'} than ${limit}`;
  return `${side}${limit}`;
}

const FORMATS: Readonly<Record<string, string>> = {
  url: 'an address such as https://login.example.com',
  datetime: 'a moment with its zone, such as 2026-01-31T08:00:00Z',
  uuid: 'an id such as 7f9c24e5-1b0d-4c6e-9a51-2f0f6d1c0e3a',
};

/** Given to the library with whatever it reads for us. What a shape says itself goes before. */
export const said: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      // A union of kinds, a tuple: told by what the shape takes.
      return issue.expected === 'object' && issue.inst
        ? `a map: ${expected(issue.inst as z.core.$ZodType)}`
        : (KINDS[issue.expected] ?? (issue.inst ? expected(issue.inst as z.core.$ZodType) : 'something else'));
    case 'invalid_value': {
      const words = issue.values.map(String);
      const likely = typeof issue.input === 'string' ? meant(issue.input, words) : '';
      return `${words.length === 1 ? '' : 'one of '}${words.join(', ')}.${likely}`;
    }
    case 'too_small':
    case 'too_big':
      return bound(issue);
    case 'invalid_format':
      return FORMATS[issue.format] ?? 'a text in another form';
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'unrecognized_keys': {
      const { def } = (issue.inst as z.core.$ZodTypes | undefined)?._zod ?? {};
      if (def?.type === 'object') known.set(issue.keys, Object.keys(def.shape));
      return 'a map without keys that are unknown here';
    }
    case 'invalid_union':
      return issue.inst ? expected(issue.inst as z.core.$ZodType) : 'something else';
    case 'invalid_key':
      return 'a map with other keys';
    default:
      return 'something else';
  }
};
