/** The demo in the foreground: start, tour, wait for Ctrl-C, end without a trace. */
import { columnsOf, folded, styleFor } from '../terminal/index.js';
import { Demo, type DemoOptions } from './demo.js';
import { commands, connections, consoleSignIn, decided, tour, type Waiting } from './tour.js';

export async function runDemo(options: DemoOptions, json: boolean): Promise<void> {
  const style = styleFor(process.stdout);
  const isPerson = process.stdout.isTTY === true && !json;
  const paste = (text: string): void => void (json ? process.stderr : process.stdout).write(`${text}\n`);
  const say = (text: string): void => paste(isPerson ? folded(text, columnsOf(process.stdout)) : text);
  const started = performance.now();
  const ending = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    ending.signal.addEventListener('abort', () => {
      say('Ending …');
      resolve();
    });
  });
  const stop = (): void => ending.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  // A terminal that was closed can't be written to any more; the demo still has to end what it started.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', stop);
  const demo = await Demo.start(options, (text) => {
    if (!ending.signal.aborted) say(text);
  }).catch((error: unknown) => {
    // Ctrl-C while it starts reaches its parts as well, and what ends before it was ready is no failure then.
    if (ending.signal.aborted) return undefined;
    throw error;
  });
  if (demo === undefined) return;
  let waiting: Waiting | undefined;
  try {
    if (ending.signal.aborted) return;
    const { ready } = demo;
    if (json) process.stdout.write(`${JSON.stringify(ready)}\n`);
    say(`Ready after ${((performance.now() - started) / 1000).toFixed(1)} s.`);
    say(`Gateway ${ready.mcp_url}\nConsole ${ready.console_url}`);
    say(
      style.dim(
        'The warehouse is an embedded stand-in for Snowflake (DuckDB behind its protocol), good for trying snowfence, not for judging Snowflake.',
      ),
    );
    if (isPerson && options.tour) {
      waiting = (await Promise.race([tour(ready, say, style), stopped])) ?? undefined;
      // What is to be pasted stays in one piece.
      paste(`\n${connections(ready, style)}`);
      paste(`\n${commands(ready, waiting, style)}`);
    }
    if (isPerson) say(`\n${consoleSignIn(ready, style)}\n`);
    say('Press Ctrl-C to end.');
    // A demo that is being ended answers nothing any more.
    if (waiting) decided(ready, waiting, say, style).catch(() => undefined);
    await stopped;
  } finally {
    await demo[Symbol.asyncDispose]();
  }
}
