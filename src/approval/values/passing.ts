/**
 * Whether a standing approval may let a statement pass that was said no to, in whichever form it could be sent: with names in quotes, in other
 * words or in another order, with binds for literals, as a file, a row at a time. Texts tell nothing of that, so what counts is what both do,
 * and which values they need. What is not known is taken for the same: a no ends rather too much than too little.
 */
import type { Approval } from './state.js';

type Weighed = Pick<Approval, 'about' | 'shape'>;

/** Whether all that one does to objects and columns is done by the other as well. */
function does(given: NonNullable<Approval['about']>, denied: NonNullable<Approval['about']>): boolean {
  const isIn = (all: readonly string[], some: readonly string[]): boolean => {
    const known = new Set(all);
    return some.every((one) => known.has(one));
  };
  const uses = ({ objects }: typeof given): string[] => objects.map(({ object, access }) => `${access} ${object}`);
  return (
    given.kind === denied.kind &&
    isIn(uses(given), uses(denied)) &&
    isIn(given.columns, denied.columns) &&
    isIn(given.written, denied.written) &&
    (given.removes || !denied.removes)
  );
}

/** Whether each value of it is one that all of the shape have, or may stand in one of its holes: a number in those of texts as well. */
function holds({ holes, values: given }: Approval['shape'], { values: denied }: Approval['shape']): boolean {
  if (!given || !denied) return true;
  const fixed = new Set(given.fixed);
  const kinds = new Set(holes.map(({ kind }) => kind));
  return [...denied.fixed, ...denied.filled].every(
    (value) => fixed.has(value) || kinds.has('text') || (kinds.has('number') && value.startsWith('n')),
  );
}

export const mayPass = (given: Weighed, denied: Weighed): boolean =>
  given.about === null ||
  denied.about === null ||
  (does(given.about, denied.about) && holds(given.shape, denied.shape));
