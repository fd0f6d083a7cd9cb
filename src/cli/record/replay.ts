/** A session played again, in a terminal or as a file for asciinema (https://docs.asciinema.org/manual/asciicast/v2/). */
import { emitKeypressEvents } from 'node:readline';
import { z } from 'zod';
import { columnsOf, folded, linesOf, printable, type Style, table, terminalText } from '../../terminal/index.js';
import { MOMENT_WIDTH, moment } from '../../times/index.js';
import type { SessionSummary, StoredEvent } from '../../transcript/index.js';

export interface Frame {
  /** Milliseconds since the frame before, pauses cut. */
  readonly afterMs: number;
  readonly text: string;
}

export interface Timing {
  /** 2 is twice as fast. */
  readonly speed: number;
  readonly maxPauseMs: number;
}

const COLOURS: Style = {
  bold: (text) => `\u001b[1m${text}\u001b[22m`,
  dim: (text) => `\u001b[2m${text}\u001b[22m`,
  red: (text) => `\u001b[31m${text}\u001b[39m`,
  green: (text) => `\u001b[32m${text}\u001b[39m`,
  yellow: (text) => `\u001b[33m${text}\u001b[39m`,
};

const MAX_ROWS = 20;

const shownRows = z.object({ columns: z.array(z.string()), result: z.array(z.array(z.unknown())) });

/** Rows as the agent saw them, where the policy has them recorded. */
function rowsOf(event: StoredEvent): string | undefined {
  const rows = shownRows.safeParse(event.body).data;
  if (!rows || rows.columns.length === 0) return undefined;
  const cells = rows.result
    .slice(0, MAX_ROWS)
    .map((row) =>
      row.map((value) => (value === null ? 'NULL' : typeof value === 'string' ? value : JSON.stringify(value))),
    );
  const more = rows.result.length - cells.length;
  return `${table(rows.columns, cells)}${more > 0 ? `\n… and ${more} more` : ''}`;
}

/** What a watcher sees, one frame for each event, in the order of time. */
export function framesOf(
  session: SessionSummary,
  events: readonly StoredEvent[],
  { speed, maxPauseMs }: Timing,
  style: Style = COLOURS,
): Frame[] {
  const ordered = [...events].sort(
    (left, right) => Date.parse(left.at) - Date.parse(right.at) || left.position - right.position,
  );
  const frames: Frame[] = [];
  let last: number | undefined;
  for (const event of ordered) {
    const lines = [...linesOf(event, style)];
    const rows = rowsOf(event);
    if (rows !== undefined) lines.push(...rows.split('\n'));
    if (lines.length === 0) continue;
    const time = Date.parse(event.at);
    const pause = last === undefined ? 0 : Math.min((time - last) / speed, maxPauseMs);
    last = time;
    const isStatement = event.kind === 'statement_submitted' || event.kind === 'statement_refused';
    const stamp = style.dim(moment(event.at));
    const agent = isStatement ? `\n${style.bold(`${printable(session.subject)}>`)} ` : '';
    frames.push({
      afterMs: Math.max(0, Math.round(pause)),
      text: terminalText(`${agent}${stamp}  ${lines.join(`\n${' '.repeat(MOMENT_WIDTH + 2)}`)}\n`),
    });
  }
  return frames;
}

const WIDTH = 120;
const HEIGHT = 36;

/** The lines of an asciicast, version 2. */
export function asciicast(session: SessionSummary, frames: readonly Frame[]): string[] {
  const header = {
    version: 2,
    width: WIDTH,
    height: HEIGHT,
    timestamp: Math.floor(session.opened_at.getTime() / 1000),
    title: `snowfence session ${session.id} of ${printable(session.subject)}`,
  };
  let time = 0;
  return [
    JSON.stringify(header),
    ...frames.map(({ afterMs, text }) => {
      time += afterMs / 1000;
      return JSON.stringify([Number(time.toFixed(6)), 'o', text.replaceAll('\n', '\r\n')]);
    }),
  ];
}

const STEP_HINT = '\u001b[2m(a key for the next, q to end)\u001b[22m';

/** Plays frames on the terminal; with `step`, one for each key. */
export async function play(frames: readonly Frame[], step: boolean): Promise<void> {
  const { stdin, stdout } = process;
  const isInteractive = stdin.isTTY === true && stdout.isTTY === true;
  if (isInteractive) {
    emitKeypressEvents(stdin);
    stdin.setRawMode(true);
  }
  try {
    for (const [index, frame] of frames.entries()) {
      if (step && isInteractive && index > 0) {
        stdout.write(STEP_HINT);
        const key = await keyOf();
        stdout.write('\r\u001b[K');
        if (key === 'q') return;
      } else if (!step && (await isStopped(frame.afterMs, isInteractive))) return;
      stdout.write(folded(frame.text, columnsOf(stdout)));
    }
  } finally {
    if (isInteractive) {
      stdin.setRawMode(false);
      stdin.pause();
    }
  }
}

interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
}

const isEnd = (key: Key | undefined): boolean =>
  key?.name === 'q' || key?.name === 'escape' || (key?.ctrl === true && key.name === 'c');

const keyOf = (): Promise<string> =>
  new Promise((resolve) => {
    process.stdin.once('keypress', (_text: string | undefined, key: Key | undefined) =>
      resolve(isEnd(key) ? 'q' : 'next'),
    );
    process.stdin.resume();
  });

/** Waits; true where the watcher has pressed q meanwhile. */
function isStopped(ms: number, isInteractive: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const onKey = (_text: string | undefined, key: Key | undefined): void => {
      if (isEnd(key)) finish(true);
    };
    const finish = (stopped: boolean): void => {
      clearTimeout(timer);
      process.stdin.off('keypress', onKey);
      resolve(stopped);
    };
    const timer = setTimeout(() => finish(false), ms);
    if (isInteractive) {
      process.stdin.on('keypress', onKey);
      process.stdin.resume();
    }
  });
}
