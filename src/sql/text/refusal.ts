/** Why a statement goes no further: said to the agent, with the place in its own text and what would work. */
export type RefusalCode =
  | 'NOT_UNDERSTOOD'
  | 'KIND_DENIED'
  | 'OBJECT_DENIED'
  | 'COLUMN_DENIED'
  | 'FUNCTION_DENIED'
  | 'MULTIPLE_STATEMENTS';

/** Both count from 1; column in UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly position: Position | undefined;
  readonly hint: string | undefined;

  constructor(code: RefusalCode, message: string, position?: Position, hint?: string) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.position = position;
    this.hint = hint;
  }
}

/** `what` there is too much of, in a statement that is well-formed otherwise. */
export class TooComplex extends Refusal {
  readonly what: string;

  constructor(what: string, position: Position | undefined) {
    const hint = 'Split it into smaller ones, nest less, or name fewer columns.';
    super('NOT_UNDERSTOOD', `The statement is too complex to be read: ${what}.`, position, hint);
    this.what = what;
  }
}

export const tooMuch = (what: string, position: Position | undefined): Refusal => new TooComplex(what, position);

/** Where each line of a text begins. */
export function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The place of an offset, by where the lines begin. */
export function positionIn(starts: readonly number[], offset: number): Position {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}

export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, Math.max(0, offset));
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}

/** The same for many places, in the order of the text, read once. */
export function positionsOf(text: string, places: readonly { readonly start: number }[]): readonly Position[] {
  let [line, begins, end] = [1, 0, text.indexOf('\n')];
  return places.map(({ start }) => {
    for (; end >= 0 && end < start; end = text.indexOf('\n', begins)) {
      line++;
      begins = end + 1;
    }
    return { line, column: start - begins + 1 };
  });
}
