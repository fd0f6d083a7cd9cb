/**
 * SQL: what a statement says. Answers its kind, the objects, columns and functions that it names, views opened, each with its place, whether two
 * readings of it are possible, and the text to send with masks in it. It knows no policy and asks no warehouse but through the catalog
 * reader that it is given; what it does not understand it refuses.
 */
export type {
  Access,
  Analysis,
  ColumnUse,
  FullAnalysis,
  FunctionUse,
  ObjectUse,
  Origin,
  OutputColumn,
} from './analysis/analysis.js';
export { shownUses, shownWrites, withoutViews } from './analysis/analysis.js';
export {
  type CatalogReader,
  type Check,
  type ColumnInfo,
  type Constraints,
  type Defaults,
  type Key,
  type ObjectName,
  objectKey,
  type Reference,
  type RelationInfo,
  showIdentifier,
  showObject,
  tellIdentifier,
  tellObject,
} from './analysis/catalog.js';
export { type Count, Effort } from './analysis/effort.js';
export { type KeptAnalysis, type KeptStatement, keptAnalysis, keptRefused, keptStatement } from './analysis/kept.js';
export { type ColumnPart, isTouching, Making, madeOf } from './analysis/made-of.js';
export { namesNoTable } from './analysis/scans.js';
export { spending } from './analysis/spending.js';
export { cteNames, Disagreement, secondOpinion } from './opinion/opinion.js';
export { loadParsers } from './opinion/parsers.js';
export { RustParser } from './opinion/sqlparser-rs.js';
export { isUnknown } from './scope/origins.js';
export { affectedRowsQuery, isBound, writtenRows } from './send/affected.js';
export { type Rewritten, rewrite } from './send/rewrite.js';
export type { Treatment, Treatments } from './send/treatments.js';
export { isRun, STATEMENT_KINDS, type StatementKind } from './text/kind.js';
export { isOperator, isWord, lex, type Piece, pieces, quoteLiteral, type Token } from './text/lex.js';
export { literalValue, unescaped } from './text/literal.js';
export { namedIn } from './text/named.js';
export { type Position, positionAt, positionsOf, Refusal, type RefusalCode } from './text/refusal.js';
export { spaced } from './text/spaced.js';
export { readStatement, type Statement, tokensOf } from './text/statement.js';
export type { Body, Identifier, TreeNode } from './text/tree.js';
export { asBody, asList, asText, folded, identifierOf, isBody, nodeOf, textLiteral } from './text/tree.js';
export { analyse, lookUp, type Named, readNames } from './understand/analyse.js';
export { originsOfView } from './understand/view-columns.js';
export { viewReads } from './understand/view-reads.js';
export { isReserved } from './words/keywords.js';
