/** What a person typed, as their client's hook reports it: written down before the agent does anything about it. */
import type { Denial } from '../policy/index.js';
import { type PromptReport, RecorderUnavailable, RecordInDoubt } from '../transcript/index.js';
import { PROMPT_KEPT } from '../visible-text/index.js';
import { IN_DOUBT, unrecordedDenial } from './answer/denials.js';
import type { Caller } from './judge/whose.js';
import { NotAdmitted } from './limits/admission.js';
import type { AdmittedParts } from './limits/admitted.js';

export interface Reporting {
  /** Of the event; undefined where it was not written down. */
  readonly id: string | undefined;
  /** UTF-16 units of the prompt that are kept. */
  readonly recorded: number;
  readonly denial: Denial | undefined;
}

const not = (denial: Denial): Reporting => ({ id: undefined, recorded: 0, denial });

/** It counts as text of the principal's, like any statement. */
export async function reportPrompt(
  { transcript, admission }: Pick<AdmittedParts, 'transcript' | 'admission'>,
  { principal, client }: Caller,
  prompt: PromptReport,
): Promise<Reporting> {
  try {
    await transcript.ensureAlive();
    await admission.statement(principal, [prompt.text]);
    const mayOpen = (): Promise<void> => admission.session(principal);
    const id = await transcript.prompts.report(principal, client.address, prompt, mayOpen);
    return { id, recorded: Math.min(prompt.text.length, PROMPT_KEPT), denial: undefined };
  } catch (error) {
    if (error instanceof NotAdmitted) return not(error.denial);
    if (error instanceof RecordInDoubt) return not(IN_DOUBT);
    if (error instanceof RecorderUnavailable) return not(unrecordedDenial(false));
    throw error;
  }
}
