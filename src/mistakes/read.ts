/** A value read by its shape: what it is, or all that is wrong with it. */
import type { z } from 'zod';
import { isInexact } from '../exact-json/index.js';
import { aboutKey, said } from './said.js';

type Path = readonly PropertyKey[];

/** What is wrong in one place. */
export interface Mistake {
  /** Where: keys and numbers of entries, counted from 0. Of a key that is unknown, with that key. */
  readonly path: Path;
  readonly isKey: boolean;
  /** A sentence that names the place, such as `limits.rows is a text: it has to be a whole number.` */
  readonly message: string;
}

export type Read<T> =
  | { readonly data: T; readonly mistakes?: undefined }
  | { readonly data?: undefined; readonly mistakes: readonly Mistake[] };

const isMap = (value: unknown): value is Readonly<Record<PropertyKey, unknown>> =>
  typeof value === 'object' && value !== null;

const at = (value: unknown, path: Path): unknown =>
  path.reduce((found, step) => (isMap(found) && Object.hasOwn(found, step) ? found[step] : undefined), value);

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'empty';
  if (value === '') return 'an empty text';
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'number') return Number.isFinite(value) ? 'a number' : 'no finite number';
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return 'a map';
}

const MAX_SHOWN = 40;

/** As it can be told: a text only where one of a few words is meant, so that no secret is ever told on. */
function gotten(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_value' && typeof value === 'string' && value !== '' && value.length <= MAX_SHOWN)
    return JSON.stringify(value);
  if ((issue.code === 'too_small' || issue.code === 'too_big') && typeof value === 'number') return String(value);
  const form = issue.code === 'invalid_format' || issue.code === 'custom' ? ' that can not stand here' : '';
  return `${kindOf(value)}${typeof value === 'string' && value !== '' ? form : ''}`;
}

const isSentence = (text: string): boolean => /[.?]$/.test(text);
const isExpectation = (issue: z.core.$ZodIssue): boolean =>
  issue.code === 'invalid_value' || !isSentence(issue.message);

/** Those of the form that was likely meant, where a value may have several. */
function meantForm(issue: z.core.$ZodIssueInvalidUnion, value: unknown): readonly z.core.$ZodIssue[] | undefined {
  // What a shape says itself of all its forms stands.
  if (isSentence(issue.message) || !isMap(value)) return undefined;
  const near = issue.errors.filter((issues) =>
    issues.every(({ path, code }) => path.length > 0 || code !== 'invalid_type'),
  );
  return near.length === 1 ? near[0] : undefined;
}

function* mistakesOf(issue: z.core.$ZodIssue, whole: string, given: unknown, before: Path): Generator<Mistake> {
  const path = [...before, ...issue.path];
  const name = path.map(String).join('.');
  const value = at(given, path);
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys)
      yield {
        path: [...path, key],
        isKey: true,
        message: `${name === '' ? '' : `${name}: `}${aboutKey(key, issue.keys)}`,
      };
    return;
  }
  if (issue.code === 'invalid_key') {
    for (const { message } of issue.issues)
      yield { path, isKey: true, message: `${name}: this key has to be ${message}${isSentence(message) ? '' : '.'}` };
    return;
  }
  const deeper = issue.code === 'invalid_union' ? meantForm(issue, value) : undefined;
  if (deeper) {
    for (const one of deeper) yield* mistakesOf(one, whole, given, path);
    return;
  }
  const what = name === '' ? whole : name;
  const message = isExpectation(issue)
    ? `${what} is ${gotten(issue, value)}: it has to be ${issue.message}${isSentence(issue.message) ? '' : '.'}`
    : `${what}: ${issue.message}`;
  yield { path, isKey: false, message };
}

/** Where numbers stand that a reader of JSON would have changed. */
function* inexactIn(value: unknown, path: Path, seen: WeakSet<object>): Generator<Path> {
  if (!isMap(value) || seen.has(value)) return;
  seen.add(value);
  if (isInexact(value)) yield path;
  else for (const [key, one] of Object.entries(value)) yield* inexactIn(one, [...path, key], seen);
}

/** Its digits are not told: whoever sent them has them, and they may be a secret. */
const inexactAt = (path: Path, whole: string): Mistake => ({
  path,
  isKey: false,
  message: `${path.length === 0 ? whole : path.map(String).join('.')} is a number that would be read as another: whole ones are kept up to 9007199254740991, others to 15 digits. Send it as a text.`,
});

/**
 * A value from outside, by its shape. `whole`: what is said of the value as a whole, such as "The file". A shape's own messages are either
 * sentences, which end in a full stop, or what has to stand there ("a duration such as 30s"), which is put behind "it has to be".
 */
export function readValue<Shape extends z.ZodType>(shape: Shape, given: unknown, whole: string): Read<z.output<Shape>> {
  const inexact = [...inexactIn(given, [], new WeakSet())];
  if (inexact.length > 0) return { mistakes: inexact.map((path) => inexactAt(path, whole)) };
  const parsed = shape.safeParse(given, { error: said });
  if (parsed.success) return { data: parsed.data };
  return { mistakes: parsed.error.issues.flatMap((issue) => [...mistakesOf(issue, whole, given, [])]) };
}

/** Of an answer, or of something stored, that nobody typed: that its form is another than it should be, and where. undefined for other errors. */
export function oddlyShaped(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ZodError' || !('issues' in error) || !Array.isArray(error.issues))
    return undefined;
  const [first] = error.issues as readonly z.core.$ZodIssue[];
  const place = first?.path.map(String).join('.') ?? '';
  return `Something that was read or answered is in another form than it should be${place === '' ? '' : `, at ${place}`}.`;
}
