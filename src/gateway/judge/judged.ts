/** A statement judged, as every later step has it: plain data, the same for all who read it. */
import type { Denial, Verdict } from '../../policy/index.js';
import type { KeptAnalysis, KeptStatement, Origin } from '../../sql/index.js';

export interface Question {
  readonly sql: string;
  readonly purpose?: string | undefined;
}

/** A statement judged: all that is needed to run it, or the reason why it isn't. */
export interface Judged {
  /** Of the set of policies that it was judged by, and no other. */
  readonly version: string;
  /** undefined where the text is not one statement. Nothing of how it was read is kept, here or in the analysis. */
  readonly statement: JudgedStatement | undefined;
  readonly analysis: KeptAnalysis | undefined;
  readonly verdict: Verdict | undefined;
  readonly denial: Denial | undefined;
  /** The text to send. */
  readonly sent: string | undefined;
  readonly outputMasks: readonly OutputMask[];
}

export type JudgedStatement = KeptStatement & {
  /** The same for statements that differ only in their literals. */
  readonly fingerprint: string;
};

export interface OutputMask {
  /** undefined where the analysis gives no name, or many columns stand behind this one (PIVOT). */
  readonly name: string | undefined;
  readonly mask: string | null;
  /** Columns of base tables that it is made of; none where the analysis does not say. */
  readonly origins: readonly Origin[];
  /** It stands for as many columns as there are values in the data, named after them. */
  readonly isMany: boolean;
}

export const UNREACHABLE: Denial = {
  code: 'WAREHOUSE_UNAVAILABLE',
  message: 'Snowflake is not reachable at the moment.',
  hint: 'Try again later.',
};

/** Of a text that was not read. */
export const NOTHING_JUDGED: Judged = {
  version: '',
  statement: undefined,
  analysis: undefined,
  verdict: undefined,
  denial: undefined,
  sent: undefined,
  outputMasks: [],
};

/** Whether it writes: what is cut off from such a statement may have happened. */
export const isChange = ({ analysis }: Judged): boolean =>
  analysis?.objects.some(({ access }) => access === 'write') ?? false;
