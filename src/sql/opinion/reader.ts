/** Another parser, as it is asked. */
import type { Token } from '../text/lex.js';

/** What another parser sees. */
export interface Seen {
  /** undefined where it does not say. */
  readonly kind: string | undefined;
  /** The parts of each table's name as far as they are written. */
  readonly tables: readonly (readonly string[])[];
}

export interface Reader {
  readonly name: string;
  /** It keeps names apart that differ only in case. */
  readonly isExact: boolean;
  /** undefined where it can't read the text, or the text is beyond what it is safe to give it. `isAlone`: no other has read it. */
  read(text: string, tokens: readonly Token[], isAlone: boolean): Seen | undefined;
}
