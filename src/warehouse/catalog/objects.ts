/** What SHOW OBJECTS says of a table or view (documentation page sql/show-objects). */
import { z } from 'zod';

export interface CatalogName {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

export interface CatalogObject extends CatalogName {
  readonly kind: 'table' | 'view';
  readonly comment: string;
  /** undefined where it is not known, as of every view: nobody counts before it is read. */
  readonly rows: number | undefined;
}

export const objectRow = z.object({
  name: z.string(),
  database_name: z.string(),
  schema_name: z.string(),
  kind: z.string(),
  comment: z.string().nullish(),
  rows: z.coerce.number().nullish(),
  is_hybrid: z.string().nullish(),
});

/** Materialized and semantic views are VIEW as well. */
const isView = ({ kind }: { readonly kind: string }): boolean => /VIEW/i.test(kind);

export const toObject = (row: z.infer<typeof objectRow>): CatalogObject => {
  const kind = isView(row) ? 'view' : 'table';
  return {
    database: row.database_name,
    schema: row.schema_name,
    name: row.name,
    kind,
    comment: row.comment ?? '',
    // SHOW OBJECTS has a number for tables alone.
    rows: kind === 'view' ? undefined : (row.rows ?? undefined),
  };
};
