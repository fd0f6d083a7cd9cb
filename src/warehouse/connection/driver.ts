/**
 * snowflake-sdk, configured before its first use as its pitfalls demand (docs/embedded-warehouse.md lists them with their
 * numbers):
 * 1 its logger writes to standard output and to a file; 2 importing it probes cloud metadata addresses; 13 a VARIANT cell that is
 * not JSON is run as JavaScript in this process, unless a parser is named that never throws.
 */
import type snowflake from 'snowflake-sdk';
import { exactNumber } from './number.js';

export type Driver = typeof snowflake;

/** More digits than a double is sure to hold, or an exponent. */
const PERHAPS_INEXACT = /\d{16}|\d[.\d]{16}|\d[eE]/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON in which a number that no double holds is a text of its digits. Of JSON alone: of other texts the expression would take the square of their length. */
const withExactNumbers = (json: string): string =>
  json.replace(STRING_OR_NUMBER, (part) =>
    part.startsWith('"') || typeof exactNumber(part) === 'number' ? part : `"${part}"`,
  );

/**
 * JSON where it is, the text itself where it isn't; numbers while a double holds them exactly, else their digits as a text. Never throws: the
 * driver would let an exception end the process.
 */
export function parseVariant(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return PERHAPS_INEXACT.test(text) ? JSON.parse(withExactNumbers(text)) : value;
  } catch {
    return text;
  }
}

let loading: Promise<Driver> | undefined;

async function load(): Promise<Driver> {
  // Read by the driver while it is imported, so they have to stand before that.
  process.env['SNOWFLAKE_DISABLE_PLATFORM_DETECTION'] = 'true';
  process.env['SNOWFLAKE_DISABLE_MINICORE'] = 'true';
  process.env['SF_TELEMETRY_DISABLE_CONNECTION_SHAPE'] = 'true';
  const module = await import('snowflake-sdk');
  const driver = module.default;
  driver.configure({
    logLevel: 'OFF',
    additionalLogToConsole: false,
    jsonColumnVariantParser: parseVariant,
    // XML in a VARIANT stays text: no parser of ours meets what an agent wrote.
    xmlColumnVariantParser: (text: string) => text,
    useEnvProxy: process.env['SNOWFENCE_USE_PROXY'] === 'true',
  } as Parameters<Driver['configure']>[0]);
  return driver;
}

/** The driver, loaded and configured once for the process. */
export function loadDriver(): Promise<Driver> {
  loading ??= load();
  return loading;
}
