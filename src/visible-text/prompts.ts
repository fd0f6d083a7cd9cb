/** How much of what a person typed is kept and shown: one length for all who tell it. */

const UNTIED: Readonly<Record<string, string>> = {
  conversations:
    'several conversations of its place have reported prompts, and it does not say to which of them it belongs',
  places: 'prompts were reported from several places, and it does not say from which of them it comes',
};

/** Why a statement has no prompt although prompts were reported, by the word of its event (`prompt_untied`). */
export const untiedWords = (untied: string): string =>
  `not told: ${UNTIED[untied] ?? 'which of the reported prompts is meant is not known'}`;

/** UTF-16 units of the beginning that stands beside a statement. */
export const PROMPT_BESIDE = 2000;
/** UTF-16 units of what is kept of the whole, in an event of its own. */
export const PROMPT_KEPT = 65_536;

/**
 * Whether a prompt of so many UTF-16 units is shown in part; `most`: what is kept where it stands. The text that is shown tells nothing of that:
 * what is masked in it has another length.
 */
export const isPromptCut = (length: number, most: number = PROMPT_BESIDE): boolean => length > most;
