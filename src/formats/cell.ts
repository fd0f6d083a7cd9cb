/** A cell as answers have it, and what of it is written where a type has to be kept. */

/** Numbers while a double holds them exactly, else their text; times in ISO 8601; VARIANT as what it is. */
export type Cell = string | number | boolean | null | readonly Cell[] | { readonly [key: string]: Cell };

/** Their cells are JSON, also where one is a text or a number alone. */
export const isSemiStructured = (type: string): boolean => /^(?:VARIANT|OBJECT|ARRAY|MAP)$/.test(type);

/** A number without an exponent: `1e-7` as `0.0000001`. */
export function plainNumber(value: number): string {
  const text = String(value);
  const [, sign = '', whole = '', fraction = '', exponent] = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (exponent === undefined) return text;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}

/** A text of a cell that has no type of its own in the file. */
export const textOf = (value: Exclude<Cell, null>): string => {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? plainNumber(value) : JSON.stringify(value);
};
