/** Which tables a statement would read from their first byte to their last, if nothing were pruned. */
import { isWord } from '../text/lex.js';
import { tokensOf } from '../text/statement.js';
import type { Analysis, FullAnalysis } from './analysis.js';
import { type ObjectName, objectKey } from './catalog.js';

export interface Scan {
  readonly object: ObjectName;
  /** As often as the text names it, views opened. */
  readonly times: number;
}

type Scans = ReadonlyMap<string, Scan>;

/** References in one text and in the views that it names. Each view is looked through once, however often it is named. */
function referencesOf(analysis: FullAnalysis, known: Map<string, Scans>): Scans {
  const out = new Map<string, Scan>();
  const add = (object: ObjectName, times: number): void => {
    const key = objectKey(object);
    out.set(key, { object, times: (out.get(key)?.times ?? 0) + times });
  };
  for (const { relation } of analysis.references) {
    const key = objectKey(relation);
    const view = analysis.views.get(key);
    if (!view) {
      add(relation, 1);
      continue;
    }
    const below = known.get(key) ?? referencesOf(view, known);
    known.set(key, below);
    for (const { object, times } of below.values()) add(object, times);
  }
  return out;
}

/** Base tables, views that can't be opened among them; the target of a change too, unless rows are only put in. */
export function scansOf(analysis: FullAnalysis): readonly Scan[] {
  const named = referencesOf(analysis, new Map());
  const out = new Map<string, Scan>();
  for (const { object, access } of analysis.objects) {
    const key = objectKey(object);
    if (analysis.views.has(key)) continue;
    const reads = access === 'read' ? (named.get(key)?.times ?? 1) : analysis.kind === 'insert' ? 0 : 1;
    out.set(key, { object, times: (out.get(key)?.times ?? 0) + reads });
  }
  return [...out.values()].filter(({ times }) => times > 0);
}

/** Whether no name of a table can stand in the text: a SELECT without any FROM, definitions and sub-queries included (sql/select). */
export const namesNoTable = ({ kind, objects, statement }: Analysis): boolean =>
  kind === 'select' &&
  objects.length === 0 &&
  !tokensOf(statement).some((token) => isWord(token, 'FROM', 'JOIN', 'TABLE', 'USING', 'INTO', 'WITH', 'IDENTIFIER'));
