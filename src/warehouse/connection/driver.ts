/**
 * snowflake-sdk, configured before its first use as its pitfalls demand (docs/embedded-warehouse.md lists them with their
 * numbers):
 * 1 its logger writes to standard output and to a file; 2 importing it probes cloud metadata addresses; 13 a VARIANT cell that is
 * not JSON is run as JavaScript in this process, unless a parser is named that never throws; 14 a result with a column called
 * `constructor` breaks, since names of columns are keys of a plain object there.
 */
import { createRequire } from 'node:module';
import type snowflake from 'snowflake-sdk';
import type { Column } from 'snowflake-sdk';
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

/** What columns are called that the driver is told another name of. */
const ownNames = new WeakMap<object, string>();

/** As the warehouse has it. */
export const nameOf = (column: Column): string => ownNames.get(column) ?? column.getName();

/**
 * The driver keeps for each name of a result's columns where it stands, in an object with a prototype (`lib/connection/result/result.js`,
 * `mapColumnNameToIndices`): to be asked for a name that stands there, too, such as `constructor` or `__proto__`, throws, and no row can be
 * read. It is told another name of those; nothing of ours asks it for a cell by a name. Each column is given its `getName` by its constructor
 * (`column.js`), which comes by here.
 */
function mendNames(): void {
  const within = createRequire(createRequire(import.meta.url).resolve('snowflake-sdk'));
  const { prototype } = within('./lib/connection/result/column.js') as { readonly prototype: Column };
  Object.defineProperty(prototype, 'getName', {
    set(this: Column, getName: () => string) {
      const name = getName();
      const isTheirs = name in Object.prototype;
      if (isTheirs) ownNames.set(this, name);
      Object.defineProperty(this, 'getName', { value: isTheirs ? () => ` ${name}` : getName });
    },
  });
}

let loading: Promise<Driver> | undefined;

async function load(): Promise<Driver> {
  // Read by the driver while it is imported, so they have to stand before that.
  process.env['SNOWFLAKE_DISABLE_PLATFORM_DETECTION'] = 'true';
  process.env['SNOWFLAKE_DISABLE_MINICORE'] = 'true';
  process.env['SF_TELEMETRY_DISABLE_CONNECTION_SHAPE'] = 'true';
  const module = await import('snowflake-sdk');
  const driver = module.default;
  mendNames();
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
