/** What happens to each table on the way to the text that is sent. */
import type { RelationInfo } from '../analysis/catalog.js';

/** What happens to one base table or view before the statement sees it. */
export interface Treatment {
  /** For a masked column its expression over the column, given as a quoted identifier; 'deny' leaves it out altogether. */
  readonly columns: ReadonlyMap<string, ((identifier: string) => string) | 'deny'>;
  /** A predicate on the table's own columns; rows that do not fulfil it are not there. */
  readonly predicate: string | undefined;
  /** A secure view that is read in the table's place. */
  readonly source?: RelationInfo | undefined;
}

/** By object key; an object that isn't here is read as it is. */
export type Treatments = ReadonlyMap<string, Treatment>;

/** Whether anything happens to it. */
export const isTouched = (treatment: Treatment | undefined): treatment is Treatment =>
  treatment !== undefined &&
  (treatment.columns.size > 0 || treatment.predicate !== undefined || treatment.source !== undefined);
