/** What lists and exports show of statements: without the personal data and secrets that the detectors find in them. */
import { DETECTOR_KINDS, Scrubber } from '../masking/index.js';

/** Where agents' own words stand in an event or approval. */
const WORDS = new Set(['statement', 'sent', 'purpose', 'binds', 'shape']);

/** The same record for reading. Whoever has to see the whole text, such as a reviewer, asks for the one entry. */
export function previewed<T extends object>(record: T): T {
  const scrubber = new Scrubber(
    DETECTOR_KINDS.map((name) => ({ name, pattern: undefined, mask: { kind: 'redact' } as const })),
  );
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, WORDS.has(key) ? scrubber.value(value) : value]),
  ) as T;
}
