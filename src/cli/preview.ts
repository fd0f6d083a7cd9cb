/** Texts of agents as lists and summaries show them: on one line's terms, and without the personal data that the detectors find. */
import { DETECTOR_KINDS, Scrubber } from '../masking/index.js';
import { printable } from './terminal.js';

/** Whoever has to see the whole text, such as a reviewer, looks at the one entry. */
export const preview = (text: string): string =>
  new Scrubber(DETECTOR_KINDS.map((name) => ({ name, pattern: undefined, mask: { kind: 'redact' } }))).text(
    printable(text),
  );
