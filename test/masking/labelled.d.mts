export interface Labelled {
  readonly text: string;
  /** Kind and value. */
  readonly finds: readonly (readonly [string, string])[];
}
export interface Measured {
  readonly kind: string;
  readonly found: number;
  readonly missed: number;
  readonly wrong: number;
  readonly precision: number;
  readonly recall: number;
}
export const LABELLED: readonly Labelled[];
export function measure(labelled?: readonly Labelled[]): Measured[];
