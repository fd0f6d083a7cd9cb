/** What the analysis asks about the warehouse's objects. Names are exact: folded where unquoted, as they stand where quoted. */
import { toldName } from '../../visible-text/index.js';

export interface ObjectName {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

/** The session's database and schema, which complete a short name. */
export interface Defaults {
  readonly database: string | undefined;
  readonly schema: string | undefined;
}

export interface ColumnInfo {
  readonly name: string;
  /** As Snowflake spells it, such as `VARCHAR(16777216)` or `NUMBER(38,0)`. */
  readonly type: string;
  readonly comment: string;
  /**
   * Of a virtual column what it is computed from (documentation page virtual-columns); undefined of any other. Empty where Snowflake says that
   * it is virtual and not what of: it may be made of every column then.
   */
  readonly expression?: string | undefined;
}

/** A condition on values of one row that Snowflake enforces (documentation page constraints-overview, "CHECK constraints"). */
export interface Check {
  readonly name: string;
  readonly clause: string;
}

/** A key of a hybrid table that is enforced, with its columns (documentation page info-schema/index_columns). */
export interface Key {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A foreign key of a hybrid table, at either end of it; a table is undefined where the role may not see it. */
export interface Reference {
  readonly name: string;
  readonly child: ObjectName | undefined;
  readonly parent: ObjectName | undefined;
  /** Of the child; none where that is not known. */
  readonly columns: readonly string[];
}

/** What Snowflake holds against a change, over values that the statement does not name. */
export interface Constraints {
  readonly checks: readonly Check[];
  readonly keys: readonly Key[];
  readonly references: readonly Reference[];
}

export interface RelationInfo extends ObjectName {
  readonly kind: 'table' | 'view';
  readonly columns: readonly ColumnInfo[];
  /** A view's defining text; undefined where it can't be read (a secure view of another owner, say). */
  readonly viewText: string | undefined;
  /** A view that stands for itself, for it is trusted; its `kind` is then `table`. */
  readonly isTrusted?: boolean;
  /** Why a view can't be opened, in words, where that is more than that its text can't be read. */
  readonly unreadable?: string;
  /** A secure view: Snowflake runs nobody's predicate before its own (documentation page user-guide/views-secure). */
  readonly isSecure?: boolean;
  /** A policy of Snowflake's own is on it: of a view it holds only where the view itself is read. */
  readonly isUnderPolicy?: boolean;
  /** An external table: its column VALUE holds each row as it stands in the file (documentation page sql/create-external-table). */
  readonly isExternal?: boolean;
  /** A hybrid table: its unique and foreign keys are enforced, so an error tells of rows (documentation page sql/create-hybrid-table). */
  readonly isHybrid?: boolean;
  readonly comment: string;
  readonly rows: number | undefined;
}

/** Looks objects up; undefined where there is none by that name, or the gateway's role can't see it. */
export interface CatalogReader {
  relation(name: ObjectName): Promise<RelationInfo | undefined>;
  /**
   * The same for what only a view's text names, and for the text itself: whoever may read a view need not see what it is made of (documentation
   * page user-guide/views-introduction). As `relation` where it is left out.
   */
  behind?(name: ObjectName): Promise<RelationInfo | undefined>;
  /** Those of a table; undefined where they can't be read. Keys and references are asked for of hybrid tables alone: no others enforce them. */
  constraints(name: ObjectName, isHybrid: boolean): Promise<Constraints | undefined>;
}

export const objectKey = (name: ObjectName): string => `${name.database}\u0000${name.schema}\u0000${name.name}`;

const PLAIN = /^[A-Z_][A-Z0-9_$]*$/;

export const showIdentifier = (name: string): string => (PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

/** `ANALYTICS.SALES.ORDERS`, quoted only where it has to be. */
export const showObject = (name: ObjectName): string =>
  [name.database, name.schema, name.name]
    .filter((part) => part !== '')
    .map(showIdentifier)
    .join('.');

/** A name in a sentence, where it is for whoever chose it no place to speak: as `toldName` has it where it is more than a name. */
export function tellIdentifier(name: string): string {
  const told = toldName(name);
  return told === name || told === JSON.stringify(name) ? showIdentifier(name) : told;
}

/** The same for an object. */
export const tellObject = (name: ObjectName): string =>
  [name.database, name.schema, name.name]
    .filter((part) => part !== '')
    .map(tellIdentifier)
    .join('.');
