/** The part of the catalog that a verdict was made from: each object once by its hash, and the hashes with each statement. */
import { type RelationInfo, showObject } from '../../sql/index.js';
import { type Content, contentDigest, type TranscriptStore } from '../../transcript/index.js';
import type { Judged } from '../judge/judged.js';

interface Part {
  readonly content: Content;
  readonly digest: string;
}

type Vault = TranscriptStore['vault'];

/** What was looked up is looked up anew once a minute at most, and is the same value until then. */
const known = new WeakMap<RelationInfo, Part>();

/** What the catalog said of it, as JSON: kind, columns, a view's text without what the detectors find in its values. */
function partOf(relation: RelationInfo, vault: Vault): Part {
  const found = known.get(relation);
  if (found) return found;
  const name = showObject(relation);
  const { kind, columns, viewText, unreadable } = relation;
  const text = JSON.stringify({
    object: name,
    kind,
    columns: columns.map(({ name: column, type, expression }) => ({
      name: column,
      type,
      ...(expression === undefined ? {} : { expression: vault.shown(expression) }),
    })),
    ...(viewText === undefined ? {} : { view_text: vault.shown(viewText) }),
    ...(unreadable === undefined ? {} : { unreadable }),
  });
  const part = { content: { of: 'object' as const, name, text }, digest: contentDigest(text) };
  known.set(relation, part);
  return part;
}

const relationsOf = ({ analysis }: Judged): readonly RelationInfo[] =>
  (analysis?.objects ?? []).flatMap(({ relation }) => relation ?? []);

/** Durable once this resolves. Throws RecorderUnavailable. */
export const keepCatalog = (
  { contents, vault }: Pick<TranscriptStore, 'contents' | 'vault'>,
  judged: Judged,
): Promise<void> => contents.keep(relationsOf(judged).map((relation) => partOf(relation, vault).content));

/** Objects with the hashes of what was kept of them; of what was not kept, nothing. */
export const catalogOf = (judged: Judged): readonly { readonly object: string; readonly digest: string }[] =>
  relationsOf(judged).flatMap((relation) => {
    const part = known.get(relation);
    return part ? [{ object: part.content.name, digest: part.digest }] : [];
  });
