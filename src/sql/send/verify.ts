/** The text to send, read once more before it is: it may name nothing but what was judged. */
import type { FullAnalysis } from '../analysis/analysis.js';
import { objectKey } from '../analysis/catalog.js';
import type { Effort } from '../analysis/effort.js';
import { Resolver } from '../names/index.js';
import { cteNames, Disagreement, secondOpinion } from '../opinion/opinion.js';
import { Relations } from '../scope/relations.js';
import { Refusal, TooComplex, tooMuch } from '../text/refusal.js';
import { parseStatement, positionOf, readStatement } from '../text/statement.js';
import { nodeOf } from '../text/tree.js';
import { isTouched, type Treatments } from './treatments.js';

/**
 * Reads the rewritten text once more, by every parser: it may name nothing but what was judged, and changes what was to be changed. What the
 * parsers and the walk say of it is not passed on: their places and words are of a text with the rules in it.
 */
export function verify(text: string, analysis: FullAnalysis, treatments: Treatments, effort: Effort): void {
  if (analysis.kind === 'describe') return;
  const touched = analysis.references.find(({ relation }) => isTouched(treatments.get(objectKey(relation))));
  const place = positionOf(analysis.statement, touched?.from ?? 0);
  let isRight = false;
  try {
    isRight = readsAsJudged(text, analysis, treatments, effort);
  } catch (error) {
    // What there is too much of is a number: no word of the text.
    if (error instanceof TooComplex) throw tooMuch(error.what, place);
    if (error instanceof Disagreement || !(error instanceof Refusal)) throw error;
  }
  if (isRight) return;
  throw new Refusal(
    'NOT_UNDERSTOOD',
    'The masked form of this statement does not read as it should.',
    place,
    'Rewrite it more simply.',
  );
}

/** Throws a Refusal where the text is not even understood. */
function readsAsJudged(text: string, analysis: FullAnalysis, treatments: Treatments, effort: Effort): boolean {
  const { kind, defaults } = analysis;
  const parsed = parseStatement(readStatement(text));
  if (parsed.kind !== kind) return false;
  const resolver = new Resolver(parsed, new Relations(), defaults, effort);
  if (kind === 'select') resolver.query(parsed.tree, new Map(), undefined);
  else if (kind === 'insert' || kind === 'update' || kind === 'delete' || kind === 'merge')
    resolver.change(kind, nodeOf(parsed.tree)?.body ?? {});
  else return false;
  // What the statement names above a sub-query has to be among the columns that the sub-query gives.
  if (resolver.findings.unowned.length > 0) return false;
  const judged = new Set(analysis.objects.map((use) => `${use.access} ${objectKey(use.object)}`));
  for (const { object } of analysis.objects) {
    const source = treatments.get(objectKey(object))?.source;
    if (source) judged.add(`read ${objectKey(source)}`);
  }
  const { tables } = resolver.findings;
  if (tables.some(({ object, access }) => !judged.has(`${access} ${objectKey(object)}`))) return false;
  const objects = tables.map(({ object, access }) => ({
    object,
    access,
    relation: undefined,
    position: undefined,
    via: [],
    through: [],
    by: [object],
  }));
  secondOpinion({ kind, statement: parsed, objects }, cteNames(parsed));
  return true;
}
