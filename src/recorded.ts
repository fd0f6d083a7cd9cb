/** What the transcript masks in agents' own words: whatever the detectors know, and the patterns of the policies in force. */
import { DETECTOR_KINDS, type DetectRule, Scrubber } from './masking/index.js';
import type { PolicySet } from './policy/index.js';

const BUILT_IN: readonly DetectRule[] = DETECTOR_KINDS.map((name) => ({
  name,
  pattern: undefined,
  mask: { kind: 'redact' },
}));

export function recordMask(policies?: () => PolicySet | undefined): () => Scrubber {
  return () => {
    const own = (policies?.()?.policies ?? [])
      .flatMap(({ detect }) => detect)
      .flatMap(({ rules }) => rules)
      .flatMap((rule) => (rule.pattern ? [{ ...rule, mask: { kind: 'redact' } as const }] : []));
    return new Scrubber([...BUILT_IN, ...own]);
  };
}
