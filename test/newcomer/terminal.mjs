/** A command on a terminal of its own, 80 columns wide, as a person would have typed it there. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const COLUMNS = 80;
const CTRL_C = '\u0003';

/** What steers a terminal and takes no column. */
const STEERING = new RegExp(`${String.fromCharCode(27)}(?:\\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])`, 'g');

export class Terminal {
  #said = '';
  #code;
  #child;
  #ended;
  #command;

  /** `script` (util-linux) makes the terminal, and ends as the command does. */
  constructor(command, { cwd, env }) {
    this.#command = command;
    this.#child = spawn('script', ['-qefc', `stty cols ${COLUMNS} rows 40; ${command}`, '/dev/null'], {
      cwd,
      env: { ...env, TERM: 'xterm', SHELL: '/bin/bash' },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on('data', (bytes) => {
        this.#said += bytes.toString();
      });
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve)).then((code) => {
      this.#code = code;
    });
  }

  /** Without what steers the terminal. */
  get text() {
    return this.#said.replaceAll(STEERING, '').replaceAll('\r\n', '\n');
  }

  /** Throws where it does not say so, or ends before. */
  async says(pattern, ms) {
    for (const until = Date.now() + ms; !pattern.test(this.text); await sleep(100)) {
      if (this.#code !== undefined) throw new Error(`It has ended with ${this.#code} before ${pattern}:\n${this.tail}`);
      if (Date.now() > until) throw new Error(`${pattern} did not come within ${ms / 1000} s:\n${this.tail}`);
    }
    return pattern.exec(this.text);
  }

  get tail() {
    return this.text.slice(-2000);
  }

  interrupt() {
    this.#child.stdin.write(CTRL_C);
  }

  /** Its text. Throws where it ends otherwise than with one of these codes, or not in time. */
  async ends(ms, codes = [0]) {
    const late = sleep(ms, 'late', { ref: false });
    if ((await Promise.race([this.#ended, late])) === 'late') {
      this.#child.kill('SIGKILL');
      throw new Error(`${this.#command} did not end within ${ms / 1000} s:\n${this.tail}`);
    }
    if (!codes.includes(this.#code)) throw new Error(`${this.#command} ended with ${this.#code}:\n${this.tail}`);
    return this.text;
  }
}

/** What npm says is npm's; a line of JSON is for a program, and stays whole. */
const IS_OTHERS = /^(?:npm |> |\{")/;

/** Lines that do not fit, and what Node says of itself. A line that is written over counts as often as it is written. */
export function unfit(text) {
  const lines = text.split(/[\n\r]/);
  const wide = lines.filter((line) => [...line].length > COLUMNS && !IS_OTHERS.test(line));
  const warnings = lines.filter((line) => /\(node:\d+\) |\bWarning: /.test(line));
  return [...wide.map((line) => `wider than ${COLUMNS} columns: ${line}`), ...warnings];
}
