/** A statement judged, as every later step has it: plain data, the same for all who read it. */
import type { Denial, Verdict } from '../../policy/index.js';
import type { KeptAnalysis, KeptStatement, Origin } from '../../sql/index.js';
import type { Untied } from '../../transcript/index.js';
import { saidIn } from '../../visible-text/index.js';
import { LogInRefused, type WarehouseUnavailable } from '../../warehouse/index.js';

export interface Question {
  readonly sql: string;
  readonly purpose?: string | undefined;
  readonly reported?:
    | { readonly prompt?: { readonly text: string } | undefined; readonly untied?: Untied | undefined }
    | undefined;
  /** Of a statement that went this way before. */
  readonly goesOn?: boolean | undefined;
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

/** Whether the agent says what it is for. */
export const hasPurpose = ({ purpose }: Question): boolean => saidIn(purpose) !== undefined;

/** Whether what a person typed is known, or was asked for before. */
export const isReported = ({ reported, goesOn }: Question): boolean =>
  saidIn(reported?.prompt?.text) !== undefined || goesOn === true;

export interface OutputMask {
  /** undefined where the analysis gives no name, or many columns stand behind this one (PIVOT). */
  readonly name: string | undefined;
  readonly mask: string | null;
  /** Columns of base tables that it is made of; none where the analysis does not say. */
  readonly origins: readonly Origin[];
  /** It stands for as many columns as there are values in the data, named after them. */
  readonly isMany: boolean;
}

const UNREACHABLE: Denial = {
  code: 'WAREHOUSE_UNAVAILABLE',
  message: 'Snowflake is not reachable at the moment.',
  hint: 'Try again later.',
};

const MISCONFIGURED: Denial = {
  code: 'MISCONFIGURED',
  message: 'Snowflake refuses the log-in of this gateway, so nothing can be run.',
  hint: 'Tell whoever operates snowfence: its log and /readyz say why. Trying again does not help until it is mended.',
};

const ROLE_REFUSED: Denial = {
  code: 'MISCONFIGURED',
  message: 'Snowflake refuses the role that your policies name, so nothing can be run for you.',
  hint: 'Tell whoever operates snowfence: its log says which. Trying again does not help until it is mended.',
};

/** Whether the warehouse could not be asked: nothing was judged then, and nothing of it is to be remembered. */
export const isOutage = ({ code }: Denial): boolean => code === UNREACHABLE.code || code === MISCONFIGURED.code;

/** What an agent hears of a warehouse that can't be asked. */
export function unreachable(error: WarehouseUnavailable): Denial {
  if (!(error instanceof LogInRefused)) return UNREACHABLE;
  return error.isOfRole ? ROLE_REFUSED : MISCONFIGURED;
}

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
