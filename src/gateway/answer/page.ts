/** A page of a result: rows as the agent sees them, scanned once more for what detectors look for, and what of them is recorded. */
import { createHash } from 'node:crypto';
import { Scrubber } from '../../masking/index.js';
import { detectRules, type Verdict } from '../../policy/index.js';
import { Moment } from '../../turns/index.js';
import type { Json, PageSize, RunResult } from '../../warehouse/index.js';
import type { Judged, OutputMask } from '../judge/judged.js';
import type { CutCell } from './answer.js';

/** What a model can take at a time. */
const PAGE_ROWS = 100;
const PAGE_BYTES = 20_000;
/** What an answer holds at most, where more is asked for. */
const ASKED_ROWS = 10_000;
export const ASKED_BYTES = 10_000_000;
/** Of one cell in a page; the rest is asked for by its cursor. */
const CELL_CHARS = 2000;

/** How much an answer holds; more comes by its cursor. `bytesLeft`: what the principal may still be answered of this result. */
export const pageSize = (asked: number | undefined, rowsLeft: number, bytesLeft: number): PageSize => ({
  maxRows: Math.min(asked ?? PAGE_ROWS, ASKED_ROWS, rowsLeft),
  maxBytes: Math.min(ASKED_BYTES, bytesLeft),
  pageBytes: asked === undefined ? PAGE_BYTES : ASKED_BYTES,
  cellChars: CELL_CHARS,
});

/** Of what becomes a file an answer has the columns alone. */
export const NO_ROWS: PageSize = { maxRows: 0, maxBytes: 0 };

/** How much of a file is read, looked through, recorded and given out at a time. */
const FILE_ROWS = 5000;
const FILE_BYTES = 2_000_000;
export const filePage = (rowsLeft: number, bytesLeft: number): PageSize => ({
  maxRows: Math.min(FILE_ROWS, rowsLeft),
  // A row larger than an answer may be is none of a file's either: it would keep everybody else waiting.
  maxBytes: Math.min(ASKED_BYTES, bytesLeft),
  pageBytes: FILE_BYTES,
});

/** A long text by its beginning, which says that it is one. Never half of a character of two units. */
function cutText(text: string): string {
  const end = /[\uD800-\uDBFF]/.test(text.charAt(CELL_CHARS - 1)) ? CELL_CHARS - 1 : CELL_CHARS;
  return `${text.slice(0, end)}… [cut: ${end} of ${text.length} characters]`;
}

/** Rows whose long cells are cut, in place, and which these are. */
function cutCells(rows: RunResult['rows']): readonly CutCell[] {
  const cut: CutCell[] = [];
  for (const [at, row] of (rows as Json[][]).entries())
    for (const [column, value] of row.entries()) {
      if (value === null || typeof value === 'number' || typeof value === 'boolean') continue;
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      if (text.length <= CELL_CHARS) continue;
      row[column] = cutText(text);
      cut.push({ row: at + 1, column: column + 1, characters: text.length });
    }
  return cut;
}

/** One for each column that came back: by place where the analysis foresaw just these columns, else by name. */
function masksOf(foreseen: readonly OutputMask[], names: readonly string[]): (string | null)[] {
  if (isForeseenIn(foreseen, names)) return foreseen.map(({ mask }) => mask);
  const join = (some: readonly OutputMask[]): string | null =>
    [...new Set(some.flatMap(({ mask }) => mask ?? []))].join(', ') || null;
  return names.map((name) => {
    const same = foreseen.filter((output) => output.name === name);
    return join(same.length > 0 ? same : foreseen.filter((output) => output.name === undefined));
  });
}

/** Names as they are shown: what a PIVOT named after values goes through the detectors like the values. */
function shownNames(
  foreseen: readonly OutputMask[],
  names: readonly string[],
  { detect }: Verdict,
): { readonly name: string; readonly isFromData: boolean }[] {
  if (!foreseen.some(({ isMany }) => isMany)) return names.map((name) => ({ name, isFromData: false }));
  const known = new Set(foreseen.map(({ name }) => name));
  const scrubber = new Scrubber(detectRules(detect));
  return names.map((name) =>
    known.has(name) ? { name, isFromData: false } : { name: scrubber.text(name), isFromData: true },
  );
}

