/** Text on a terminal: colour where it is wanted (https://no-color.org), tables. */
import { visibleJson, visibleLine, visibleLines, visibleText } from '../visible-text/index.js';

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

const wrap = (open: number, close: number, on: boolean) => (text: string) =>
  on ? `\u001b[${open}m${text}\u001b[${close}m` : text;

export function styleFor(stream: { isTTY?: boolean | undefined }): Style {
  const on = stream.isTTY === true && !process.env['NO_COLOR'];
  return {
    bold: wrap(1, 22, on),
    dim: wrap(2, 22, on),
    red: wrap(31, 39, on),
    green: wrap(32, 39, on),
    yellow: wrap(33, 39, on),
  };
}

/** A line that others wrote must not steer the terminal, nor read as something else, nor make lines of its own. */
export const printable = visibleLine;

/** A text that others wrote behind our own word for it: on its line, or below it line by line behind a bar. */
export function titled(title: string, text: string): readonly string[] {
  const lines = visibleLines(text);
  return lines.length === 1 ? [`${title}  ${lines[0] ?? ''}`] : [title.trimEnd(), ...lines.map((line) => `  ${line}`)];
}

/** What `Style` puts in, and no other sequence. */
const STYLES = new RegExp(`(${String.fromCharCode(27)}\\[(?:1|2|22|31|32|33|39)m)`);

/** The last net over all that is printed: whatever came through from others, only our own styles steer the terminal. */
export const terminalText = (text: string): string =>
  text
    .split(STYLES)
    .map((part, at) => (at % 2 === 1 ? part : visibleText(part)))
    .join('');

/**
 * JSON is for programs, and keeps every character: what can't be seen is written as an escape. Only `isJson` says that a text is JSON;
 * its beginning says nothing, since others may have written that.
 */
export const outputText = (text: string, isJson: boolean): string => (isJson ? visibleJson(text) : terminalText(text));

/**
 * Lines that are longer than the terminal is wide are broken here, between words where it can be and behind a mark: broken by the terminal,
 * what stands at the width's end would begin a line as if it were ours. What is not ASCII may take two columns.
 */
export function folded(text: string, columns: number | undefined): string {
  if (columns === undefined || columns < 20) return text;
  return text
    .split('\n')
    .flatMap((line) => (line.length * 2 <= columns ? line : foldedLine(line, columns)))
    .join('\n');
}

const FOLD = '\n  ┊ ';
/** The mark may take two columns as well. */
const FOLD_WIDTH = 4 + 2;

function foldedLine(line: string, columns: number): string {
  const lines: string[] = [];
  let current = '';
  let width = 0;
  /** Behind the last space of this line: its place in `current`, and how wide the line was up to it. */
  let space: { readonly at: number; readonly width: number } | undefined;
  for (const [at, part] of line.split(STYLES).entries()) {
    if (at % 2 === 1) {
      current += part;
      continue;
    }
    for (const character of part) {
      const wide = character < '\u0080' ? 1 : 2;
      if (width + wide > columns) {
        // A word that would leave most of the line empty is broken itself.
        const cut = space && space.width * 2 > columns ? space : { at: current.length, width };
        lines.push(cut === space ? current.slice(0, cut.at).trimEnd() : current);
        current = current.slice(cut.at);
        width = FOLD_WIDTH + width - cut.width;
        space = undefined;
      }
      current += character;
      width += wide;
      if (character === ' ' && width > FOLD_WIDTH) space = { at: current.length, width };
    }
  }
  return [...lines, current].join(FOLD);
}

/** How wide standard output is, where it is a terminal. */
export const columnsOf = ({ isTTY, columns }: { isTTY?: boolean; columns?: number }): number | undefined =>
  isTTY === true ? columns : undefined;

const MAX_CELL = 60;

/** Rows under their header; where the terminal is narrower than that, each row by itself, a line for each of its cells. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined = columnsOf(process.stdout),
): string {
  const cut = (text: string): string => {
    const clean = printable(text.replace(/[ \t\r\n]+/g, ' '));
    return clean.length > MAX_CELL ? `${clean.slice(0, MAX_CELL - 1)}…` : clean;
  };
  const lines = [header, ...rows].map((row) => row.map(cut));
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const total = widths.reduce((sum, width) => sum + width + 2, -2);
  if (columns !== undefined && columns >= 20 && total > columns && rows.length > 0) {
    const [names = [], ...records] = lines;
    const widest = Math.max(...names.map(({ length }) => length));
    return records
      .map((record) => names.map((name, at) => `${name.padEnd(widest)}  ${record[at] ?? ''}`.trimEnd()).join('\n'))
      .join('\n\n');
  }
  const draw = (line: readonly string[]): string =>
    line
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [draw(lines[0] ?? []), widths.map((width) => '-'.repeat(width)).join('  '), ...lines.slice(1).map(draw)].join(
    '\n',
  );
}

/** A line that is written over: on a terminal only, and seldom. */
export function progressLine(stream: NodeJS.WriteStream): { show: (text: string) => void; end: () => void } {
  let last = 0;
  const isOn = stream.isTTY === true;
  return {
    show: (text) => {
      if (!isOn || Date.now() - last < 100) return;
      last = Date.now();
      stream.write(`\r\u001b[K${text}`);
    },
    end: () => {
      if (isOn && last > 0) stream.write('\r\u001b[K');
    },
  };
}
