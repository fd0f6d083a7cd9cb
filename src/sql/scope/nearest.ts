/** Names that a mistyped one was meant for. */
import { distance } from '../../spelling/index.js';

const MAX_NEAR = 3;
/** Names that a mistyped one is held against. */
const MAX_COMPARED = 1000;

/** Names that differ least from a mistyped one. */
export function nearest(name: string, names: Iterable<string>): string[] {
  const most = Math.max(1, Math.floor(name.length / 3));
  if (name.length > 64) return [];
  return [...new Set(names)]
    .filter((other) => Math.abs(other.length - name.length) <= most)
    .slice(0, MAX_COMPARED)
    .map((other) => ({ other, edits: distance(name, other, most) }))
    .filter(({ edits }) => edits <= most)
    .sort((left, right) => left.edits - right.edits || (left.other < right.other ? -1 : 1))
    .slice(0, MAX_NEAR)
    .map(({ other }) => other);
}
