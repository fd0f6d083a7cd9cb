/**
 * Which numbers can be dialled: calling codes and the lengths of their numbers, out of libphonenumber's metadata. The library's own
 * parser takes 70 µs for each number, too long for every cell of a result; its tables answer in less than one.
 */
import { createRequire } from 'node:module';
import type * as Library from 'libphonenumber-js/min';

/** By calling code: lengths of the national numbers. */
function lengthsByCode(): ReadonlyMap<string, ReadonlySet<number>> {
  const { getCountries, getCountryCallingCode, Metadata } = createRequire(import.meta.url)(
    'libphonenumber-js/min',
  ) as typeof Library;
  const lengths = new Map<string, Set<number>>();
  const metadata = new Metadata();
  for (const country of getCountries()) {
    metadata.selectNumberingPlan(country);
    const code = String(getCountryCallingCode(country));
    const known = lengths.get(code) ?? new Set<number>();
    for (const length of metadata.numberingPlan?.possibleLengths() ?? []) known.add(length);
    lengths.set(code, known);
  }
  return lengths;
}

/** Read with the first number that is looked at: a hundred files, which most commands have no use for. */
let known: ReadonlyMap<string, ReadonlySet<number>> | undefined;

/** Digits with the country's code first, nothing else. No country has a code that begins another's (ITU-T E.164). */
export function isCallingNumber(digits: string): boolean {
  known ??= lengthsByCode();
  for (const size of [1, 2, 3]) {
    const lengths = known.get(digits.slice(0, size));
    if (!lengths) continue;
    const national = digits.slice(size);
    // A trunk zero is often written where it is not dialled.
    return lengths.has(national.length) || (national.startsWith('0') && lengths.has(national.length - 1));
  }
  return false;
}
