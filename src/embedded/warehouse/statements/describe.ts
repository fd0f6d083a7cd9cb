/** What an object is: DESCRIBE, with the columns that Snowflake documents (sql-reference/sql/desc-table), and GET_DDL. */
import { localResult, missingObject, type Result, STATEMENT_TYPE, spellType } from '../../../protocol/index.js';
import type { Catalog } from '../engine/catalog.js';
import { unsupported } from '../engine/errors.js';
import type { Execution, Session } from './execution.js';
import { PATH, pathParts } from './names.js';

/** DESCRIBE TABLE or VIEW; the argument is the text after DESCRIBE. */
export function describe(rest: string, session: Session, catalog: Catalog): Result {
  const match = new RegExp(`^(?:TABLE|VIEW)\\s+(${PATH.source})\\s*$`, 'i').exec(rest.trim());
  if (!match) throw unsupported('DESCRIBE of anything but a table or view');
  const [name = '', schema, database] = pathParts(match[1] ?? '').reverse();
  const relation = catalog.find(database ?? session.database, schema ?? session.schema, name);
  if (!relation || !catalog.mayKnow(session.role, relation))
    throw missingObject([database, schema, name].filter((part) => part !== undefined).join('.'));
  return localResult(
    [
      'name',
      'type',
      'kind',
      'null?',
      'default',
      'primary key',
      'unique key',
      'check',
      'expression',
      'comment',
      'policy name',
    ],
    relation.columns.map((column) => [
      column.name,
      spellType(column.type),
      column.expression === null ? 'COLUMN' : 'VIRTUAL',
      column.nullable ? 'Y' : 'N',
      column.fallback,
      'N',
      'N',
      null,
      column.expression,
      column.comment || null,
      null,
    ]),
  );
}

/** `GET_DDL('view', 'A.B.C')`: the text that made the view. */
export function getDdl(kind: string, name: string, execution: Execution): Result {
  const { session, engine } = execution;
  const [object = '', schema = session.schema, database = session.database] = pathParts(name).reverse();
  const relation = engine.catalog.find(database, schema, object);
  if (!relation || (kind.toUpperCase() === 'VIEW' && relation.kind !== 'view')) throw missingObject(name.toUpperCase());
  if (relation.kind === 'view')
    return localResult(
      [`GET_DDL('${kind.toUpperCase()}', '${name.toUpperCase()}')`],
      [[`${relation.text};`]],
      STATEMENT_TYPE.select,
    );
  throw unsupported('GET_DDL of tables');
}
