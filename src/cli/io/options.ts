/** Options that commands share, and the forms that values of options have. */
import { InvalidArgumentError, Option } from 'commander';

export const configOption = () =>
  new Option('--config <file>', 'the configuration file').env('SNOWFENCE_CONFIG').default('snowfence.yaml');

export const jsonOption = () => new Option('--json', 'answer in JSON');

export function whole(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`It has to be a whole number from ${least} to ${most}.`);
    return value;
  };
}

export const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || value > 1000)
    throw new InvalidArgumentError('It has to be a number above 0, at most 1000.');
  return value;
};

export const moment = (text: string): string => {
  if (!/^(?:\d{4}-\d{2}-\d{2}|\d{1,5}[mhdw]$)/.test(text))
    throw new InvalidArgumentError('Such as 2026-11-01, or 90d for so long ago.');
  return text;
};

/** Of an option that may be given again. */
export const collect = (value: string, list: readonly string[]): readonly string[] => [...list, value];
