/**
 * What an event that ends a statement says of it, so that whoever is told of the end need not look up its beginning: what was asked, over
 * which connection, what was decided, and which approval it ran under. Who asked stands in each event anyhow.
 */

const TAKEN = [
  'statement_digest',
  'statement_length',
  'kind',
  'fingerprint',
  'verdict',
  'objects',
  'policies',
  'policy_version',
  'connection',
] as const;

/** From the body of the event that began it. `approval`: that it ran under, or waited for. */
export function joinedOf(
  opening: Readonly<Record<string, unknown>>,
  approval: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  const prompt = opening['prompt'];
  const id = typeof prompt === 'object' && prompt !== null && 'id' in prompt ? prompt.id : undefined;
  return {
    ...Object.fromEntries(TAKEN.flatMap((key) => (opening[key] === undefined ? [] : [[key, opening[key]]]))),
    ...(id === undefined ? {} : { prompt: id }),
    ...(approval === undefined ? {} : { approval }),
  };
}
