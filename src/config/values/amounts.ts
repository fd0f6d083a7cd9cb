/** Of the configuration: times, sizes and numbers, each within bounds. */
import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

const shown = (ms: number): string =>
  ms % 60_000 === 0 ? `${ms / 60_000}m` : ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;

/** Milliseconds of a text such as 500ms, 10s or 2m. */
export const duration = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}(?:ms|s|m)$/, 'a duration such as 500ms, 10s or 2m')
    .transform((text) => Number.parseInt(text, 10) * (UNITS[text.replace(/^\d+/, '')] ?? 0))
    .refine((ms) => ms >= least && ms <= most, `from ${shown(least)} to ${shown(most)}`);

export const period = z
  .string()
  .regex(/^\d{1,4}[mh]$/, 'a time such as 30m or 8h')
  .transform((text) => Number.parseInt(text, 10) * (text.endsWith('h') ? 3_600_000 : 60_000))
  .refine((ms) => ms >= 60_000 && ms <= 7 * 86_400_000, 'from 1m to 168h');

const SIZES: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 };

export const size = z
  .string()
  .regex(/^[1-9]\d{0,5}(?:KB|MB|GB)$/, 'a size such as 500KB, 50MB or 1GB')
  .transform((text) => Number.parseInt(text, 10) * (SIZES[text.slice(-2)] ?? 1));

export const count = (most: number) => z.number().int().min(1).max(most);
