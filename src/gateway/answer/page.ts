/** A page of a result: rows as the agent sees them, scanned once more for what detectors look for, and what of them is recorded. */
import { createHash } from 'node:crypto';
import { Scrubber } from '../../masking/index.js';
import { detectRules, type Verdict } from '../../policy/index.js';
import type { Json, RunResult } from '../../warehouse/index.js';
import type { Judged, OutputMask } from '../judge/judged.js';

/** What an answer holds at most; more comes by its cursor. */
export const PAGE_ROWS = 10_000;
export const PAGE_BYTES = 10_000_000;

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

/** Types whose values are no texts. */
const NO_TEXT = /^(?:FIXED|REAL|BOOLEAN|DATE|TIME|TIMESTAMP_\w+)$/;

/** Takes what the detectors find out of rows, and says what that was. */
function scrubbed(
  { columns, rows }: Pick<RunResult, 'columns' | 'rows'>,
  { detect }: Verdict,
  foreseen: readonly OutputMask[],
): { rows: RunResult['rows']; found: ReadonlySet<string> } {
  const isForeseen = isForeseenIn(
    foreseen,
    columns.map(({ name }) => name),
  );
  const whole = new Scrubber(detectRules(detect));
  const hasExceptions = isForeseen && detect.some(({ except }) => except.length > 0);
  const scrubbers = columns.map(({ type }, at) => {
    if (NO_TEXT.test(type)) return undefined;
    const scrubber = hasExceptions ? new Scrubber(detectRules(detect, foreseen[at]?.origins)) : whole;
    return scrubber.isIdle ? undefined : scrubber;
  });
  if (scrubbers.every((scrubber) => scrubber === undefined)) return { rows, found: new Set() };
  // In place: the rows are this page's own, and nearly all of their values stay as they are.
  const looked = scrubbers.flatMap((scrubber, at) => (scrubber ? [{ scrubber, at }] : []));
  for (const row of rows as Json[][])
    for (const { scrubber, at } of looked) {
      const value = row[at];
      if (value !== null && typeof value !== 'number') row[at] = scrubber.value(value) as Json;
    }
  return { rows, found: new Set(scrubbers.flatMap((scrubber) => [...(scrubber?.found ?? [])])) };
}

/** Rows as the agent sees them, and what of them is recorded. */
export function shownPage({ outputMasks }: Judged, verdict: Verdict, result: RunResult) {
  const { rows, found } = scrubbed(result, verdict, outputMasks);
  const names = result.columns.map(({ name }) => name);
  const masks = masksOf(outputMasks, names);
  const shown = shownNames(outputMasks, names, verdict);
  const columns = result.columns.map(({ type }, index) => ({
    name: shown[index]?.name ?? '',
    type: type === 'FIXED' ? 'NUMBER' : type,
    mask: masks[index] ?? null,
    isFromData: shown[index]?.isFromData ?? false,
  }));
  const { results } = verdict.record;
  const digest = results === 'none' ? null : createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  const record = {
    digest,
    ...(results === 'masked' ? { columns: columns.map(({ name }) => name), result: rows } : {}),
  };
  return { columns, rows, found, record };
}
