/** What a shape takes, in words that follow "it has to be". */
import type { z } from 'zod';

type Shape = z.core.$ZodType;

/** Shapes that stand around another. */
function inner(shape: Shape): Shape | undefined {
  const { def } = shape._zod as z.core.$ZodTypes['_zod'];
  if (def.type === 'pipe') return inner(def.in) ?? def.in;
  if ('innerType' in def) return inner(def.innerType) ?? def.innerType;
  return undefined;
}

/** A shape without what stands around it: what may be left out, what is made of it. */
const bare = (shape: Shape): z.core.$ZodTypes => (inner(shape) ?? shape) as z.core.$ZodTypes;

const listed = (words: readonly string[], last: string): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1) ?? ''}`;

const literal = (value: unknown): string => (typeof value === 'string' ? value : String(value));

/** By the library's names of types. */
export const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
  null: 'empty (null)',
  date: 'a moment',
};

/** What may stand there. */
export function expected(shape: Shape): string {
  const { def } = bare(shape)._zod;
  if (def.type === 'enum') return `one of ${Object.values(def.entries).map(literal).join(', ')}`;
  if (def.type === 'literal') return def.values.map(literal).join(' or ');
  if (def.type === 'union') return listed([...new Set(def.options.map(expected))], 'or');
  if (def.type === 'object') return `{ ${Object.keys(def.shape).join(', ')} }`;
  if (def.type === 'array') return `a list, each of it ${expected(def.element)}`;
  if (def.type === 'number' && 'format' in def) return 'a whole number';
  return KINDS[def.type] ?? 'something else';
}
