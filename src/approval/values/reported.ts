/** What a client reports of where a statement comes from, as people read it before they look at the record. */
import { isPromptCut, PROMPT_BESIDE } from '../../visible-text/index.js';
import type { Approval } from './state.js';

/** As a fact that is known: a name, and a line for it. */
interface Reported {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Digits by threes, whoever looks. */
const inThrees = (value: number): string => value.toLocaleString('en-US');

/** Who says what a person typed. */
const SOURCES: Readonly<Record<string, string>> = {
  hook: 'the client’s hook reported it',
  call: 'the client said so with the call',
  connection: 'the connection says so',
};
/** UTF-16 units of a job that people are shown, all its parts together. */
const SHOWN_JOB = 500;

/** Nobody has checked it: who says so stands before what is said. */
export function reportedOf({ reported }: Pick<Approval, 'reported'>): readonly Reported[] {
  const { prompt, job, job_source: source = '' } = reported ?? {};
  const facts: Reported[] = [];
  if (prompt) {
    const isCut = isPromptCut(prompt.length);
    const size = isCut ? `, ${inThrees(prompt.length)} characters` : '';
    const text = `${prompt.text.slice(0, PROMPT_BESIDE)}${isCut ? ' …' : ''}`;
    facts.push({
      name: `A person typed (${SOURCES[prompt.source] ?? 'reported'}${size})`,
      lines: [text.toWellFormed()],
    });
  }
  if (job) {
    const parts = Object.entries(job).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    const text = parts.join(' ');
    const isCut = text.length > SHOWN_JOB;
    const size = isCut ? `, ${inThrees(text.length)} characters` : '';
    facts.push({
      name: `Part of a job (${SOURCES[source] ?? 'reported'}${size})`,
      lines: [isCut ? `${text.slice(0, SHOWN_JOB)} …`.toWellFormed() : text],
    });
  }
  return facts;
}
