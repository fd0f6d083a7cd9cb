/**
 * One table or view with its columns, in as few statements as say it. Of none of them it is said what another one says: DESCRIBE is the same for
 * tables and views and has no text (documentation pages sql/desc-table, sql/desc-view: "interchangeable"), so that a table of which it alone was
 * asked may be a view by now; SHOW OBJECTS has no columns, SHOW COLUMNS no types as they are declared, no collation and nothing of which kind the
 * object is (sql/show-columns); both are asked for at a time, since columns of now with a kind of a minute ago would be a view that is taken for
 * a table. INFORMATION_SCHEMA has it all and needs a running warehouse (info-schema), a chain by `->>` runs each of its statements, and a SELECT
 * over them (operators-flow).
 */
import { z } from 'zod';
import { SETUP_TAG, type WarehouseConnection } from '../connection/connection.js';
import { DESCRIBE_TABLE, DESCRIBE_VIEW, EXTERNAL_LIKE, OBJECT_LIKE, VIEW_LIKE } from '../connection/own-questions.js';
import { StatementFailed } from '../errors/failures.js';
import { type CatalogName, type CatalogObject, objectRow, toObject } from './objects.js';

export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
  readonly comment: string;
  /** Of a virtual column: what it is computed from; empty where that is not shown. */
  readonly expression?: string | undefined;
}

export interface CatalogRelation extends CatalogObject {
  readonly columns: readonly CatalogColumn[];
  readonly viewText: string | undefined;
  readonly isSecure: boolean;
  /** An external table, or what may be one: its column VALUE holds each row as it stands in the file. */
  readonly isExternal: boolean;
  /** A hybrid table, whose keys are enforced. */
  readonly isHybrid: boolean;
  /** A masking policy of Snowflake's own is on one of its columns (sql/desc-view, "POLICY NAME"). */
  readonly isUnderPolicy: boolean;
  /** A materialized view, which the compiler may read in the place of its table (user-guide/views-materialized). */
  readonly isMaterialized: boolean;
}

const viewRow = z.object({
  name: z.string(),
  comment: z.string().nullish(),
  text: z.string().nullish(),
  is_secure: z.string().nullish(),
  is_materialized: z.string().nullish(),
});
const columnRow = z.object({
  name: z.string(),
  type: z.string(),
  kind: z.string().nullish(),
  expression: z.string().nullish(),
  comment: z.string().nullish(),
  'policy name': z.string().nullish(),
});

/**
 * `kind` says VIRTUAL of a virtual column and `expression` what it is made of (documentation pages sql/desc-table, virtual-columns). Either of
 * them suffices.
 */
const toColumn = ({ name, type, kind, expression, comment }: z.infer<typeof columnRow>): CatalogColumn => ({
  name,
  type,
  comment: comment ?? '',
  ...(/VIRTUAL/i.test(kind ?? '') || expression?.trim() ? { expression: expression ?? '' } : {}),
});

/** The column that each external table has (documentation page user-guide/tables-external-intro). */
const isRawRow = ({ name, type }: { readonly name: string; readonly type: string }): boolean =>
  name === 'VALUE' && /^VARIANT/i.test(type);

const isMasked = (column: z.infer<typeof columnRow>): boolean => (column['policy name'] ?? '') !== '';

const isTrue = (text: string | null | undefined): boolean => /^true$/i.test(text ?? '');

/**
 * undefined where there is none of that name, or none that the role may see. `expected`: what it was when it was last seen, which decides what is
 * asked first and nothing else: SHOW VIEWS lists views alone, and a name is one object of its schema (sql/show-views, sql/create-view), so what
 * it lists is a view; what it does not list is asked for as if nothing were known. Throws WarehouseUnavailable.
 */
export async function readRelation(
  connection: WarehouseConnection,
  wanted: CatalogName,
  expected: CatalogObject['kind'] | undefined,
): Promise<CatalogRelation | undefined> {
  try {
    const known = expected === 'view' ? await readView(connection, wanted) : undefined;
    return known ?? (await readAny(connection, wanted));
  } catch (error) {
    // No such schema, or none that this role may see: the same answer either way.
    if (error instanceof StatementFailed) return undefined;
    throw error;
  }
}

