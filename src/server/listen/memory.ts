/**
 * How much garbage V8 lets pile up. By default the heap may grow to a multiple of what is in use before it is looked through, so that a
 * gateway which streams a large result takes 400 MB more than one at rest, though it holds only a page; with two fifths of growth
 * it takes about 100 to 130 MB more, at nearly the same speed (`npm run bench:masking`).
 */
import { setFlagsFromString } from 'node:v8';

/** Called first, before there is much of a heap. */
export const keepHeapSmall = (): void => setFlagsFromString('--heap-growing-percent=40');
