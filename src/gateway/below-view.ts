/** What of a view's columns and rows is hidden by what it reads: the same as a statement over the whole of it would have. */
import { showObject, tellObject } from '../sql/index.js';
import { toldLine } from '../visible-text/index.js';
import type { CatalogRelation } from '../warehouse/index.js';
import type { Whose } from './judge/whose.js';
import type { Judging } from './limits/judging.js';

export interface BelowView {
  /** By column, as a result names them. */
  readonly masks: ReadonlyMap<string, string>;
  /** Sentences for the agent. */
  readonly notices: readonly string[];
}

export async function belowView(judging: Judging, whose: Whose, view: CatalogRelation): Promise<BelowView> {
  // Nobody asked for its rows: what a policy wants to hear with a statement is not wanted here.
  const question = { sql: `SELECT * FROM ${showObject(view)}`, purpose: 'describe', goesOn: true };
  const { denial, verdict, outputMasks } = await judging.more(whose, question);
  if (denial)
    return { masks: new Map(), notices: [toldLine(`A statement over all of it is refused: ${denial.message}`)] };
  const masks = new Map(
    outputMasks.flatMap(({ name, mask }) => (name !== undefined && mask !== null ? [[name, mask]] : [])),
  );
  const hidden = new Set((verdict?.rows ?? []).map(({ object }) => tellObject(object)));
  hidden.delete(tellObject(view));
  return {
    masks,
    notices: [...hidden].map((object) => `Some rows of ${object}, which it reads, are hidden from you.`),
  };
}
