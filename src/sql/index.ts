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
export { shownUses, withoutViews } from './analysis/analysis.js';
export { Budget, type Count } from './analysis/budget.js';
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
} from './analysis/catalog.js';
export { type KeptAnalysis, type KeptStatement, keptAnalysis, keptRefused, keptStatement } from './analysis/kept.js';
export { type ColumnPart, isTouching, Making, madeOf } from './analysis/made-of.js';
export { namesNoTable } from './analysis/scans.js';
export { spending } from './analysis/spending.js';
export { cteNames, Disagreement, RustParser, secondOpinion } from './opinion/opinion.js';
export { loadParsers } from './opinion/parsers.js';
export { isUnknown } from './scope/origins.js';
export { affectedRowsQuery, writtenRows } from './send/affected.js';
export { type Rewritten, rewrite, type Treatment, type Treatments } from './send/rewrite.js';
export { STATEMENT_KINDS, type StatementKind } from './text/kind.js';
export { isOperator, isWord, joined, lex, type Piece, pieces, quoteLiteral, type Token } from './text/lex.js';
export { type Position, positionAt, positionsOf, Refusal, type RefusalCode } from './text/refusal.js';
export { readStatement, type Statement, tokensOf } from './text/statement.js';
export type { Body, Identifier, TreeNode } from './text/tree.js';
export { asBody, asList, asText, folded, identifierOf, isBody, nodeOf, textLiteral } from './text/tree.js';
export { analyse, lookUp, type Named, readNames } from './understand/analyse.js';
export { originsOfView } from './understand/view-columns.js';
