/** What an agent is told beside the rows: what was masked, hidden, cut or taken out of them. */
import { methodName, PLACEHOLDER } from '../../masking/index.js';
import { ByColumn, type Verdict } from '../../policy/index.js';
import { tellIdentifier, tellObject, tokensOf } from '../../sql/index.js';
import { toldName } from '../../visible-text/index.js';
import type { Judged } from '../judge/judged.js';
import type { Bind } from './answer.js';

export function noticesFor(
  judged: Judged,
  verdict: Verdict,
  more: 'cursor' | 'limit' | undefined,
  found: ReadonlySet<string>,
  binds: readonly Bind[],
): string[] {
  const notices: string[] = [];
  const uses = new ByColumn(
    (judged.analysis?.columns ?? []).filter(({ usage }) => /^(?:predicate|join|group|order|window)$/.test(usage)),
  );
  for (const mask of verdict.masks) {
    if (mask.method.kind === 'deny') continue;
    const use = uses.of(mask);
    if (use)
      notices.push(
        `${tellIdentifier(mask.column)} is masked for you: this ${use.usage} worked on masked values (${methodName(mask.method)}).`,
      );
  }
  const filtered = new Set(verdict.rows.map((rows) => tellObject(rows.object)));
  for (const object of filtered)
    notices.push(`Some rows of ${object} are hidden from you; counts and sums are over the others.`);
  if (verdict.rules.some(({ kind }) => kind !== 'select' && kind !== 'describe') && judged.analysis) {
    const placeholders = new Set([
      PLACEHOLDER,
      ...verdict.masks.flatMap(({ method }) => (method.kind === 'constant' ? [String(method.value)] : [])),
    ]);
    const values = [
      ...(judged.statement ? tokensOf(judged.statement) : []).flatMap((token) =>
        token.kind === 'string' ? token.text.slice(1, -1) : [],
      ),
      ...binds,
    ];
    const looksMasked = values.find(
      (value) => typeof value === 'string' && (placeholders.has(value) || value.startsWith(`${PLACEHOLDER}@`)),
    );
    if (looksMasked !== undefined)
      notices.push(
        `The value ${toldName(String(looksMasked))} looks like a mask: if it came from an earlier answer, it is not what stands in the data.`,
      );
  }
  if (more === 'limit') notices.push('The result was cut at your limit; narrow the statement or aggregate.');
  if (more === 'cursor') notices.push('There are more rows: call the fetch tool with the cursor.');
  if (found.size > 0) notices.push(`Taken out of texts: ${[...found].join(', ')}.`);
  return notices;
}
