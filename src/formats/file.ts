/** What a file of each format is made by. */
import { CsvFile } from './csv.js';
import { JsonLinesFile } from './jsonl.js';
import { ParquetFile } from './parquet.js';
import type { FileColumn, ResultFile } from './result-file.js';

export const FORMATS = ['csv', 'jsonl', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];

/** RFC 4180 and RFC 7111 for CSV; JSON Lines has a name of custom (https://jsonlines.org); Parquet's is registered with IANA. */
export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  jsonl: 'application/jsonl; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

export function fileOf(format: Format, columns: readonly FileColumn[]): ResultFile {
  switch (format) {
    case 'csv':
      return new CsvFile(columns);
    case 'jsonl':
      return new JsonLinesFile(columns);
    case 'parquet':
      return new ParquetFile(columns);
  }
}
