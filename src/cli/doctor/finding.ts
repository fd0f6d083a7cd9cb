/** What doctor says of a part. */
import { pasteable, type Style } from '../../terminal/index.js';

export interface Finding {
  readonly part: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  readonly remedy: string | undefined;
}

export const ok = (part: string, detail: string): Finding => ({ part, state: 'ok', detail, remedy: undefined });
export const problem = (part: string, detail: string, remedy: string): Finding => ({
  part,
  state: 'problem',
  detail,
  remedy,
});
export const warning = (part: string, detail: string, remedy: string): Finding => ({
  part,
  state: 'warning',
  detail,
  remedy,
});

export const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
};

const MARKS = { ok: '✓', warning: '!', problem: '✗' } as const;

export function renderFindings(findings: readonly Finding[], style: Style): string {
  const colour = { ok: style.green, warning: style.yellow, problem: style.red };
  const lines = findings.map(({ part, state, detail, remedy }) => {
    const [head = '', ...more] = detail.split('\n');
    const body = [head, ...more.map((line) => `                 ${line}`)].join('\n');
    return `${colour[state](MARKS[state])} ${part.padEnd(14)} ${body}${remedy ? `\n                 ${style.bold('→')} ${pasteable(remedy)}` : ''}`;
  });
  const problems = findings.filter((finding) => finding.state === 'problem').length;
  return [
    ...lines,
    '',
    problems === 0
      ? 'Everything that serve needs is there.'
      : `${problems} ${problems === 1 ? 'thing' : 'things'} to mend.`,
  ].join('\n');
}
