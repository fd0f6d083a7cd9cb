/**
 * A result as a file: CSV, JSON Lines or Parquet, written a few thousand rows at a time, so that no more of it is in memory than that. It
 * never reads a row by itself, never masks one, and writes to no disk.
 */
export { FORMATS, type Format, fileOf, MEDIA_TYPES } from './file.js';
export type { FileColumn } from './result-file.js';
