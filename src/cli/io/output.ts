/** What commands print: answers on standard output, everything else on standard error. */
import { columnsOf, folded, outputText, terminalText } from '../../terminal/index.js';

/** Whether what the command says is JSON: its --json says so, or that it has no other form. */
let saysJson = false;

export const answerInJson = (isJson: boolean): void => {
  saysJson = isJson;
};

export const say = (text: string): void =>
  void process.stdout.write(
    saysJson ? `${outputText(text, true)}\n` : `${folded(outputText(text, false), columnsOf(process.stdout))}\n`,
  );

export const complain = (text: string): void =>
  void process.stderr.write(`${folded(terminalText(text), columnsOf(process.stderr))}\n`);