const isForeseenIn = (foreseen: readonly OutputMask[], names: readonly string[]): boolean =>
  foreseen.length === names.length && foreseen.every(({ name }, at) => name === undefined || name === names[at]);

/** Types whose values are neither texts nor numbers. */
const NOT_LOOKED_AT = /^(?:BOOLEAN|DATE|TIME|TIMESTAMP_\w+)$/;
/** Of these a value in which something is found is null: no text fits there. */
const NUMBER = /^(?:FIXED|REAL)$/;

/** Takes what the detectors find out of rows, and says what that was. */
async function scrubbed(
  { columns, rows }: Pick<RunResult, 'columns' | 'rows'>,
  { detect }: Verdict,
  foreseen: readonly OutputMask[],
): Promise<{ rows: RunResult['rows']; found: ReadonlySet<string> }> {
  const isForeseen = isForeseenIn(
    foreseen,
    columns.map(({ name }) => name),
  );
  const whole = new Scrubber(detectRules(detect));
  const hasExceptions = isForeseen && detect.some(({ except }) => except.length > 0);
  const scrubbers = columns.map(({ type }, at) => {
    if (NOT_LOOKED_AT.test(type)) return undefined;
    const scrubber = hasExceptions ? new Scrubber(detectRules(detect, foreseen[at]?.origins)) : whole;
    return scrubber.isIdle ? undefined : scrubber;
  });
  if (scrubbers.every((scrubber) => scrubber === undefined)) return { rows, found: new Set() };
  // In place: the rows are this page's own, and nearly all of their values stay as they are.
  const looked = scrubbers.flatMap((scrubber, at) =>
    scrubber ? [{ scrubber, at, isNumber: NUMBER.test(columns[at]?.type ?? '') }] : [],
  );
  const moment = new Moment();
  for (const row of rows as Json[][]) {
    // Others' requests are answered between two rows.
    if (moment.isOver) await moment.next();
    for (const { scrubber, at, isNumber } of looked) {
      const value = row[at];
      if (value === null) continue;
      const shown = scrubber.value(value) as Json;
      row[at] = isNumber && shown !== value ? null : shown;
    }
  }
  return { rows, found: new Set(scrubbers.flatMap((scrubber) => [...(scrubber?.found ?? [])])) };
}

const onlyCell = (rows: RunResult['rows'], cell: number): Json[][] =>
  rows.map((row) => row.map((value, at) => (at === cell ? value : null)));

/**
 * Rows as the agent sees them, how large these are as JSON, and what of them is recorded. `cell`: the one column, from 0, whose cells are wanted,
 * and whole; `whole`: all of them are.
 */
export async function shownPage(
  { outputMasks }: Judged,
  verdict: Verdict,
  result: RunResult,
  wholes?: number | 'whole',
) {
  const cell = wholes === 'whole' ? undefined : wholes;
  // Of a row that is read for one cell the others are nobody's.
  const wanted = cell === undefined ? result : { ...result, rows: onlyCell(result.rows, cell) };
  // Detectors look at whole texts: what is cut before could be cut in the middle of what they look for.
  const { rows: whole, found } = await scrubbed(wanted, verdict, outputMasks);
  const cut = wholes === undefined ? cutCells(whole) : [];
  const rows = cell === undefined ? whole : whole.map((row) => [row[cell] ?? null]);
  const names = result.columns.map(({ name }) => name);
  const masks = masksOf(outputMasks, names);
  const shown = shownNames(outputMasks, names, verdict);
  const all = result.columns.map(({ type }, index) => ({
    name: shown[index]?.name ?? '',
    type: type === 'FIXED' ? 'NUMBER' : type,
    mask: masks[index] ?? null,
    isFromData: shown[index]?.isFromData ?? false,
  }));
  const columns = all.filter((_, index) => cell === undefined || index === cell);
  const { results } = verdict.record;
  const json = JSON.stringify(rows);
  const digest = results === 'none' ? null : createHash('sha256').update(json).digest('hex');
  const record = {
    digest,
    ...(results === 'masked' ? { columns: columns.map(({ name }) => name), result: rows } : {}),
  };
  return { columns, rows, cut, found, record, bytes: Buffer.byteLength(json) };
}
