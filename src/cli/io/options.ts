/** Options that commands share, and the forms that values of options have. */
import { InvalidArgumentError, Option } from 'commander';

export const configOption = () =>
  new Option('--config <file>', 'the configuration file').env('SNOWFENCE_CONFIG').default('snowfence.yaml');

export const jsonOption = () => new Option('--json', 'answer in JSON');

/** A whole number; --help says from which to which. Without `most` it may be as large as numbers are exact. */
export function wholeOption(flags: string, about: string, least: number, most?: number): Option {
  const range = most === undefined ? `${least} or more` : `${least} to ${most}`;
  return new Option(flags, `${about}; ${range}`).argParser((text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least || value > (most ?? value))
      throw new InvalidArgumentError(`It has to be a whole number${most === undefined ? ',' : ` from`} ${range}.`);
    return value;
  });
}

const LARGEST = 1000;

/** A number that need not be whole. */
export const positiveOption = (flags: string, about: string): Option =>
  new Option(flags, `${about}; above 0, up to ${LARGEST}`).argParser((text: string): number => {
    const value = Number(text);
    if (!Number.isFinite(value) || value <= 0 || value > LARGEST)
      throw new InvalidArgumentError(`It has to be a number above 0, at most ${LARGEST}.`);
    return value;
  });

const DAY = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

/** A moment, as terms of search have it. What is none never counts as "whenever". */
export const timeOption = (flags: string, about: string): Option =>
  new Option(
    flags,
    `${about}; a day (2026-11-01), a time ("2026-11-01 13:30", UTC), or so long ago (90m, 24h, 7d, 4w)`,
  ).argParser((text: string): string => {
    const [date = ''] = text.split(/[T ]/);
    if (!/^\d{1,5}[mhdw]$/.test(text) && (!DAY.test(text) || Number.isNaN(Date.parse(date))))
      throw new InvalidArgumentError('Such as 2026-11-01, or 90d for so long ago.');
    return text;
  });

/** One that may be given again. */
export const listOption = (flags: string, about: string): Option =>
  new Option(flags, `${about}; may be given again`).argParser((value: string, list: readonly string[] = []) => [
    ...list,
    value,
  ]);
