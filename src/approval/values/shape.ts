/** The shape of a standing approval, as people read it. */

/** A hole that takes numbers, as it is kept: read as SQL, it has to be a literal, and what the detectors find is masked by that. */
const NUMBER_KEPT = "'⟨number⟩'";
/** The same as people see it: without quotes, which would say that a text stands there. */
const NUMBER_HOLE = '⟨number⟩';

/** A shape as people read it. */
export const shapeText = (kept: string): string => kept.replaceAll(NUMBER_KEPT, NUMBER_HOLE);