const columnsOf = async (connection: WarehouseConnection, question: string): Promise<z.infer<typeof columnRow>[]> =>
  z.array(columnRow).parse(await connection.simple(question, SETUP_TAG));

/** What is found is compared once more: of a name with a `%` in it others may go on where it ends. */
async function viewNamed(
  connection: WarehouseConnection,
  { database, schema, name }: CatalogName,
): Promise<z.infer<typeof viewRow> | undefined> {
  const found = await connection.simple(VIEW_LIKE.of(name, database, schema), SETUP_TAG);
  return z
    .array(viewRow)
    .parse(found)
    .find((entry) => entry.name === name);
}

/** The view of that name; undefined where SHOW VIEWS lists none, as of a semantic view (sql/show-views). */
async function readView(connection: WarehouseConnection, wanted: CatalogName): Promise<CatalogRelation | undefined> {
  const view = await viewNamed(connection, wanted);
  if (!view) return undefined;
  const { database, schema, name } = wanted;
  const columns = await columnsOf(connection, DESCRIBE_VIEW.of(database, schema, name));
  const object = { database, schema, name, kind: 'view', comment: view.comment ?? '', rows: undefined } as const;
  return viewOf(object, view, columns);
}

const viewOf = (
  object: CatalogObject,
  view: z.infer<typeof viewRow> | undefined,
  columns: readonly z.infer<typeof columnRow>[],
): CatalogRelation => ({
  ...object,
  isExternal: false,
  isHybrid: false,
  viewText: view?.text ?? undefined,
  isSecure: isTrue(view?.is_secure),
  isMaterialized: isTrue(view?.is_materialized),
  isUnderPolicy: columns.some(isMasked),
  columns: columns.map(toColumn),
});

async function readAny(connection: WarehouseConnection, wanted: CatalogName): Promise<CatalogRelation | undefined> {
  const { database, schema, name } = wanted;
  const found = await connection.simple(OBJECT_LIKE.of(name, database, schema), SETUP_TAG);
  const row = z
    .array(objectRow)
    .parse(found)
    .find((entry) => entry.name === name);
  if (!row) return undefined;
  const object = toObject(row);
  if (object.kind === 'view') {
    const columns = await columnsOf(connection, DESCRIBE_VIEW.of(database, schema, name));
    return viewOf(object, await viewNamed(connection, wanted), columns);
  }
  const columns = await columnsOf(connection, DESCRIBE_TABLE.of(database, schema, name));
  return {
    ...object,
    isExternal: /EXTERNAL/i.test(row.kind) || (columns.some(isRawRow) && (await isListedExternal(connection, wanted))),
    // `Y` or `N` (documentation pages sql/show-objects, release-notes/bcr-bundles/2024_08/bcr-1732).
    isHybrid: /HYBRID/i.test(row.kind) || /^(?:y|t)/i.test(row.is_hybrid ?? ''),
    viewText: undefined,
    isSecure: false,
    isMaterialized: false,
    isUnderPolicy: columns.some(isMasked),
    columns: columns.map(toColumn),
  };
}

/**
 * SHOW OBJECTS calls an external table a table (documentation page sql/show-objects), so one that has the column of all external
 * tables is asked for among those. Where that can't be answered it counts as one: more is hidden then, and nothing is opened.
 */
async function isListedExternal(
  connection: WarehouseConnection,
  { database, schema, name }: CatalogName,
): Promise<boolean> {
  try {
    const found = await connection.simple(EXTERNAL_LIKE.of(name, database, schema), SETUP_TAG);
    return z
      .array(z.object({ name: z.string() }))
      .parse(found)
      .some((entry) => entry.name === name);
  } catch (error) {
    if (error instanceof StatementFailed) return true;
    throw error;
  }
}
